"""The clip for a first try: five scenes with hard cuts and stereo sound, drawn and played by the code itself.

Nothing is downloaded. Each scene is hard for an encoder in its own way: layers that pass each other, ever
finer detail, slow gradients, single pixels that flicker, sharp edges. The cuts between them are what a
chunked encode has to get right, and the sound wanders between left and right, so that swapped or lost
channels are heard at once.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import av
import av.filter
import numpy as np
from av.video.frame import PictureType
from numpy.typing import NDArray

from gopfarm.errors import DestinationError

Samples: TypeAlias = NDArray[np.float32]
Picture: TypeAlias = NDArray[np.uint8]

WIDTH, HEIGHT = 1280, 720
FRAME_RATE = 30
GOP_FRAMES = 2 * FRAME_RATE
SAMPLE_RATE = 48_000
NOTE_SECONDS = 0.25
# Row below which the hills of the first scene hide the sky everywhere.
HORIZON = HEIGHT * 3 // 4

# To BT.709 in limited range, which is what players assume of HD.
TO_VIDEO = (
    ("scale", f"{WIDTH}:{HEIGHT}:flags=bicubic:out_color_matrix=bt709:out_range=tv"),
    ("format", "yuv420p"),
)


@dataclass(frozen=True)
class Scene:
    """One scene: how to get its frames, and the chord (in Hz) that sounds with it."""

    frames: Callable[[int], Iterator[av.VideoFrame]]
    chord: tuple[float, ...]
    overtones: tuple[float, ...]


def make_demo_clip(path: Path, seconds: int = 20) -> None:
    """Write a clip of ``seconds`` to ``path``: MP4, 1280x720 at 30 fps, H.264, AAC stereo at 48 kHz.

    The file appears whole or not at all. Raises ``DestinationError`` where it cannot be written.
    """
    if seconds < 1:
        raise ValueError("a clip lasts at least one second")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        os.close(handle)
        partial = Path(name)
        try:
            _write(partial, seconds)
            # mkstemp keeps files private; a clip gets the permissions any new file would.
            umask = os.umask(0)
            os.umask(umask)
            partial.chmod(0o666 & ~umask)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise DestinationError(f"{path}: cannot be written: {error.strerror or error}") from error


def _write(path: Path, seconds: int) -> None:
    lengths = _scene_lengths(seconds * FRAME_RATE, len(SCENES))
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as out:
        video = out.add_stream("libx264", rate=FRAME_RATE)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.time_base = Fraction(1, FRAME_RATE)
        # A keyframe at each cut and every two seconds, nowhere else.
        video.options = {"preset": "veryfast", "crf": "23", "sc_threshold": "0", "forced-idr": "1"}
        context = video.codec_context
        context.gop_size = GOP_FRAMES
        context.thread_count = 0  # as many as there are cores
        context.color_primaries = context.color_trc = context.colorspace = 1  # BT.709
        context.color_range = 1
        audio = out.add_stream("aac", rate=SAMPLE_RATE, layout="stereo")
        audio.bit_rate = 160_000

        done = 0
        for scene, length in zip(SCENES, lengths, strict=True):
            for n, frame in enumerate(scene.frames(length)):
                frame.pts, frame.time_base = done, Fraction(1, FRAME_RATE)
                frame.pict_type = PictureType.I if n == 0 else PictureType.NONE
                out.mux(video.encode(frame))
                done += 1
        out.mux(video.encode(None))

        sound = av.AudioFrame.from_ndarray(_soundtrack(lengths), format="fltp", layout="stereo")
        sound.sample_rate, sound.pts, sound.time_base = SAMPLE_RATE, 0, Fraction(1, SAMPLE_RATE)
        out.mux(audio.encode(sound))
        out.mux(audio.encode(None))


def _scene_lengths(frames: int, scenes: int) -> list[int]:
    """Share ``frames`` among the scenes, as evenly as whole frames allow."""
    edges = [frames * i // scenes for i in range(scenes + 1)]
    return [end - start for start, end in pairwise(edges)]


def _generated(*source: tuple[str, str]) -> Callable[[int], Iterator[av.VideoFrame]]:
    """Build frames from a libavfilter source and the filters after it, as (name, arguments) pairs."""

    def frames(count: int) -> Iterator[av.VideoFrame]:
        graph = av.filter.Graph()
        chain = [graph.add(name, arguments) for name, arguments in (*source, *TO_VIDEO)]
        chain.append(graph.add("buffersink"))
        for before, after in pairwise(chain):
            before.link_to(after)
        graph.configure()
        for _ in range(count):
            yield graph.vpull()

    return frames


def _sunrise(count: int) -> Iterator[av.VideoFrame]:
    """Draw a wind farm at sunrise: hills that pass at three speeds, turbines, a sun that rises."""
    graph = av.filter.Graph()
    rgb = av.VideoFormat("rgb24", WIDTH, HEIGHT)
    source = graph.add_buffer(width=WIDTH, height=HEIGHT, format=rgb, time_base=Fraction(1, FRAME_RATE))
    chain = [source, *(graph.add(name, arguments) for name, arguments in TO_VIDEO), graph.add("buffersink")]
    for before, after in pairwise(chain):
        before.link_to(after)
    graph.configure()

    sky, light = _sky(), _sunlight()
    for n in range(count):
        frame = av.VideoFrame.from_ndarray(_landscape(sky, light, n / count, n / FRAME_RATE), format="rgb24")
        frame.pts, frame.time_base = n, Fraction(1, FRAME_RATE)
        graph.vpush(frame)
        yield graph.vpull()


def _sky() -> NDArray[np.float32]:
    """Blend from night blue at the top to peach at the horizon: height x 1 x RGB."""
    stops = np.array([0.0, 0.35, 0.6, 0.75])
    colours = np.array([[24, 36, 92], [112, 92, 160], [244, 150, 120], [255, 214, 150]], dtype=np.float64)
    rows = np.linspace(0.0, 1.0, HEIGHT)
    blended = np.stack([np.interp(rows, stops, colours[:, c]) for c in range(3)], axis=-1)
    return blended.astype(np.float32)[:, None, :]


def _sunlight() -> NDArray[np.float32]:
    """Tell how much the sun outshines the sky, 0 to 1: twice the picture's size, the sun in the middle."""
    x = np.arange(-WIDTH, WIDTH, dtype=np.float32)[None, :]
    y = np.arange(-HEIGHT, HEIGHT, dtype=np.float32)[:, None]
    distance = np.hypot(x, y)
    light: NDArray[np.float32] = np.minimum(np.exp(distance / -170) * 0.75 + np.clip(47 - distance, 0, 1), 1)
    return light


