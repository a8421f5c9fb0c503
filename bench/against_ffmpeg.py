"""CPU seconds and wall time of the standard ladder: ``gopfarm transcode`` against one ffmpeg command.

Both run in one go on the same clip, one after the other and several times in turn, so that the ratio means
something on a noisy machine. ffmpeg decodes once and writes the same renditions as HLS with the same x264
settings; CPU seconds are user plus system time of the whole process tree.

    python bench/against_ffmpeg.py CLIP [--preset veryfast] [--rounds 3] [--separate] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import imageio_ffmpeg

from gopfarm.settings import get_settings
from gopfarm.timeline import MAX_GOP_SECONDS
from ladder import Rung, fit_rungs, load_profile
from scheduler.prepare import probe_url


@dataclass(frozen=True)
class Run:
    """What one run took, in seconds."""

    cpu: float
    wall: float


def measure(command: list[str], cwd: Path) -> Run:
    """Run a command to its end; count its CPU time and that of all its children."""
    before, started = os.times(), time.monotonic()
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    after = os.times()
    if done.returncode:
        sys.exit(f"{command[0]} failed:\n{done.stderr[-2000:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Run(cpu, time.monotonic() - started)


def encode_options(rung: Rung, preset: str, gop: int, segment: float) -> list[str]:
    """Return ffmpeg's options for one rendition, the same x264 settings as the farm's."""
    return [
        *("-c:v", "libx264", "-preset", preset, "-profile:v", "high", "-pix_fmt", "yuv420p"),
        *("-b:v", str(rung.bitrate), "-maxrate", str(rung.maxrate), "-bufsize", str(rung.bufsize)),
        *("-g", str(gop), "-force_key_frames", f"expr:gte(t,n_forced*{segment})"),
        *("-f", "hls", "-hls_time", str(segment), "-hls_playlist_type", "vod"),
        *("-hls_segment_type", "fmp4", "-hls_fmp4_init_filename", f"{rung.name}-init.mp4"),
        f"{rung.name}.m3u8",
    ]


def one_command(
    clip: Path, rungs: tuple[Rung, ...], preset: str, gop: int, segment: float, sound: bool
) -> list[str]:
    """One decode, a split, and an encoder for each rendition."""
    labels = "".join(f"[s{i}]" for i in range(len(rungs)))
    graph = [f"[0:v]split={len(rungs)}{labels}"]
    graph += [f"[s{i}]scale={r.width}:{r.height}[v{i}]" for i, r in enumerate(rungs)]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-i", str(clip)]
    command += ["-filter_complex", ";".join(graph)]
    for i, rung in enumerate(rungs):
        command += ["-map", f"[v{i}]", *encode_options(rung, preset, gop, segment)]
    if sound:
        command += ["-map", "0:a:0", "-c:a", "aac", "-b:a", "128k", "-ac", "2", "-ar", "48000", "audio.m4a"]
    return command


def separate_commands(
    clip: Path, rungs: tuple[Rung, ...], preset: str, gop: int, segment: float
) -> list[list[str]]:
    """Four commands, each decoding for itself: what most people run."""
    return [
        [
            *(imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-i", str(clip), "-an"),
            *("-vf", f"scale={rung.width}:{rung.height}"),
            *encode_options(rung, preset, gop, segment),
        ]
        for rung in rungs
    ]


def ratio(name: str, ours: list[Run], theirs: list[Run], figures: dict[str, object]) -> None:
    cpu = statistics.median(a.cpu / b.cpu for a, b in zip(ours, theirs, strict=True))
    wall = statistics.median(a.wall / b.wall for a, b in zip(ours, theirs, strict=True))
    print(f"gopfarm / {name}: CPU {cpu:.3f}, wall {wall:.3f} (medians of {len(ours)} rounds)")
    figures[name] = {"cpu_ratio": round(cpu, 3), "wall_ratio": round(wall, 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", type=Path)
    parser.add_argument("--preset", default="veryfast")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--separate", action="store_true", help="also run one ffmpeg command per rendition")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    args = parser.parse_args()
    clip = args.clip.absolute()
    profile = load_profile("standard")
    facts = probe_url(str(clip), get_settings())
    if facts.video is None:
        sys.exit("the clip has no picture")
    rungs = fit_rungs(profile.renditions, facts.video.display_size)
    gop = int(MAX_GOP_SECONDS * facts.video.grid_rate)
    ours: list[Run] = []
    theirs: list[Run] = []
    separate: list[Run] = []
    for number in range(1, args.rounds + 1):
        folder = Path(tempfile.mkdtemp(prefix="gopfarm-bench-"))
        try:
            command = one_command(
                clip, rungs, args.preset, gop, profile.segment_seconds, sound=bool(facts.audio)
            )
            theirs.append(measure(command, folder))
            farm = [sys.executable, "-m", "gopfarm", "transcode", str(clip), str(folder / "farm")]
            ours.append(measure([*farm, "--preset", args.preset], Path(__file__).parents[1]))
            if args.separate:
                runs = [
                    measure(each, folder)
                    for each in separate_commands(clip, rungs, args.preset, gop, profile.segment_seconds)
                ]
                separate.append(Run(sum(r.cpu for r in runs), sum(r.wall for r in runs)))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        print(
            f"round {number}: gopfarm {ours[-1].cpu:.1f} CPU s, {ours[-1].wall:.1f} s; "
            f"ffmpeg {theirs[-1].cpu:.1f} CPU s, {theirs[-1].wall:.1f} s",
            flush=True,
        )
    figures: dict[str, object] = {
        "clip": clip.name,
        "preset": args.preset,
        "cores": len(os.sched_getaffinity(0)),
        "gopfarm": [asdict(run) for run in ours],
        "ffmpeg": [asdict(run) for run in theirs],
    }
    ratio("one ffmpeg command", ours, theirs, figures)
    if separate:
        ratio("separate ffmpeg commands", ours, separate, figures)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
