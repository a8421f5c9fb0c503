"""Streams whose container does not say when each picture is shown: the order of decoding says it.

Such streams (H.264 in AVI, raw streams, fields in packets of their own) are decoded once from start to end
when they are probed. The n-th frame that comes out is shown at the n-th of the times that were found then.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise

from av.video.frame import VideoFrame

from encoders.index import PacketTimes
from gopfarm.facts import Run

#: Times in the wrong order whose steps differ by more than this share of their mean are not dealt out.
_MOST_UNEVEN = 0.5


def in_order(frames: Iterable[VideoFrame], order: Sequence[Run]) -> Iterator[VideoFrame]:
    """Give the frames of a whole stream their times. Frames beyond those that were found are left out."""
    times = chain.from_iterable(range(run.start, run.start + run.step * run.count, run.step) for run in order)
    for frame, time in zip(frames, times, strict=False):
        frame.pts = time
        yield frame


def times_of(decoded: Sequence[int], packets: Sequence[PacketTimes], step: int) -> list[int]:
    """Return when the frames of a stream are shown, in the order in which they leave the decoder.

    Args:
        decoded: For each frame that the decoder gave, the packet that it came from.
        packets: All packets of the stream.
        step: How long a frame lasts, in the stream's time base, where nothing says more.

    Presentation times are believed where they increase from frame to frame. Else they are dealt out in order,
    or the decoding times are, if those follow each other more evenly or are all that there is. What then
    remains is the order alone: frames are spread evenly over their time, or are ``step`` apart.
    """
    stamps = [packets[at].pts for at in decoded]
    stamped = all(packets[at].stamped for at in decoded)
    if stamped and _increase(stamps):
        return stamps
    dealt = [sorted(packets[at].dts for at in decoded)]
    if stamped:
        late = min(stamps) - dealt[0][0]
        dealt = [sorted(stamps), [time + late for time in dealt[0]]]
    usable = [times for times in dealt if _increase(times) and _unevenness(times) <= _MOST_UNEVEN]
    if usable:
        return min(usable, key=_unevenness)
    first = min(stamps, default=0)
    if stamped and len(stamps) > 1 and (span := max(stamps) - first) >= len(stamps):
        return [first + span * number // (len(stamps) - 1) for number in range(len(stamps))]
    return [first + step * number for number in range(len(decoded))]


def runs_of(times: Sequence[int]) -> tuple[Run, ...]:
    """Write increasing times as runs of equal steps."""
    runs: list[Run] = []
    for time in times:
        if runs:
            last = runs[-1]
            end = last.start + last.step * (last.count - 1)
            if last.count == 1:
                runs[-1] = Run(last.start, time - end, 2)
                continue
            if time - end == last.step:
                runs[-1] = Run(last.start, last.step, last.count + 1)
                continue
        runs.append(Run(time, 1, 1))
    return tuple(runs)


def _unevenness(times: Sequence[int]) -> float:
    """Measure how much the steps between times differ, in relation to their mean."""
    steps = [after - before for before, after in pairwise(times)]
    return statistics.pstdev(steps) / statistics.fmean(steps) if steps else 0.0


def _increase(times: Sequence[int]) -> bool:
    return all(after > before for before, after in pairwise(times))