def _landscape(sky: NDArray[np.float32], light: NDArray[np.float32], progress: float, time: float) -> Picture:
    x = np.arange(WIDTH, dtype=np.float32)[None, :]
    y = np.arange(HEIGHT, dtype=np.float32)[:, None]
    picture = np.empty((HEIGHT, WIDTH, 3), np.uint8)

    sun_x, sun_y = WIDTH * (0.25 + 0.5 * progress), HEIGHT * (0.62 - 0.3 * progress)
    glow = light[HEIGHT - int(sun_y) :, WIDTH - int(sun_x) :][:HORIZON, :WIDTH]
    for channel, sunlight in enumerate((255, 244, 214)):
        shade = sky[:HORIZON, :, channel]
        picture[:HORIZON, :, channel] = shade + (sunlight - shade) * glow

    for depth, (level, rise, speed, colour) in enumerate(
        ((0.62, 46, 14, (116, 104, 150)), (0.72, 40, 42, (70, 92, 112)), (0.84, 30, 110, (34, 62, 58)))
    ):
        along = x[0] + speed * time
        hills = HEIGHT * level - rise * (
            np.sin(along / (260 - 40 * depth)) + 0.5 * np.sin(along / (97 - 9 * depth) + depth)
        )
        top = int(hills.min())
        ground = y[top:] > hills
        for channel in range(3):
            np.copyto(picture[top:, :, channel], np.uint8(colour[channel]), where=ground)
        if depth == 1:
            for k in range(5):
                turbine_x = (k * 330 + 140 - speed * time) % (5 * 330) - 150
                foot = float(np.interp(turbine_x, x[0], hills))
                _turbine(picture, turbine_x, foot + 6, 150, time * 2.1 + k)
    # Furrows of the nearest field run towards the horizon.
    furrows = ((x - WIDTH / 2) / (y[top:] - HEIGHT * 0.55) * 9 + speed * time / 20) % 1 < 0.42
    picture[top:][furrows & (y[top:] > hills + 14)] = (46, 82, 66)
    return picture


def _turbine(picture: Picture, x: float, foot: float, height: float, angle: float) -> None:
    hub = foot - height
    _line(picture, (x, foot), (x, hub), 3.2)
    for blade in range(3):
        turn = angle + blade * 2 * np.pi / 3
        _line(picture, (x, hub), (x + 78 * np.cos(turn), hub + 78 * np.sin(turn)), 2.6)


