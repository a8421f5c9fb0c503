"""Time to first playable: how long viewers wait with ``--publish progressive``, for a short and a long film.

Runs ``gopfarm transcode`` with two slots and looks at the destination all the while. Playable is the moment
at which ``master.m3u8`` is there: it names all renditions, and each has its first segments. The figures are
shares of the same run's whole time, and the ratio of the two films' waits, so that any machine will do.

    python -m bench.first_playable LONG SHORT [--preset veryfast] [--profile standard] [--json FILE]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.script import ROOT, options_of, report

#: Seconds between looks at the destination.
_LOOK_SECONDS = 0.02

SLOTS = 2


@dataclass(frozen=True)
class Wait:
    """One film: seconds from the start of the command until it could be watched, and until it was done."""

    clip: str
    first_playable: float
    total: float

    @property
    def share(self) -> float:
        """The wait as a share of the whole."""
        return self.first_playable / self.total


def measure(clip: Path, preset: str, profile: str) -> Wait:
    """Transcode a film and tell how long viewers wait for it.

    Raises:
        RuntimeError: The command failed, or nothing could be watched before it ended.
    """
    with tempfile.TemporaryDirectory(prefix="gopfarm-bench-") as folder:
        master = Path(folder) / "out" / "master.m3u8"
        command = [sys.executable, "-m", "gopfarm", "transcode", str(clip), str(master.parent)]
        command += ["--publish", "progressive", "--workers", str(SLOTS), "--preset", preset]
        command += ["--profile", profile]
        started = time.monotonic()
        with (Path(folder) / "log").open("w+") as log:
            process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
            playable = None
            while process.poll() is None:
                if playable is None and master.exists():
                    playable = time.monotonic() - started
                time.sleep(_LOOK_SECONDS)
            total = time.monotonic() - started
            log.seek(0)
            if process.returncode or playable is None:
                raise RuntimeError(f"{clip.name} was not published as it grew:\n{log.read()[-2000:]}")
    return Wait(clip.name, round(playable, 3), round(total, 3))


def figures(long: Path, short: Path, preset: str, profile: str) -> dict[str, object]:
    """Return the figures as plain data."""
    waits = [measure(clip, preset, profile) for clip in (long, short)]
    return {
        "slots": SLOTS,
        "preset": preset,
        "profile": profile,
        "films": [{**asdict(wait), "share": round(wait.share, 4)} for wait in waits],
        "long_over_short": round(waits[0].first_playable / waits[1].first_playable, 3),
    }


def table(found: dict[str, Any]) -> str:
    """Return the figures for people."""
    lines = [f"{'film':<32} {'playable':>10} {'total':>10} {'share':>8}"]
    for film in found["films"]:
        waited = f"{film['first_playable']:>8.1f} s {film['total']:>8.1f} s {film['share']:>8.1%}"
        lines.append(f"{film['clip']:<32} {waited}")
    lines.append(f"the long film's wait is {found['long_over_short']} times the short one's")
    return "\n".join(lines)


def main() -> None:
    parser = options_of(__spec__.name, __doc__, "long", "short")
    parser.add_argument("--preset", default="veryfast")
    parser.add_argument("--profile", default="standard")
    options = parser.parse_args()
    found = figures(options.long, options.short, options.preset, options.profile)
    report(found, table(found), options.json)


if __name__ == "__main__":
    main()
