"""The types that the dashboard's modules claim in their comments are right."""

import subprocess
from pathlib import Path

HERE = Path(__file__).parent


def test_the_types_of_the_dashboards_modules_are_right(npm_packages: Path) -> None:
    compiler = npm_packages / "typescript" / "bin" / "tsc"
    checked = subprocess.run(
        ["node", str(compiler), "--project", "jsconfig.json"],
        cwd=HERE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