def _line(picture: Picture, start: tuple[float, float], end: tuple[float, float], half: float) -> None:
    """Draw a white line with soft edges, ``half`` its half width in pixels, tapering to its end."""
    left, right = sorted((start[0], end[0]))
    top, bottom = sorted((start[1], end[1]))
    x0, x1 = max(int(left - half - 1), 0), min(int(right + half + 2), WIDTH)
    y0, y1 = max(int(top - half - 1), 0), min(int(bottom + half + 2), HEIGHT)
    if x0 >= x1 or y0 >= y1:
        return
    x = np.arange(x0, x1, dtype=np.float32)[None, :] - start[0]
    y = np.arange(y0, y1, dtype=np.float32)[:, None] - start[1]
    dx, dy = end[0] - start[0], end[1] - start[1]
    along = np.clip((x * dx + y * dy) / (dx * dx + dy * dy), 0, 1)
    cover = np.clip(half * (1 - 0.6 * along) + 0.5 - np.hypot(x - along * dx, y - along * dy), 0, 1)[
        :, :, None
    ]
    box = picture[y0:y1, x0:x1]
    box[...] = (box + (np.array([246, 244, 240]) - box) * cover).astype(np.uint8)


def _soundtrack(lengths: list[int]) -> Samples:
    """Play each scene's chord over exactly its frames: 2 x samples, left and right."""
    parts = [
        _arpeggio(scene, SAMPLE_RATE * length // FRAME_RATE)
        for scene, length in zip(SCENES, lengths, strict=True)
    ]
    return np.ascontiguousarray(np.concatenate(parts, axis=1), dtype=np.float32)


def _arpeggio(scene: Scene, samples: int) -> Samples:
    """Pluck the chord note by note over a low pad, wandering from left to right and back."""
    time = np.arange(samples) / SAMPLE_RATE
    note = (time / NOTE_SECONDS).astype(np.int64)
    since = time - note * NOTE_SECONDS
    pattern = np.array([*scene.chord, *reversed(scene.chord[1:-1])])
    phase = 2 * np.pi * pattern[note % len(pattern)] * since
    pluck = sum(level * np.sin(phase * (k + 1)) for k, level in enumerate(scene.overtones))
    pluck = pluck * np.exp(-since * 9) * np.minimum(since / 0.004, 1)
    pluck = pluck * np.clip((NOTE_SECONDS - since) / 0.01, 0, 1)
    pad = sum(np.sin(2 * np.pi * tone / 2 * time) for tone in scene.chord) / len(scene.chord)

    edge = np.clip(np.minimum(time, time[-1] - time) / 0.02, 0, 1) if samples else time
    place = (1 - np.cos(2 * np.pi * time / max(samples / SAMPLE_RATE, 0.1))) * np.pi / 4
    left = (0.30 * pluck * np.cos(place) + 0.10 * pad) * edge
    right = (0.30 * pluck * np.sin(place) + 0.10 * pad) * edge
    return np.stack([left, right]).astype(np.float32)


SCENES = (
    Scene(_sunrise, (220.00, 261.63, 329.63, 440.00), (1.0, 0.4, 0.15)),
    Scene(
        _generated(
            (
                "mandelbrot",
                f"size=768x432:rate={FRAME_RATE}:maxiter=1200:inner=black:start_scale=1.2:end_scale=0.0012:end_pts=150",
            ),
            ("hue", "h=125:s=0.85"),
        ),
        (174.61, 220.00, 261.63, 349.23),
        (1.0, 0.1, 0.3),
    ),
    Scene(
        _generated(
            (
                "gradients",
                f"size=640x360:rate={FRAME_RATE}:nb_colors=5:type=spiral:speed=0.04:seed=7:x0=320:y0=200:x1=560:y1=60"
                ":c0=#0b1d51:c1=#7b2cbf:c2=#ff6d6d:c3=#ffd166:c4=#06b6a4",
            ),
        ),
        (261.63, 329.63, 392.00, 523.25),
        (1.0, 0.5, 0.3, 0.2),
    ),
    Scene(
        _generated(
            (
                "life",
                f"size=320x180:rate={FRAME_RATE}:mold=12:ratio=0.18:seed=11"
                ":life_color=#f4e07a:death_color=#5b3fa8:mold_color=#12203f",
            ),
            ("scale", f"{WIDTH}:{HEIGHT}:flags=neighbor"),
        ),
        (196.00, 246.94, 293.66, 392.00),
        (1.0, 0.0, 0.33, 0.0, 0.2),
    ),
    Scene(
        _generated(("testsrc2", f"size={WIDTH}x{HEIGHT}:rate={FRAME_RATE}")),
        (261.63, 329.63, 392.00, 523.25, 659.25),
        (1.0, 0.4, 0.15),
    ),
)
