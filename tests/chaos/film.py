"""The film that every run transcodes, and what an undisturbed farm makes of it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg

from tests.chaos.places import Folder, Place

ROOT = Path(__file__).parents[2]
_LADDER = Path(__file__).parent / "ladder.yaml"

#: Chunks last half a minute, so four minutes give eight of them; six frames a second keep each one cheap.
#: The sound is shorter than the picture, so that its task costs no more than another.
SECONDS, RATE, SOUND_SECONDS = 240, 6, 60

#: Half of it is enough for a quick look.
SHORT_SECONDS = 120

#: Left out of comparisons: the report has times in it, and so have the results kept for a resume.
_REPORT, _RECORDS = "job.json", "tasks/"

#: End of the names of files that are still being written, in a folder.
PARTIAL = ".gopfarm-partial"


@dataclass(frozen=True)
class File:
    """What a published file must be."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Film:
    """A source, its ladder, and what comes of them.

    Args:
        source, ladder: Files.
        files: Everything that is published, by its path under the destination.
        tasks: How many tasks the job has.
        seconds: How long the undisturbed job took, in one process.
    """

    source: Path
    ladder: Path
    files: dict[str, File]
    tasks: int
    seconds: float


def published(place: Place) -> dict[str, int]:
    """Return the files of a destination that have to be the same in every run, with their sizes."""
    return {
        name: size
        for name, size in place.sizes().items()
        if name != _REPORT and not name.startswith(_RECORDS) and not name.endswith(PARTIAL)
    }


def digest(data: bytes) -> File:
    """Return what a file is."""
    return File(len(data), hashlib.sha256(data).hexdigest())


def make_film(folder: Path, seconds: int = SECONDS) -> Film:
    """Draw a film of so many seconds and transcode it undisturbed."""
    source, ladder, out = folder / "film.mp4", folder / "ladder.yaml", folder / "reference"
    _draw(source, seconds)
    ladder.write_text(_LADDER.read_text())  # a campaign takes an hour, and somebody may edit it
    done = subprocess.run(
        [sys.executable, "-m", "gopfarm", "transcode", source, out, "--profile", ladder, "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the undisturbed transcode failed: {done.stderr.strip()}")
    report = json.loads((out / _REPORT).read_text())
    times = report["times"]
    place = Folder(out)
    return Film(
        source=source,
        ladder=ladder,
        files={name: digest(place.read(name) or b"") for name in published(place)},
        tasks=len(report["tasks"]),
        seconds=times["stitching"] - times["queued"],
    )


def _draw(path: Path, seconds: int) -> None:
    subprocess.run(
        [
            imageio_ffmpeg.get_ffmpeg_exe(),
            *("-v", "error", "-f", "lavfi", "-i", f"testsrc2=size=320x180:rate={RATE}:duration={seconds}"),
            *("-f", "lavfi", "-i", f"sine=sample_rate=48000:duration={SOUND_SECONDS}"),
            *("-c:v", "libx264", "-preset", "ultrafast", "-g", str(5 * RATE), "-pix_fmt", "yuv420p"),
            *("-c:a", "aac", "-movflags", "+faststart", str(path)),
        ],
        check=True,
    )
