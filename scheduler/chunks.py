"""Where a source is cut: chunk edges near keyframes, equal segments inside each chunk. Pure arithmetic."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from gopfarm.facts import Keyframe
from gopfarm.plan import SegmentPlan
from gopfarm.timeline import cut_evenly, round_half_up

#: Chunks are about this long: long enough for rate control to settle, short enough to share out.
CHUNK_SECONDS = Fraction(30)

#: A short source is still cut into this many chunks, so that several slots can work on it.
_MIN_CHUNKS = 4

#: An edge moves to a keyframe that is at most this share of a chunk away, and stands mid-GOP otherwise.
_SNAP = Fraction(1, 4)

#: A chunk that starts mid-GOP decodes frames in vain; it is made long enough that these are at most so many
#: times its own (decoding costs about a tenth of encoding).
_MAX_PREROLL = 4


@dataclass(frozen=True)
class Chunk:
    """A run of segments that one task encodes, and the keyframe at which its decoding starts."""

    seek: Keyframe
    segments: tuple[SegmentPlan, ...]


def cut_chunks(
    frames: int,
    rate: Fraction,
    keyframes: Sequence[Keyframe],
    segment_seconds: Fraction,
    context: int = 0,
    progressive: bool = False,
) -> tuple[Chunk, ...]:
    """Cut ``frames`` grid frames at ``rate`` into chunks, and these into segments of equal length.

    Segments last at most ``segment_seconds``, and at least half of it (unless the whole source is shorter).
    Decoding starts at least ``context`` frames before the chunk. ``progressive`` makes the first chunk about
    one segment long, so that viewers need not wait for more.
    """
    longest = max(1, int(segment_seconds * rate))
    first = longest if progressive else None
    edges = _edges(frames, rate, [keyframe.slot for keyframe in keyframes], longest, first)
    slots = [keyframe.slot for keyframe in keyframes]
    chunks, number = [], 0
    for start, end in pairwise(edges):
        segments, at = [], start
        for length in cut_evenly(end - start, longest):
            segments.append(SegmentPlan(number, at, length))
            number, at = number + 1, at + length
        seek = keyframes[max(0, bisect_right(slots, start - context) - 1)]
        chunks.append(Chunk(seek, tuple(segments)))
    return tuple(chunks)


def _edges(
    frames: int, rate: Fraction, keyframes: Sequence[int], longest: int, first: int | None = None
) -> list[int]:
    wished = min(CHUNK_SECONDS * rate, max(Fraction(longest), Fraction(frames, _MIN_CHUNKS)))
    target = Fraction(frames, max(1, round_half_up(frames / wished)))
    edges = [0]
    while True:
        at = edges[-1]
        # Snapping may take a share of the length away again; what is left must still pay for the preroll.
        wanted = min(target, Fraction(first)) if first is not None and not at else target
        length = max(wanted, _preroll(at, keyframes) / (_MAX_PREROLL * (1 - _SNAP)))
        edge = _snap(round_half_up(at + length), keyframes, int(length * _SNAP))
        least = max(length / 2, Fraction(longest, 2), _preroll(edge, keyframes) / _MAX_PREROLL)
        if frames - edge < least:
            return [*edges, frames]
        edges.append(edge)


def _preroll(slot: int, keyframes: Sequence[int]) -> Fraction:
    """Return how many frames before ``slot`` must be decoded in vain to reach it."""
    return Fraction(slot - keyframes[max(0, bisect_right(keyframes, slot) - 1)])


def _snap(ideal: int, keyframes: Sequence[int], reach: int) -> int:
    at = bisect_left(keyframes, ideal)
    near = [slot for slot in keyframes[max(0, at - 1) : at + 1] if abs(slot - ideal) <= reach]
    return min(near, key=lambda slot: abs(slot - ideal), default=ideal)
