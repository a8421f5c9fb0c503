"""Films whose frames have times of their own: phones, screen recorders, time-lapses."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av

from tests.hostile.expected import SIZE, Film, Shown, Track, expect, seconds_of_beeps
from tests.hostile.numbered import draw
from tests.hostile.sources import AAC, Kit, Recipe


def write_timed(path: Path, frames: Shown, time_base: Fraction, options: dict[str, str]) -> None:
    """Write frames (number, seconds) as H.264 in the container that the path's suffix names.

    The picture is BT.601 in limited range, not tagged, as phones of old wrote it.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", options={"preset": "ultrafast", "crf": "12", "g": "25", **options}
        )
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        stream.time_base = time_base
        stream.codec_context.time_base = time_base
        stream.codec_context.framerate = Fraction(30)
        for number, seconds in frames:
            frame = av.VideoFrame.from_ndarray(draw(number, *SIZE), format="rgb24").reformat(
                format="yuv420p", dst_colorspace="ITU601", dst_color_range="MPEG"
            )
            frame.pts, frame.time_base = round(seconds / time_base), time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def timed(
    name: str,
    times: Sequence[Fraction],
    *,
    time_base: Fraction = Fraction(1, 90000),
    last: Fraction = Fraction(1, 25),
    codec: dict[str, str] | None = None,
    sound: str = AAC,
    arguments: str = "",
    note: str = "",
    **changes: object,
) -> Recipe:
    """Frames 0, 1, 2, ... at given times, with beeps at whole seconds.

    Args:
        name: File name.
        times: When each frame is shown.
        time_base: Seconds a tick.
        last: How long the last frame is shown.
        codec: Options of libx264.
        sound: Arguments for the sound; none if empty.
        arguments: Arguments of the muxer.
        note: What is odd about it.
        changes: Of what is expected.
    """
    end = float(times[-1] + last)
    shown = tuple(enumerate(round(at / time_base) * time_base for at in times))

    def make(kit: Kit, path: Path) -> None:
        picture = path.with_name(
            f"picture-{path.stem}.mkv" if time_base == Fraction(1, 1000) else f"picture-{path.stem}.mp4"
        )
        write_timed(picture, shown, time_base, codec or {})
        extra = (
            ["-i", kit.beeps(round(end, 3)), "-map", "0:v", "-map", "1:a", *shlex.split(sound)]
            if sound
            else []
        )
        copy = ["-c:v", "copy"]
        kit.ffmpeg("-i", picture, *extra, *copy, *shlex.split(arguments), path)
        picture.unlink()

    usual: dict[str, object] = {
        "shown": shown,
        "pictures": "slots",
        "rate": None,
        "tracks": (Track(seconds_of_beeps(end), end=end),) if sound else (),
    }
    return Recipe(name, make, expect(Film(), **{**usual, **changes}), note)
