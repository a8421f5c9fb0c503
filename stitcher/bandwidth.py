"""Measured bit rates of a rendition: the numbers behind BANDWIDTH and AVERAGE-BANDWIDTH."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

#: A set of segments counts for the peak when it lasts between these shares of the target duration
#: (RFC 8216 section 4.1).
SHORTEST_WINDOW = Fraction(1, 2)
LONGEST_WINDOW = Fraction(3, 2)


@dataclass(frozen=True)
class BitRates:
    """Bits per second of a rendition, rounded up: the peak segment bit rate, and the average of the whole."""

    peak: int
    average: int


def bit_rates(sizes: Sequence[int], durations: Sequence[Fraction], target_duration: int) -> BitRates:
    """Measure a rendition from the bytes and seconds of its segments, in playlist order.

    The peak is the largest bit rate of any contiguous set of segments whose total duration is between 0.5 and
    1.5 times ``target_duration`` seconds, both included (RFC 8216 section 4.1). When no set qualifies, which
    takes a stream shorter than half the target duration, the peak is that of all segments together.

    Raises:
        ValueError: There is no segment, ``sizes`` and ``durations`` differ in number, or a duration is not
            positive.
    """
    if not sizes or len(sizes) != len(durations) or min(durations) <= 0:
        raise ValueError(f"cannot measure {len(sizes)} sizes with {len(durations)} durations")
    average = ceil(8 * sum(sizes) / sum(durations, Fraction(0)))
    peak = max(
        (ceil(8 * size / seconds) for size, seconds in _windows(sizes, durations, target_duration)),
        default=average,
    )
    return BitRates(peak, average)


def _windows(
    sizes: Sequence[int], durations: Sequence[Fraction], target_duration: int
) -> list[tuple[int, Fraction]]:
    """Return bytes and seconds of every contiguous set of segments that counts for the peak."""
    shortest, longest = SHORTEST_WINDOW * target_duration, LONGEST_WINDOW * target_duration
    windows = []
    for first in range(len(sizes)):
        size, seconds = 0, Fraction(0)
        for at in range(first, len(sizes)):
            size, seconds = size + sizes[at], seconds + durations[at]
            if seconds > longest:
                break
            if seconds >= shortest:
                windows.append((size, seconds))
    return windows
