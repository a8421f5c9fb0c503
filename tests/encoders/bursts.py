"""Sources with bursts of noise at known times, and how late and how loud each burst is afterwards."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gopfarm.plan import AudioTask
from tests.encoders.clips import FFMPEG, ffmpeg, join, plan_of, run, sound_of

#: Seconds of the sources, and when in them a burst starts; bursts last a tenth of a second.
SECONDS = 3.4
BURSTS = (0.25, 1.25, 2.25, 3.25)
_BURST = 0.1

#: Rate at which sounds are compared, in samples per second.
RATE = 48_000

#: Seconds around its place in which a burst is looked for.
_WITHIN = 0.12

#: Noise without anything above 3 kHz, so that every codec and rate here carries it whole.
_NOISE = f"aevalsrc='0.5*(random(0)*2-1)*lt(mod(t+0.75,1),{_BURST})':s={RATE}:d={SECONDS},lowpass=f=3000"

_PICTURES = {
    "webm": "libvpx",
    "flv": "flv",
    "3gp": "h263",
    "mpg": "mpeg2video",
    "avi": "mpeg4",
    "mxf": "mpeg2video",
}
_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}

#: What one side of stereo is, in times of a channel, where all channels are the same.
_SUMS = {1: 0.5**0.5, 2: 1.0, 6: 1 + 2 * 0.5**0.5, 8: 1 + 3 * 0.5**0.5}

Sound = NDArray[np.float32]


@dataclass(frozen=True)
class Recipe:
    """How a source is made: the encoder's arguments, and what it is given."""

    encoder: tuple[str, ...]
    rate: int = 48_000
    channels: int = 2
    picture: bool = True


def make(path: Path, recipe: Recipe) -> None:
    """Make a source of bursts, the same in all channels."""
    extension = path.suffix[1:]
    codec = "msmpeg4v3" if extension in ("wmv", "asf") else _PICTURES.get(extension, "libx264")
    picture = ["-f", "lavfi", "-i", f"testsrc2=size=176x144:rate=25:duration={SECONDS}"]
    picture += ["-map", "0:v", "-map", "[a]", "-c:v", codec, "-b:v", "200k"]
    gain = 1 if recipe.channels <= 2 else 0.5
    pan = "|".join(f"c{n}={gain}*c0" for n in range(recipe.channels))
    mixed = f"{_NOISE},pan={_LAYOUTS[recipe.channels]}|{pan},aresample={recipe.rate}[a]"
    ffmpeg(
        *(picture if recipe.picture else ["-map", "[a]"]),
        *("-filter_complex", mixed),
        *("-preset", "ultrafast") * (recipe.picture and codec == "libx264"),
        *(*recipe.encoder, str(path)),
    )


def played(path: Path, channels: int) -> tuple[Fraction, Sound]:
    """Decode with the ffmpeg binary: the time of the first sample, and the samples of one side of stereo.

    Of several channels, which are all the same here, it is their sum with the coefficients of ITU-R BS.775.
    """
    arguments = ["-nostdin", "-v", "error", "-i", str(path), "-map", "0:a:0", "-copyts"]
    log = subprocess.run(
        [FFMPEG, *arguments, "-frames:a", "1", "-f", "framecrc", "-"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    base = re.search(r"#tb 0: (\d+)/(\d+)", log)
    first = next(line for line in log.splitlines() if line[0] != "#")
    assert base is not None
    start = int(first.split(",")[2]) * Fraction(int(base[1]), int(base[2]))
    raw = subprocess.run(
        [
            FFMPEG,
            *arguments,
            "-af",
            f"pan=mono|c0={_SUMS[channels]}*c0",
            "-ar",
            str(RATE),
            "-f",
            "f32le",
            "-",
        ],
        capture_output=True,
        check=True,
    ).stdout
    return start, np.frombuffer(raw, np.float32)


@dataclass(frozen=True)
class Burst:
    """One burst in the published stream, against the source: seconds late, and how many times as loud."""

    late: float
    gain: float


def published_sound(path: Path, scratch: Path) -> tuple[AudioTask, float, Sound]:
    """Encode the first track: its task, the time of the first sample, and the samples."""
    plan = plan_of(path, heights=(48,))
    task = next(task for task in plan.tasks if isinstance(task, AudioTask))
    run(task, path, scratch)
    return task, *sound_of(join(scratch, task.rendition.name))


def compare(path: Path, scratch: Path, channels: int) -> list[Burst]:
    """Encode a source's first track and find every burst that ffmpeg plays of it."""
    task, start, sound = published_sound(path, scratch)
    source_start, source = played(path, channels)
    begin = float(source_start - task.origin)
    bursts = []
    # Encoders put silence before what they are given, so bursts are looked for in what is played.
    loud = np.flatnonzero(np.convolve(np.abs(source), np.ones(480) / 480, mode="same") > 0.02)
    edges = loud[np.flatnonzero(np.diff(loud, prepend=-RATE) > RATE // 2)]
    for edge in edges:
        piece = source[edge : edge + round(_BURST * RATE)]
        bursts.append(burst_at(piece, begin + edge / RATE, start, sound[0]))
    return bursts


def burst_at(piece: Sound, at: float, start: float, sound: Sound) -> Burst:
    """Find a piece of sound that belongs at a time, in seconds, in a sound that starts at another."""
    reach = round(_WITHIN * RATE)
    expected = (at - start) * RATE
    first = round(expected) - reach
    padded = np.pad(sound, (max(0, -first), len(piece) + 2 * reach))
    window = padded[max(0, first) :][: len(piece) + 2 * reach]
    match = np.correlate(window, piece, "valid")
    best = int(np.argmax(match))
    near = match[max(0, best - 1) : best + 2].astype(float)
    bend = near[0] - 2 * near[1] + near[-1] if len(near) == 3 else 0.0
    between = (near[0] - near[2]) / (2 * bend) if bend else 0.0
    late = (first + best + between - expected) / RATE
    return Burst(late, float(match[best] / np.dot(piece, piece)))
