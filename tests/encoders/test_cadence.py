"""The rate of a stream, from nothing but the times of its frames."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoders.cadence import SINGLE_FRAME_RATE, measure
from gopfarm.timeline import NATURAL_RATES, round_half_up, slot_of

MILLISECONDS = Fraction(1, 1000)
FINE = Fraction(1, 90_000)


def times(rate: Fraction, count: int, time_base: Fraction, start: int = 0) -> list[int]:
    return [start + round_half_up(n / rate / time_base) for n in range(count)]


@pytest.mark.parametrize("rate", NATURAL_RATES)
@pytest.mark.parametrize("count", [2, 10, 5000])
def test_natural_rates_are_recognised_from_millisecond_times(rate: Fraction, count: int) -> None:
    # Of two frames alone nobody can tell 23.976 from 24: the container's word decides.
    found = measure(times(rate, count, MILLISECONDS), MILLISECONDS, (rate,) if count == 2 else ())
    if count == 10:
        assert abs(found.grid_rate / rate - 1) < Fraction(2, 100)
    else:
        assert found.grid_rate == rate
    assert found.constant
    assert found.grid_frames == count


@pytest.mark.parametrize("hints", [(), (Fraction(1000),), (Fraction(25), None), (None, Fraction(90_000))])
def test_a_container_that_lies_does_no_harm(hints: Sequence[Fraction | None]) -> None:
    found = measure(times(Fraction(30000, 1001), 300, FINE), FINE, hints)
    assert (found.rate, found.constant, found.grid_frames) == (Fraction(30000, 1001), True, 300)


@pytest.mark.parametrize(("rate", "grid"), [(100, 50), (120, 60), (240, 60), (90, 45), (50, 50), (60, 60)])
def test_rates_above_60_are_halved_until_they_fit(rate: int, grid: int) -> None:
    found = measure(times(Fraction(rate), 2 * rate, FINE), FINE)
    assert (found.rate, found.grid_rate, found.grid_frames) == (rate, grid, 2 * grid)
    assert found.constant


def test_unusual_constant_rates_are_kept() -> None:
    for rate in (Fraction(25, 2), Fraction(10), Fraction(15), Fraction(37)):
        found = measure(times(rate, 400, FINE), FINE)
        assert (found.grid_rate, found.constant, found.grid_frames) == (rate, True, 400)


def test_dropped_frames_leave_the_grid_at_the_natural_rate() -> None:
    shown = [pts for n, pts in enumerate(times(Fraction(30), 300, FINE)) if n % 7 != 3 and n not in (80, 81)]
    found = measure(shown, FINE)
    assert (found.constant, found.grid_rate, found.grid_frames) == (False, 30, 300)


def test_a_phone_that_slows_down_in_the_dark_gets_the_grid_of_its_usual_rate() -> None:
    steps = [3750] * 150 + [3000] * 250
    shown = [sum(steps[:n]) for n in range(len(steps))]
    found = measure(shown, FINE)
    assert (found.constant, found.grid_rate) == (False, 30)
    slots = {slot_of(pts, 0, FINE, found.grid_rate) for pts in shown}
    assert len(slots) == len(shown)
    assert max(slots) == found.grid_frames - 1


@pytest.mark.parametrize("shown", [[0], [4711], [90, 90]])
def test_a_single_frame_gets_a_common_rate(shown: list[int]) -> None:
    found = measure(shown, FINE)
    assert (found.rate, found.grid_frames, found.constant) == (SINGLE_FRAME_RATE, 1, True)


def test_a_stream_without_frames_has_no_rate() -> None:
    with pytest.raises(ValueError, match="without frames"):
        measure([], FINE)


@pytest.mark.parametrize("seconds", [1, 3, 10, 60, 2400, 100_000])
@pytest.mark.parametrize("count", [2, 7])
def test_slide_shows_get_a_grid_that_segments_can_be_cut_from(seconds: int, count: int) -> None:
    shown = [n * seconds * 90_000 for n in range(count)]
    for found in (measure(shown, FINE), measure([*shown, shown[-1] + 90_000 * seconds * 5], FINE)):
        assert 1 <= found.grid_rate <= 60
        slots = [slot_of(pts, 0, FINE, found.grid_rate) for pts in shown]
        assert len(set(slots)) == count
        assert slots[-1] < found.grid_frames


@given(
    rate=st.one_of(st.sampled_from(NATURAL_RATES), st.fractions(1, 60, max_denominator=1001)),
    start=st.integers(-(10**9), 10**9),
    jitter=st.lists(st.floats(-0.49, 0.49), min_size=2, max_size=80),
)
def test_frame_i_falls_into_slot_i_while_jitter_is_below_half_a_frame(
    rate: Fraction, start: int, jitter: list[float]
) -> None:
    # The first and the last frame are on time: they say what the rate is.
    jitter[0] = jitter[-1] = 0
    scale = Fraction(1, 10_000_000)
    shown = [start + round_half_up((n + Fraction(late)) / rate / scale) for n, late in enumerate(jitter)]
    found = measure(shown, scale, (rate,))
    assert found.constant
    assert found.grid_frames == len(shown)
    assert [slot_of(pts, shown[0], scale, found.grid_rate) for pts in shown] == list(range(len(shown)))


@given(
    steps=st.lists(st.integers(1, 500_000), min_size=1, max_size=60),
    hint=st.one_of(st.none(), st.fractions(Fraction(1, 100), 100_000)),
)
def test_any_times_give_a_usable_grid_that_covers_every_frame(
    steps: list[int], hint: Fraction | None
) -> None:
    shown = [0]
    for step in steps:
        shown.append(shown[-1] + step)
    found = measure(shown, FINE, (hint,))
    assert 1 <= found.grid_rate <= 60
    assert found.grid_rate.numerator < 2**31
    last = slot_of(shown[-1], 0, FINE, found.grid_rate)
    assert last <= found.grid_frames
    if found.constant and found.rate == found.grid_rate:
        assert found.grid_frames == len(shown)
