"""CPU seconds and wall time of the standard ladder: ``gopfarm transcode`` against one ffmpeg command.

Both run in one go on the same clip, one after the other and several times in turn, so that the ratio means
something on a noisy machine. ffmpeg decodes once and writes the same renditions as HLS with the same x264
settings; CPU seconds are user plus system time of the whole process tree.

    python -m bench.against_ffmpeg CLIP [--preset veryfast] [--rounds 3] [--separate] [--floor] [--json FILE]
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import imageio_ffmpeg

from bench.films import probed
from bench.floor import floor
from bench.readings import FLOOR, ONE_COMMAND, SEPARATE
from bench.script import Spent, gopfarm, measure, options_of, report
from gopfarm.timeline import MAX_GOP_SECONDS
from ladder import Rung, fit_rungs, load_profile

FARM = "gopfarm"


@dataclass(frozen=True)
class Ladder:
    """What is to be made of a clip: renditions, preset, frames of a GOP, seconds of a segment, and sound."""

    rungs: tuple[Rung, ...]
    preset: str
    gop: int
    segment: float
    sound: bool


def encode_options(rung: Rung, ladder: Ladder) -> list[str]:
    """Return ffmpeg's options for one rendition, the same x264 settings as the farm's."""
    return [
        *("-c:v", "libx264", "-preset", ladder.preset, "-profile:v", "high", "-pix_fmt", "yuv420p"),
        *("-b:v", str(rung.bitrate), "-maxrate", str(rung.maxrate), "-bufsize", str(rung.bufsize)),
        *("-g", str(ladder.gop), "-force_key_frames", f"expr:gte(t,n_forced*{ladder.segment})"),
        *("-f", "hls", "-hls_time", str(ladder.segment), "-hls_playlist_type", "vod"),
        *("-hls_segment_type", "fmp4", "-hls_fmp4_init_filename", f"{rung.name}-init.mp4"),
        f"{rung.name}.m3u8",
    ]


def one_command(clip: Path, ladder: Ladder) -> list[str]:
    """One decode, a split, and an encoder for each rendition."""
    rungs = ladder.rungs
    labels = "".join(f"[s{i}]" for i in range(len(rungs)))
    graph = [f"[0:v]split={len(rungs)}{labels}"]
    graph += [f"[s{i}]scale={r.width}:{r.height}[v{i}]" for i, r in enumerate(rungs)]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-i", str(clip)]
    command += ["-filter_complex", ";".join(graph)]
    for i, rung in enumerate(rungs):
        command += ["-map", f"[v{i}]", *encode_options(rung, ladder)]
    if ladder.sound:
        command += ["-map", "0:a:0", "-c:a", "aac", "-b:a", "128k", "-ac", "2", "-ar", "48000", "audio.m4a"]
    return command


def separate_commands(clip: Path, ladder: Ladder) -> list[list[str]]:
    """One command for each rendition, each decoding for itself: what most people run."""
    return [
        [
            *(imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-i", str(clip), "-an"),
            *("-vf", f"scale={rung.width}:{rung.height}"),
            *encode_options(rung, ladder),
        ]
        for rung in ladder.rungs
    ]


def one_round(clip: Path, ladder: Ladder, separate: bool) -> dict[str, Spent]:
    """Run the farm and what it is compared with once, each by its name."""
    folder = Path(tempfile.mkdtemp(prefix="gopfarm-bench-"))
    try:
        runs = {ONE_COMMAND: measure(one_command(clip, ladder), folder)}
        runs[FARM] = gopfarm(["transcode", str(clip), str(folder / "farm"), "--preset", ladder.preset])
        if separate:
            each = [measure(command, folder) for command in separate_commands(clip, ladder)]
            runs[SEPARATE] = Spent(sum(run.cpu for run in each), sum(run.wall for run in each))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return runs


def figures(clip: Path, preset: str, rounds: int, separate: bool, with_floor: bool) -> dict[str, Any]:
    """Return the figures as plain data: every run, and the medians of the rounds' ratios."""
    facts, profile = probed(clip), load_profile("standard")
    assert facts.video is not None
    rate = facts.video.grid_rate
    ladder = Ladder(
        rungs=fit_rungs(profile.renditions, facts.video.display_size),
        preset=preset,
        gop=int(MAX_GOP_SECONDS * rate),
        segment=profile.segment_seconds,
        sound=bool(facts.audio),
    )
    runs: dict[str, list[Spent]] = {}
    for number in range(1, rounds + 1):
        found = one_round(clip, ladder, separate)
        if with_floor:
            spent = floor(clip, ladder.rungs, preset, rate)
            found[FLOOR] = Spent(spent, spent)
        for name, run in found.items():
            runs.setdefault(name, []).append(run)
        told = "; ".join(f"{name} {run.cpu:.1f} CPU s, {run.wall:.1f} s" for name, run in found.items())
        print(f"round {number}: {told}", flush=True)
    farm = runs.pop(FARM)
    return {
        "preset": preset,
        "clip_seconds": round(float(facts.duration), 2),
        "cores": len(os.sched_getaffinity(0)),
        "gopfarm": [asdict(run) for run in farm],
        "ffmpeg": [asdict(run) for run in runs[ONE_COMMAND]],
        **{name: ratios(farm, others) for name, others in runs.items()},
    }


def ratios(ours: Sequence[Spent], theirs: Sequence[Spent]) -> dict[str, float]:
    """Return the medians of the rounds' ratios, and how far those of CPU time lie apart."""
    cpu = [a.cpu / b.cpu for a, b in zip(ours, theirs, strict=True)]
    wall = [a.wall / b.wall for a, b in zip(ours, theirs, strict=True)]
    return {
        "cpu_ratio": round(statistics.median(cpu), 3),
        "cpu_ratio_least": round(min(cpu), 3),
        "cpu_ratio_most": round(max(cpu), 3),
        "wall_ratio": round(statistics.median(wall), 3),
    }


def table(found: dict[str, Any]) -> str:
    """Return the figures for reading."""
    rounds = len(found["gopfarm"])
    return "\n".join(
        f"gopfarm / {name}: CPU {found[name]['cpu_ratio']:.3f}"
        + (f", wall {found[name]['wall_ratio']:.3f}" if name != FLOOR else "")
        + f" (medians of {rounds} rounds)"
        for name in (ONE_COMMAND, SEPARATE, FLOOR)
        if name in found
    )


def main() -> None:
    parser = options_of(__spec__.name if __spec__ else None, __doc__, "clip")
    parser.add_argument("--preset", default="veryfast")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--separate", action="store_true", help="also run one ffmpeg command per rendition")
    parser.add_argument("--floor", action="store_true", help="also measure the floor; for short clips")
    args = parser.parse_args()
    found = figures(args.clip, args.preset, args.rounds, args.separate, args.floor)
    report(found, table(found), args.json)


if __name__ == "__main__":
    main()
