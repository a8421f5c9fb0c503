"""Clocks that are set anew in the middle of a file: finding the jumps, and taking them out again.

MPEG transport and program streams are made to be cut and joined, and then their clock jumps. Players go on as
if it had not: whatever comes next follows what was before. The threshold is that of ffmpeg and most players:
a step ahead of up to ten seconds is a gap in the programme, a longer one (or any step back) is a new clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from av.packet import Packet

from gopfarm.facts import ClockJump

#: Formats whose clock may jump, as libavformat calls them.
JUMPING_FORMATS = frozenset({"mpegts", "mpeg", "mpegtsraw"})

#: Seconds: a longer step ahead than the first, or a step back of more than the second, is a new clock.
_LONGEST_GAP = Fraction(10)
_STEP_BACK = Fraction(1, 10)

#: Streams without decoding times step back whenever frames are reordered; that stays below so many seconds.
_REORDERING = Fraction(1)

#: Seconds by which the streams of a file may differ where their common clock jumps.
_SAME_JUMP = Fraction(3, 2)


@dataclass
class _Track:
    """The clock of one stream while its packets go by; times are seconds on the repaired clock."""

    offset: Fraction = Fraction(0)
    clock: int = 0
    last: Fraction | None = None
    following: Fraction = Fraction(0)
    jumps: list[ClockJump] = field(default_factory=list)


class ClockRepair:
    """Watches the packets of all streams in file order and finds where their common clock jumps.

    Each stream reaches a jump at a packet of its own, but all are moved by the same amount, so that sound and
    picture stay together.
    """

    def __init__(self) -> None:
        self._tracks: dict[int, _Track] = {}
        self._offsets = [Fraction(0)]
        self._latest: Fraction | None = None

    def repaired(
        self, stream: int, time_base: Fraction, time: int, exact: bool, duration: int, position: int
    ) -> int:
        """Return what is to be added to a packet's times, in its time base.

        Args:
            stream: Index of its stream.
            time_base: Seconds of one unit of the times.
            time: Its decoding time, or its presentation time where that is all there is.
            exact: Whether ``time`` is a decoding time: these never step back by themselves.
            duration: How long it lasts; 0 where that is not known.
            position: Its byte in the file.
        """
        track = self._tracks.setdefault(stream, _Track())
        at = time * time_base
        if track.last is None:
            self._join(track, at)
        elif self._jumps(at + track.offset, track, exact):
            self._set_anew(track, at)
        if track.clock and (not track.jumps or track.jumps[-1].offset != round(track.offset / time_base)):
            track.jumps.append(ClockJump(position, round(track.offset / time_base)))
        now = at + track.offset
        track.last = now if track.last is None else max(track.last, now) if not exact else now
        track.following = now + duration * time_base
        self._latest = now if self._latest is None else max(self._latest, now)
        return round(track.offset / time_base)

    def jumps(self, stream: int) -> tuple[ClockJump, ...]:
        """Return the jumps of one stream, in file order."""
        track = self._tracks.get(stream)
        return tuple(track.jumps) if track else ()

    def _jumps(self, now: Fraction, track: _Track, exact: bool) -> bool:
        assert track.last is not None
        assert self._latest is not None
        return now < track.last - (_STEP_BACK if exact else _REORDERING) or now > self._latest + _LONGEST_GAP

    def _join(self, track: _Track, at: Fraction) -> None:
        """Choose the clock of a stream that begins now: the one that brings it nearest to the others."""
        if self._latest is not None:
            track.clock = self._nearest(0, at)
            track.offset = self._offsets[track.clock]

    def _set_anew(self, track: _Track, at: Fraction) -> None:
        """Give a stream the offset of the jump that another one has already made, or a new one."""
        assert self._latest is not None
        if track.clock + 1 < len(self._offsets):
            made = self._nearest(track.clock + 1, at)
            if abs(at + self._offsets[made] - self._latest) <= _SAME_JUMP:
                track.clock, track.offset = made, self._offsets[made]
                return
        self._offsets.append(track.following - at)
        track.clock, track.offset = len(self._offsets) - 1, self._offsets[-1]

    def _nearest(self, first: int, at: Fraction) -> int:
        """Return the clock, from the ``first`` on, that brings ``at`` nearest to where the others are."""
        latest = self._latest
        assert latest is not None
        return min(
            range(first, len(self._offsets)), key=lambda clock: abs(at + self._offsets[clock] - latest)
        )


def on_one_clock(coded: Iterable[Packet[Any]], jumps: Sequence[ClockJump]) -> Iterator[Packet[Any]]:
    """Take the known jumps of a stream out of its packets' times; these may come from any place on."""
    if not jumps:
        yield from coded
        return
    offset = 0
    for packet in coded:
        if packet.size and packet.pos is not None and packet.pos >= 0:
            offset = next((jump.offset for jump in reversed(jumps) if jump.position <= packet.pos), 0)
        if packet.pts is not None:
            packet.pts += offset
        if packet.dts is not None:
            packet.dts += offset
        yield packet
