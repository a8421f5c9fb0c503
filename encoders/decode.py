"""Decoding packets of either kind, counting what is damaged instead of stopping at it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import av.error
from av.packet import Packet

FrameT = TypeVar("FrameT")


@dataclass
class DecodeCounts:
    """What decoding met: frames that came out, and packets that could not be decoded."""

    frames: int = 0
    damaged: int = 0


def decode(coded: Iterable[Packet[Any]], kind: type[FrameT], counts: DecodeCounts) -> Iterator[FrameT]:
    """Yield the frames of a kind (video or audio) in presentation order; damaged packets give none."""
    for packet in coded:
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            counts.damaged += 1
            continue
        for frame in frames:
            if isinstance(frame, kind):
                counts.frames += 1
                yield frame
