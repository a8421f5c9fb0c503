"""The hypothetical decoder's buffer: whether a stream keeps to its maximum rate and buffer size.

The model is the coded picture buffer of ITU-T H.264 annex C.1 at a variable rate, which is also x264's VBV:
bits arrive at ``maxrate`` for as long as there is room in ``bufsize``, and all bits of a picture leave at
once at its decoding time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

#: Share of the buffer that is full when decoding starts: x264's own ``vbv-init``.
INITIAL_FULLNESS = Fraction(9, 10)


@dataclass(frozen=True)
class BufferReport:
    """How full the buffer was at its emptiest, after a picture has left it.

    ``least`` is bits and negative where the picture had not arrived in time: then so many were missing.
    ``at`` is that picture's decoding time in seconds. ``end`` is the bits left after the last picture.
    """

    least: Fraction
    at: Fraction
    end: Fraction

    @property
    def conforms(self) -> bool:
        """Whether every picture had arrived by its decoding time."""
        return self.least >= 0


def check_buffer(
    sizes: Sequence[int],
    times: Sequence[Fraction],
    maxrate: int,
    bufsize: int,
    initial: Fraction = INITIAL_FULLNESS,
) -> BufferReport:
    """Run coded pictures through the buffer.

    Args:
        sizes: Bits of each picture, in decoding order.
        times: Their decoding times in seconds, increasing.
        maxrate: Bits per second at which the buffer is filled.
        bufsize: Bits that it holds.
        initial: Share of the buffer that is full when the first picture leaves.

    Raises:
        ValueError: There is no picture, or times do not increase.
    """
    if not sizes or len(sizes) != len(times):
        raise ValueError("a buffer is checked with the size and time of at least one picture")
    fullness = least = initial * bufsize
    at = before = times[0]
    for size, time in zip(sizes, times, strict=True):
        if time < before:
            raise ValueError("decoding times do not increase")
        fullness = min(Fraction(bufsize), fullness + (time - before) * maxrate) - size
        if fullness < least:
            least, at = fullness, time
        before = time
    return BufferReport(least, at, fullness)
