"""Seconds until the first command has answered: ``gopfarm --help``, and ``gopfarm transcode`` of one second.

Both are the whole command, from its start to its end. The machine's file cache is warm after the first round,
which is not counted.

    python -m bench.start_up CLIP [--preset veryfast] [--rounds 7] [--json FILE]
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.films import probed
from bench.script import Spent, gopfarm, options_of, report


def help_page() -> Spent:
    """Ask for help."""
    return gopfarm(["--help"])


def transcoded(clip: Path, preset: str) -> Spent:
    """Transcode a clip into the standard ladder."""
    with tempfile.TemporaryDirectory(prefix="gopfarm-start-") as folder:
        return gopfarm(["transcode", str(clip), f"{folder}/out", "--preset", preset])


def several(run: Callable[[], Spent], rounds: int) -> dict[str, float]:
    """Run something once in vain and some rounds in earnest; return seconds as plain data."""
    run()
    spent = [run() for _ in range(rounds)]
    return {
        "best": round(min(each.wall for each in spent), 3),
        "median": round(statistics.median(each.wall for each in spent), 3),
        "cpu": round(statistics.median(each.cpu for each in spent), 3),
    }


def figures(clip: Path, preset: str, rounds: int) -> dict[str, Any]:
    """Return the figures as plain data: wall seconds (best and median), and CPU seconds (median)."""
    return {
        "clip_seconds": round(float(probed(clip).duration), 2),
        "preset": preset,
        "rounds": rounds,
        "help": several(help_page, rounds),
        "transcode": several(lambda: transcoded(clip, preset), rounds),
    }


def table(found: dict[str, Any]) -> str:
    """Return the figures for reading."""
    lines = [f"{'seconds of ' + str(found['rounds']) + ' rounds':36} {'best':>7} {'median':>7} {'CPU':>7}"]
    transcode = f"gopfarm transcode, {found['clip_seconds']} s, {found['preset']}"
    for name, row in (("gopfarm --help", found["help"]), (transcode, found["transcode"])):
        lines.append(f"{name:36} {row['best']:7.2f} {row['median']:7.2f} {row['cpu']:7.2f}")
    return "\n".join(lines)


def main() -> None:
    parser = options_of(__spec__.name, __doc__, "clip")
    parser.add_argument("--preset", default="veryfast")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    found = figures(options.clip, options.preset, options.rounds)
    report(found, table(found), options.json)


if __name__ == "__main__":
    main()
