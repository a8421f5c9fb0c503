"""What it costs to bring pictures of many kinds to four renditions, before they are encoded.

Each kind is measured in turn with plain 8-bit pictures, several rounds, in CPU milliseconds a picture on one
core; the ratio to the plain ones of the same round means something on a noisy machine.

    python -m bench.pictures [--rounds 5] [--frames 24] [--json FILE]
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial

import numpy as np
from av.video.frame import VideoFrame

from bench.script import options_of, report
from encoders.cascade import Cascade
from encoders.deinterlace import deinterlaced
from encoders.fields import FieldVotes
from gopfarm.facts import Colour
from gopfarm.plan import Normaliser, VideoRendition

SIZE = (1920, 1080)
SDR = Colour(1, 1, 1)
SIZES = ((1920, 1080), (1280, 720), (854, 480), (640, 360))
PLAIN = Normaliser(0, Fraction(1, 30), 0, Fraction(30), colour=SDR, target=SDR)

#: What is measured: name, pixel format of the source, and what is to be done to its pictures.
KINDS: dict[str, tuple[str, Normaliser]] = {
    "8 bit, 4:2:0": ("yuv420p", PLAIN),
    "full range": ("yuv420p", replace(PLAIN, colour=replace(SDR, full_range=True))),
    "10 bit, 4:2:2": ("yuv422p10le", PLAIN),
    "RGB": ("gbrp", replace(PLAIN, colour=replace(SDR, matrix=0, full_range=True))),
    "turned by 90 degrees": ("yuv420p", replace(PLAIN, rotation=90)),
    "HDR10": ("yuv420p10le", replace(PLAIN, colour=Colour(9, 16, 9, peak=1000))),
    "HLG": ("yuv420p10le", replace(PLAIN, colour=Colour(9, 18, 9))),
}


def pictures(pixel_format: str, count: int) -> list[VideoFrame]:
    """Make ``count`` pictures of soft noise that moves."""
    rng = np.random.default_rng(1)
    small = rng.integers(0, 255, (SIZE[1] // 8, SIZE[0] // 8 + count, 3), dtype=np.uint8)
    frames = []
    for number in range(count):
        view = np.ascontiguousarray(small[:, number : number + SIZE[0] // 8])
        frame = VideoFrame.from_ndarray(view, format="rgb24").reformat(*SIZE, format=pixel_format)
        frame.pts, frame.time_base = number, Fraction(1, 30)
        frames.append(frame)
    return frames


def milliseconds(work: Callable[[], object], frames: int) -> float:
    """Return the CPU milliseconds that some work takes for each of ``frames`` pictures."""
    started = time.process_time()
    work()
    return 1000 * (time.process_time() - started) / frames


def _scale_all(cascade: Cascade, frames: list[VideoFrame]) -> None:
    for frame in frames:
        cascade.scale(frame)


def renditions(picture: Normaliser) -> list[VideoRendition]:
    """The four rungs of the standard ladder, upright where the picture is."""
    sizes = [size[::-1] if picture.rotation else size for size in SIZES]
    return [VideoRendition(f"{h}p", "", w, h, "libx264", "veryfast", 1, 1, 1) for w, h in sizes]


def measure(count: int) -> dict[str, float]:
    """Measure everything once."""
    found = {}
    for name, (pixel_format, picture) in KINDS.items():
        frames, cascade = pictures(pixel_format, count), Cascade(renditions(picture), picture)
        cascade.scale(frames[0])
        found[name] = milliseconds(partial(_scale_all, cascade, frames), count)
    woven = pictures("yuv420p", count + 1)
    found["deinterlacing alone"] = milliseconds(lambda: list(deinterlaced(woven, "top")), count)
    found["looking for fields"] = milliseconds(lambda: FieldVotes().add(woven), count)
    return found


def figures(rounds: int, frames: int) -> dict[str, dict[str, float]]:
    """Return the medians as plain data, by kind: milliseconds a picture, and the ratio to plain ones."""
    found, plain = [measure(frames) for _ in range(rounds)], next(iter(KINDS))
    return {
        name: {
            "milliseconds": round(statistics.median(one[name] for one in found), 2),
            "ratio": round(statistics.median(one[name] / one[plain] for one in found), 2),
        }
        for name in found[0]
    }


def table(found: dict[str, dict[str, float]]) -> str:
    """Return the figures for reading."""
    lines = [f"{'CPU ms a picture, 1080p to four renditions':44} {'median':>8} {'ratio':>7}"]
    lines += [f"{name:44} {row['milliseconds']:8.2f} {row['ratio']:7.2f}" for name, row in found.items()]
    return "\n".join(lines)


def main() -> None:
    parser = options_of(__spec__.name, __doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=24, help="of each kind in a round")
    options = parser.parse_args()
    found = figures(options.rounds, options.frames)
    report(found, table(found), options.json)


if __name__ == "__main__":
    main()
