"""Bytes read from object storage by whole jobs and by planning, against the size of the source.

Makes a film of some minutes at a real bitrate in several containers, serves it from a stand-in for S3 that
counts what it gives, and lets ``gopfarm transcode`` make one small rendition of it. A decode is one pass over
the picture or over the sound; each reads the whole file where both lie interleaved, as they do in most films.
Planning is counted for MP4 films of two hours with their index at the end, of which reading that index is the
largest part (they take 6.5 GB of the temporary folder for a while).

    python bench/reads.py [--seconds 360] [--only NAME ...] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import imageio_ffmpeg
from films import looped
from object_store import BUCKET, ObjectStore

from encoders.media import boxes

#: The film's containers, and how ffmpeg writes each.
VARIANTS = {
    "index_at_end.mp4": (),
    "index_at_start.mp4": ("-movflags", "+faststart"),
    "fragmented.mp4": ("-movflags", "+frag_keyframe+empty_moov"),
    "matroska.mkv": (),
    "stream.ts": (),
}

#: Films by frames and bits per second, as cinema and as cameras in 1080p have them. All containers hold the
#: first; each is planned at full length.
FILMS = ((24, 5_000_000), (30, 7_000_000))

#: The films that are only planned last so long.
LONG_SECONDS = 7200

FFMPEG = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y"]

#: One small rendition: this bench is about reading.
PROFILE = """\
name: reads
renditions: [{name: 144p, height: 144, bitrate: 200k}]
preset: ultrafast
"""


@dataclass(frozen=True)
class JobReads:
    """What a job read of a source of ``size`` bytes: in planning, and for picture and sound, decoded once."""

    source: str
    size: int
    planning: int
    picture: int
    sound: int
    requests: int

    @property
    def picture_ratio(self) -> float:
        """Bytes read for the picture, planning included, for each byte of the source."""
        return (self.planning + self.picture) / self.size

    @property
    def ratio(self) -> float:
        """Bytes read over the whole job for each byte of the source and decode."""
        return (self.planning + self.picture + self.sound) / (self.size * 2)


@dataclass(frozen=True)
class PlanReads:
    """What planning read of a film, the ``index`` (its ``moov`` box) included, and the command's CPU time."""

    frame_rate: int
    seconds: int
    size: int
    index: int
    bytes_read: int
    requests: int
    cpu_seconds: float


def make_film(film: Path, seconds: int, rate: int, bitrate: int) -> None:
    """Make a film with sound: a small picture, so that it is cheap to decode, at a large one's bitrate."""
    picture = f"testsrc2=size=320x180:rate={rate},noise=alls=60:allf=t"
    encode = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
    encode += ["-g", str(2 * rate), "-bf", "2"]
    rates = ["-b:v", str(bitrate), "-maxrate", str(bitrate), "-bufsize", str(bitrate)]
    subprocess.run(
        [
            *(*FFMPEG, "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "anoisesrc=amplitude=0.1"),
            *("-t", str(seconds), *encode, *rates, "-c:a", "aac", "-b:a", "128k", film),
        ],
        check=True,
    )


def job_reads(film: Path, name: str, options: Sequence[str]) -> JobReads:
    """Put a film into a container, by ffmpeg's options, and transcode it; count what is read of it."""
    source = film.with_name(name)
    subprocess.run([*FFMPEG, "-i", film, "-c", "copy", *options, source], check=True)
    size = source.stat().st_size
    with ObjectStore(film.parent) as store, tempfile.TemporaryDirectory() as out:
        profile = Path(out, "reads.yaml")
        profile.write_text(PROFILE)
        command = ["transcode", f"s3://{BUCKET}/{name}", f"{out}/film", "--profile", str(profile)]
        _gopfarm(command, store)
        report = json.loads(Path(out, "film", "job.json").read_text())
    read = {"video": 0, "audio": 0}
    for task in report["tasks"]:
        read[task["kind"]] += task["source_bytes_read"]
    planning = store.bytes_read[name] - sum(read.values())
    source.unlink()
    return JobReads(name, size, planning, read["video"], read["audio"], store.requests[name])


def plan_reads(film: Path, frame_rate: int, seconds: int) -> PlanReads:
    """Plan a film; count what is read of it."""
    with film.open("rb") as file:
        index = sum(size for kind, _, size in boxes(file) if kind == b"moov")
    with ObjectStore(film.parent) as store:
        before = os.times()
        _gopfarm(["plan", f"s3://{BUCKET}/{film.name}"], store)
        after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    read, requests = store.bytes_read[film.name], store.requests[film.name]
    return PlanReads(frame_rate, seconds, film.stat().st_size, index, read, requests, round(cpu, 2))


def _gopfarm(arguments: list[str], store: ObjectStore) -> None:
    command = [sys.executable, "-m", "gopfarm", *arguments]
    done = subprocess.run(
        command,
        env=os.environ | store.environment,
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"gopfarm {' '.join(arguments)} failed:\n{done.stderr[-2000:]}")


def figures(seconds: int, only: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Run everything; return plain data: ``jobs`` (see ``JobReads``, with its ratios) and ``plans``."""
    jobs: list[JobReads] = []
    plans: list[PlanReads] = []
    with tempfile.TemporaryDirectory(prefix="gopfarm-reads-") as temporary:
        folder = Path(temporary)
        for rate, bitrate in FILMS:
            film = folder / "film.mp4"
            make_film(film, seconds, rate, bitrate)
            if not jobs:
                jobs = [job_reads(film, name, VARIANTS[name]) for name in only or VARIANTS]
            times = -(-LONG_SECONDS // seconds)
            looped(film, folder / "two_hours.mp4", times)
            plans.append(plan_reads(folder / "two_hours.mp4", rate, times * seconds))
    return {
        "jobs": [
            asdict(job) | {"picture_ratio": round(job.picture_ratio, 3), "ratio": round(job.ratio, 3)}
            for job in jobs
        ],
        "plans": [asdict(plan) for plan in plans],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=360, help="length of the film")
    parser.add_argument("--only", action="append", default=[], choices=list(VARIANTS))
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    args = parser.parse_args()
    found = figures(args.seconds, args.only)
    print(
        f"{'source':20} {'MB':>7} {'planning':>9} {'picture':>8} {'sound':>7} {'requests':>8} "
        f"{'picture/size':>12} {'all/(2 x size)':>14}"
    )
    for job in found["jobs"]:
        sizes = [job[name] / 1e6 for name in ("size", "planning", "picture", "sound")]
        print(
            f"{job['source']:20} {sizes[0]:7.1f} {sizes[1]:9.2f} {sizes[2]:8.1f} {sizes[3]:7.1f} "
            f"{job['requests']:8} {job['picture_ratio']:12.3f} {job['ratio']:14.3f}"
        )
    for plan in found["plans"]:
        print(
            f"planning {plan['seconds'] / 3600:.1f} h, {plan['frame_rate']} frames/s "
            f"({plan['size'] / 1e9:.2f} GB): {plan['bytes_read'] / 2**20:.2f} MiB "
            f"(index {plan['index'] / 2**20:.2f}) in {plan['requests']} requests, {plan['cpu_seconds']} CPU s"
        )
    if args.json:
        args.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
