"""Where decoded sound belongs: from timestamps and sample counts to one unbroken run. Pure arithmetic.

A source says the time of its sound twice, by the timestamps of its blocks and by the samples in them. In most
files the two differ a little (Matroska and FLV round to milliseconds, capture programs stamp what they
receive when they receive it), and there the samples are right: following the timestamps would cut and fill
all the time. Where sound is missing, or the recorder's clock ran at another speed, the timestamps are right:
following the samples would lose the picture. ``Placer`` tells these apart by looking a little ahead.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import takewhile
from math import ceil, copysign
from statistics import median, median_low
from typing import Generic, TypeVar

#: Seconds by which timestamps and samples may differ with nothing done about it: a millisecond is rounding,
#: and what lies below a hundredth of a second is neither seen (lip sync) nor heard.
TOLERANCE = 0.01

#: Seconds of sound, and blocks, that are looked ahead before a gap or an overlap is believed: a timestamp
#: that is wrong or came late is followed by right ones.
_AHEAD_SECONDS = Fraction(2, 5)
_AHEAD_BLOCKS = 4

#: Blocks behind, by which a jump is told from what has been off all the time.
_BEHIND_BLOCKS = 8

#: Drift is taken out by stretching sound by one sample in so many (a fifteenth of a semitone), until
#: timestamps and samples agree within so many seconds.
_STRETCH = 256
_SETTLED = 0.001

#: Seconds: where stretching falls so far behind, silence or a cut takes the drift out after all.
_FARTHEST = 0.06

#: Blocks shorter than this many samples are not stretched.
SHORTEST_STRETCHED = 64

T = TypeVar("T")


@dataclass(frozen=True)
class Placed(Generic[T]):
    """What becomes of one block of sound.

    ``silence`` samples come before it, ``cut`` samples are dropped at its beginning, and what is left is
    stretched by ``extra`` samples (shortened if that is negative); all of them count the block's own rate.
    ``begin`` is the exact time, in seconds, of the first sample that is left.
    """

    content: T
    begin: Fraction
    silence: int
    cut: int
    extra: int


@dataclass(frozen=True)
class _Block(Generic[T]):
    """A block that waits; ``ahead`` is the seconds by which its timestamp is later than the samples say."""

    content: T
    samples: int
    rate: int
    ahead: float | None


class Placer(Generic[T]):
    """Gives every block of a track its place, in order.

    A gap (blocks that are all later than those before them say) is filled with silence, an overlap is cut,
    and drift is stretched away, so that sound is never off its timestamps by much more than ``TOLERANCE``.
    What stays below that changes nothing, not by a sample. Blocks without a timestamp follow those before.

    Args:
        start: When the track starts, in seconds, should none of the first blocks have a timestamp.
    """

    def __init__(self, start: Fraction = Fraction(0)) -> None:
        self._start = start
        self._origin: Fraction | None = None  # time of the first block by the first timestamp that came
        self._counted = Fraction(0)  # seconds of all blocks that came
        self._begin: Fraction | None = None  # of the next block that leaves
        self._shift = Fraction(0)  # seconds that all corrections put in so far; negative: took out
        self._to_cut = Fraction(0)
        self._drifting = False
        self._owed = Fraction(0)  # part of a sample that short blocks could not be stretched by
        self._waiting: deque[_Block[T]] = deque()
        self._waiting_seconds = Fraction(0)
        self._behind: deque[float] = deque(maxlen=_BEHIND_BLOCKS)

    def push(self, content: T, samples: int, rate: int, at: Fraction | None) -> Iterator[Placed[T]]:
        """Add a block of ``samples`` at ``rate`` per second, stamped ``at``; yield what has its place."""
        if at is not None and self._origin is None and self._begin is None:
            self._origin = at - self._counted
        ahead = None if at is None or self._origin is None else float(at - self._origin - self._counted)
        self._waiting.append(_Block(content, samples, rate, ahead))
        self._counted += Fraction(samples, rate)
        self._waiting_seconds += Fraction(samples, rate)
        while len(self._waiting) > _AHEAD_BLOCKS and self._waiting_seconds > _AHEAD_SECONDS:
            yield self._place()

    def finish(self) -> Iterator[Placed[T]]:
        """Yield the blocks that are left."""
        while self._waiting:
            yield self._place()

    def _place(self) -> Placed[T]:
        if self._begin is None:
            if self._origin is None:
                self._origin = self._start
            self._begin = self._origin
        head = self._waiting[0]
        silence, extra = self._correct(head)
        cut = min(head.samples, round(self._to_cut * head.rate))
        self._to_cut = self._to_cut - Fraction(cut, head.rate) if cut == head.samples else Fraction(0)
        self._waiting.popleft()
        self._waiting_seconds -= Fraction(head.samples, head.rate)
        begin = self._begin + Fraction(silence, head.rate)
        self._begin = begin + Fraction(head.samples - cut + extra, head.rate)
        return Placed(head.content, begin, silence, cut, extra)

    def _correct(self, head: _Block[T]) -> tuple[int, int]:
        """Decide about a block: samples of silence before it, and samples to stretch it by."""
        silence = extra = 0
        if head.ahead is None:
            return 0, 0
        off = head.ahead - float(self._shift)
        if self._drifting or abs(off) > TOLERANCE:
            if jump := round(self._jump(off) * head.rate):
                silence = self._close(jump, head.rate)
            elif not self._to_cut:
                extra = self._stretch(head)
            self._shift += Fraction(jump + extra, head.rate)
        self._behind.append(head.ahead)
        return silence, extra

    def _close(self, jump: int, rate: int) -> int:
        """Take note of a gap (or, if negative, an overlap) of samples; return how much of it is silence."""
        self._behind.clear()
        self._drifting = False
        self._to_cut -= Fraction(jump, rate)
        silence = max(0, round(-self._to_cut * rate))
        self._to_cut = max(Fraction(0), self._to_cut)
        return silence

    def _jump(self, off: float) -> float:
        """Return the seconds by which sound must jump now, 0 where it need not."""
        shift = float(self._shift)
        ahead = self._offs_ahead(shift)
        behind = [one - shift for one in self._behind]
        usual = median(behind) if behind else 0.0
        jumps = abs(off - usual) > TOLERANCE and all(
            copysign(one - usual, off - usual) == one - usual and abs(one - usual) > TOLERANCE / 2
            for one in ahead
        )
        # At the end of a track hardly anything is ahead: what could be a timestamp that came late is let be.
        if jumps and (len(ahead) >= _AHEAD_BLOCKS or abs(off - usual) > _FARTHEST):
            return median_low(takewhile(lambda one: abs(one - off) <= TOLERANCE / 2, ahead))
        centre = median([*behind, *ahead])
        return centre if abs(centre) > _FARTHEST else 0.0

    def _stretch(self, head: _Block[T]) -> int:
        """Return the samples by which a block is stretched while timestamps and samples drift apart."""
        shift = float(self._shift)
        centre = median([*(one - shift for one in self._behind), *self._offs_ahead(shift)])
        if abs(centre) > TOLERANCE:
            self._drifting = True
        elif abs(centre) <= _SETTLED:
            self._drifting = False
        if not self._drifting or head.samples < SHORTEST_STRETCHED:
            return 0
        self._owed += Fraction(head.samples, _STRETCH)
        samples = min(int(self._owed), ceil(abs(centre) * head.rate))
        self._owed -= int(self._owed)
        return samples if centre > 0 else -samples

    def _offs_ahead(self, shift: float) -> list[float]:
        return [block.ahead - shift for block in self._waiting if block.ahead is not None]
