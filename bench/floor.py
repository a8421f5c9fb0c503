"""The floor under any ladder: one decode of a clip, and the bare encodes of pictures that are scaled already.

Nothing else is counted: no scaling, no segments, no processes. Everything runs in one thread of this process,
with the farm's own settings of x264. All pictures of a rendition are kept in memory meanwhile (3 MB each in
1080p), so the clip has to be short.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import av.logging
from av.video.frame import PictureType, VideoFrame

from encoders.steps import PIXEL_FORMAT
from encoders.video import open_encoder
from gopfarm.plan import VideoRendition
from gopfarm.timeline import gop_starts
from ladder import Rung


def floor(clip: Path, rungs: Sequence[Rung], preset: str, rate: Fraction) -> float:
    """Return the CPU seconds of one decode and one bare encode for each rung.

    Args:
        clip: A short clip of a constant rate.
        rungs: The ladder.
        preset: x264's preset.
        rate: Frames per second.
    """
    av.logging.set_level(None)
    began = time.thread_time()
    count = sum(1 for _ in _decoded(clip))
    spent = time.thread_time() - began
    for rung in rungs:
        pictures = [frame.reformat(rung.width, rung.height, PIXEL_FORMAT) for frame in _decoded(clip)]
        rendition = VideoRendition(
            rung.name,
            "",
            rung.width,
            rung.height,
            "libx264",
            preset,
            rung.bitrate,
            rung.maxrate,
            rung.bufsize,
        )
        began = time.thread_time()
        _encode(pictures, rendition, rate, frozenset(gop_starts(count, rate)))
        spent += time.thread_time() - began
    return spent


def _decoded(clip: Path) -> Iterator[VideoFrame]:
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        yield from container.decode(stream)


def _encode(
    pictures: Sequence[VideoFrame], rendition: VideoRendition, rate: Fraction, idr_slots: frozenset[int]
) -> None:
    stream = open_encoder(rendition, rate).stream
    for slot, picture in enumerate(pictures):
        picture.pts, picture.time_base = slot, 1 / rate
        picture.pict_type = PictureType.I if slot in idr_slots else PictureType.NONE
        stream.encode(picture)
    stream.encode(None)
