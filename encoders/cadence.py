"""From presentation times to a frame rate: is it constant, and what is the natural output grid?"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from gopfarm.timeline import NATURAL_RATES, natural_rate, output_rate, round_half_up, slot_of

#: The rate of a stream that shows a single frame: nothing can be measured, so a common one is taken.
SINGLE_FRAME_RATE = Fraction(25)

#: A variable rate this close to a standard one is meant to be that one.
_VARIABLE_TOLERANCE = Fraction(5, 100)

#: Slower streams (slide shows) are put on a grid of twice their rate, or four times, and so on, until it is
#: at least this: every segment needs a frame of its own.
_SLOWEST_GRID = Fraction(1)

#: Measured rates are kept to fractions whose denominator an MP4 or MPEG-TS time scale can carry.
_MAX_DENOMINATOR = 1001

#: Time scales are 32 bits wide, and encoders double them.
_MAX_NUMERATOR = 2**30


@dataclass(frozen=True)
class Cadence:
    """The rhythm of a stream: its own rate in frames per second, and the grid it is put on."""

    rate: Fraction
    constant: bool
    grid_rate: Fraction
    grid_frames: int


def measure(shown: Sequence[int], time_base: Fraction, hints: Sequence[Fraction | None] = ()) -> Cadence:
    """Find the rate of frames shown at ``shown`` (ascending presentation times in ``time_base`` seconds).

    ``hints`` are rates that the container states. They are believed only where they give every frame its
    own slot, so a container that lies does no harm.

    Raises:
        ValueError: ``shown`` is empty.
    """
    if not shown:
        raise ValueError("a stream without frames has no rate")
    span = (shown[-1] - shown[0]) * time_base
    if len(shown) == 1 or span <= 0:
        return Cadence(SINGLE_FRAME_RATE, True, SINGLE_FRAME_RATE, 1)
    measured = Fraction(len(shown) - 1) / span
    stated = [hint for hint in hints if hint]
    candidates = [
        *(rate for rate in (*stated, natural_rate(measured)) if rate in NATURAL_RATES),
        *_multiples(measured),
        *stated,
        measured.limit_denominator(_MAX_DENOMINATOR),
        measured,
    ]
    for rate in candidates:
        if 0 < rate.numerator <= _MAX_NUMERATOR and _each_has_its_slot(shown, time_base, rate):
            return _cadence(rate, True, span)
    median = statistics.median_low(b - a for a, b in itertools.pairwise(shown) if b > a)
    return _cadence(_variable_rate(1 / (median * time_base)), False, span)


def _multiples(measured: Fraction) -> list[Fraction]:
    """Return the multiple of a standard rate that a high rate is: 119.88 is twice 59.94."""
    factor = measured / output_rate(measured)
    near = natural_rate(measured / factor)
    return [near * factor] if factor > 1 and near in NATURAL_RATES else []


def _cadence(rate: Fraction, constant: bool, span: Fraction) -> Cadence:
    grid_rate = output_rate(rate)
    while grid_rate < _SLOWEST_GRID:
        grid_rate *= 2
    return Cadence(rate, constant, grid_rate, max(1, round_half_up((span + 1 / rate) * grid_rate)))


def _each_has_its_slot(shown: Sequence[int], time_base: Fraction, rate: Fraction) -> bool:
    """Tell whether frame ``i`` falls into slot ``i`` for all frames: then the rate is constant."""
    last = len(shown) - 1
    if slot_of(shown[last], shown[0], time_base, rate) != last:
        return False
    return all(slot_of(pts, shown[0], time_base, rate) == i for i, pts in enumerate(shown))


def _variable_rate(typical: Fraction) -> Fraction:
    """Choose a grid for frames that are typically ``1 / typical`` seconds apart."""
    near = natural_rate(output_rate(typical), _VARIABLE_TOLERANCE)
    if near in NATURAL_RATES:
        return near
    above = [rate for rate in NATURAL_RATES if rate > typical]
    if typical > NATURAL_RATES[0] and above:
        return above[0]
    return max(typical, _SLOWEST_GRID).limit_denominator(_MAX_DENOMINATOR)
