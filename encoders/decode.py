"""Decoding packets of either kind, counting what is damaged instead of stopping at it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import av.error
from av.packet import Packet
from av.video.frame import VideoFrame

from gopfarm.stopwatch import Stopwatch

FrameT = TypeVar("FrameT")
T = TypeVar("T")


@dataclass
class DecodeCounts:
    """What decoding met.

    ``frames`` came out; ``damaged`` packets gave none, and ``concealed`` frames are ones whose decoder had to
    make up a part. Nothing damaged counts before the first frame, since a stream may begin anywhere, and
    nothing whose packet is shown before ``since`` (a presentation time), since other tasks count that.
    ``clock`` ran until all was there, scaled and so on (see ``timed``).
    """

    frames: int = 0
    damaged: int = 0
    concealed: int = 0
    since: int | None = None
    clock: Stopwatch = field(default_factory=Stopwatch)

    def concerns(self, pts: int | None) -> bool:
        """Whether what is shown at ``pts`` is to be counted here."""
        return self.frames > 0 and (self.since is None or pts is None or pts >= self.since)


def timed(items: Iterable[T], clock: Stopwatch) -> Iterator[T]:
    """Yield items while a clock runs until each of them is there."""
    rest, end = iter(items), object()
    while True:
        with clock:
            item = next(rest, end)
        if item is end:
            return
        yield cast(T, item)


def decode(coded: Iterable[Packet[Any]], kind: type[FrameT], counts: DecodeCounts) -> Iterator[FrameT]:
    """Yield the frames of a kind (video or audio) in presentation order; damaged packets give none."""
    for packet in coded:
        if packet.size == 0 and packet.pts is not None:
            continue  # the picture before is shown again; only at the end is an empty packet for the decoder
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            counts.damaged += counts.concerns(packet.pts)
            continue
        for frame in frames:
            if isinstance(frame, kind):
                counts.frames += 1
                if isinstance(frame, VideoFrame) and frame.is_corrupt:
                    counts.concealed += counts.concerns(frame.pts)
                yield frame
