"""Write the dashboards into the folder that the arguments name."""

from __future__ import annotations

import sys
from pathlib import Path

from dashboards import documents


def main(folder: Path) -> None:
    """Replace what the folder has by the dashboards of the code."""
    made = documents()
    for old in folder.glob("*.json"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
