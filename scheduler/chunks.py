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
from scheduler.shape import Shape

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

    @property
    def frames(self) -> int:
        """Frames of the grid that the chunk has."""
        return self.segments[-1].end - self.segments[0].start

    @property
    def decoded(self) -> int:
        """Frames of the grid that are decoded for it, those before it included."""
        return self.frames + max(0, self.segments[0].start - self.seek.slot)


def cut_chunks(
    frames: int,
    rate: Fraction,
    keyframes: Sequence[Keyframe],
    segment_seconds: Fraction,
    shape: Shape,
    context: int = 0,
) -> tuple[Chunk, ...]:
    """Cut ``frames`` grid frames at ``rate`` into chunks, and these into segments of equal length.

    Segments last at most ``segment_seconds``, and at least half of it (unless the whole source is shorter);
    a chunk is at least one of them, and the first of a ``progressive`` shape not much more. Decoding starts
    at least ``context`` frames before the chunk.
    """
    longest = max(1, int(segment_seconds * rate))
    slots = [keyframe.slot for keyframe in keyframes]
    edges = _edges(frames, rate, slots, longest, shape)
    chunks, number = [], 0
    for start, end in pairwise(edges):
        segments, at = [], start
        for length in cut_evenly(end - start, longest):
            segments.append(SegmentPlan(number, at, length))
            number, at = number + 1, at + length
        seek = keyframes[max(0, bisect_right(slots, start - context) - 1)]
        chunks.append(Chunk(seek, tuple(segments)))
    return tuple(chunks)


def _edges(frames: int, rate: Fraction, keyframes: Sequence[int], longest: int, shape: Shape) -> list[int]:
    half = -(-longest // 2)  # no segment is shorter
    edges = [0]
    while True:
        at = edges[-1]
        left = frames - at
        wished = shape.wished_seconds(left / rate) * rate
        if shape.progressive and not at:
            wished = min(wished, Fraction(longest))
        target = Fraction(left, max(1, min(round_half_up(left / wished), left // half)))
        # Snapping may take a share of the length away again; what is left must still pay for the preroll.
        length = max(target, _preroll(at, keyframes) / (_MAX_PREROLL * (1 - _SNAP)))
        edge = _snap(round_half_up(at + length), keyframes, int(length * _SNAP), at + half)
        least = max(length / 2, Fraction(half), _preroll(edge, keyframes) / _MAX_PREROLL)
        if frames - edge < least:
            return [*edges, frames]
        edges.append(edge)


def _preroll(slot: int, keyframes: Sequence[int]) -> Fraction:
    """Return how many frames before ``slot`` must be decoded in vain to reach it."""
    return Fraction(slot - keyframes[max(0, bisect_right(keyframes, slot) - 1)])


def _snap(ideal: int, keyframes: Sequence[int], reach: int, first: int) -> int:
    """Return the keyframe nearest to ``ideal`` and not before ``first``, or ``ideal`` if none is near."""
    at = bisect_left(keyframes, ideal)
    near = [slot for slot in keyframes[max(0, at - 1) : at + 1] if abs(slot - ideal) <= reach]
    return min((slot for slot in near if slot >= first), key=lambda slot: abs(slot - ideal), default=ideal)


def bytes_read(chunk: Chunk, keyframes: Sequence[Keyframe], size: int, frames: int) -> tuple[int, int] | None:
    """Return about where a chunk's packets lie in a file of ``size`` bytes and ``frames`` grid frames.

    They begin with its keyframe. Where its end stands mid-GOP, the bytes of that GOP are taken to be spread
    evenly. None where the keyframes do not say, or do not lie in order.
    """
    end = chunk.segments[-1].end
    next_one = bisect_left(keyframes, end, key=lambda keyframe: keyframe.slot)
    before = keyframes[max(0, next_one - 1)]
    after, limit = frames, size
    if next_one < len(keyframes):
        after, limit = keyframes[next_one].slot, keyframes[next_one].byte or 0
    if chunk.seek.byte is None or before.byte is None or not before.byte < limit <= size:
        return None
    stop = before.byte + (limit - before.byte) * (end - before.slot) // (after - before.slot)
    return (chunk.seek.byte, stop) if chunk.seek.byte < stop else None
