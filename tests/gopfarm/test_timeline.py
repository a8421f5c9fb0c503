from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gopfarm.timeline import (
    MAX_GOP_SECONDS,
    MAX_RATE,
    NATURAL_RATES,
    cut_evenly,
    gop_starts,
    natural_rate,
    output_rate,
    round_half_up,
    slot_of,
    video_ticks,
    video_timescale,
)

rates = st.sampled_from(NATURAL_RATES) | st.fractions(min_value=1, max_value=60, max_denominator=1001)
time_bases = st.sampled_from(
    [Fraction(1, 1000), Fraction(1, 90_000), Fraction(1001, 30_000), Fraction(1, 25)]
)
stamps = st.integers(-(10**9), 10**12)


@given(st.fractions())
def test_rounding_goes_to_the_nearest_integer_and_halves_go_up(value: Fraction) -> None:
    rounded = round_half_up(value)
    assert Fraction(-1, 2) < rounded - value <= Fraction(1, 2)


@given(stamps, stamps, stamps, time_bases, rates)
def test_a_later_frame_never_gets_an_earlier_slot(
    one: int, other: int, origin: int, base: Fraction, rate: Fraction
) -> None:
    first, second = sorted((one, other))
    assert slot_of(first, origin, base, rate) <= slot_of(second, origin, base, rate)


@given(st.integers(0, 10**7), rates, stamps)
def test_a_constant_rate_source_keeps_every_frame(number: int, rate: Fraction, origin: int) -> None:
    assert slot_of(origin + number, origin, 1 / rate, rate) == number


@given(st.integers(0, 10**6), st.sampled_from(NATURAL_RATES))
def test_times_rounded_to_milliseconds_still_name_their_frame(number: int, rate: Fraction) -> None:
    assert slot_of(round(number / rate * 1000), 0, Fraction(1, 1000), rate) == number


@given(st.integers(1, 10**6), st.integers(1, 2000))
def test_even_cuts_lose_nothing_and_are_as_few_and_as_equal_as_can_be(total: int, longest: int) -> None:
    parts = cut_evenly(total, longest)
    assert sum(parts) == total
    assert len(parts) == -(-total // longest)
    assert max(parts) <= longest
    assert max(parts) - min(parts) <= 1
    assert 2 * total < longest or 2 * min(parts) >= longest


@pytest.mark.parametrize(("total", "longest"), [(0, 5), (5, 0), (-1, 5)])
def test_an_impossible_cut_is_refused(total: int, longest: int) -> None:
    with pytest.raises(ValueError, match="cannot cut"):
        cut_evenly(total, longest)


@given(st.integers(1, 5000), rates)
def test_no_gop_lasts_longer_than_two_seconds(frames: int, rate: Fraction) -> None:
    starts = gop_starts(frames, rate)
    assert starts[0] == 0
    gops = [end - start for start, end in zip(starts, (*starts[1:], frames), strict=True)]
    assert all(gop >= 1 for gop in gops)
    assert all(gop / rate <= MAX_GOP_SECONDS or gop == 1 for gop in gops)


@given(st.fractions(min_value=1, max_value=1000, max_denominator=1001))
def test_fast_sources_are_halved_until_they_fit_and_no_further(source: Fraction) -> None:
    rate = output_rate(source)
    assert rate <= MAX_RATE
    assert rate == source or (rate * 2 > MAX_RATE and source % rate == 0)


def test_a_measured_rate_close_to_a_standard_one_is_that_one_and_others_stay() -> None:
    assert natural_rate(Fraction(2997, 100)) == Fraction(30000, 1001)
    assert natural_rate(Fraction(23976, 1000)) == Fraction(24000, 1001)
    assert natural_rate(Fraction(15)) == 15
    assert natural_rate(Fraction(27)) == 27
    assert [natural_rate(rate) for rate in NATURAL_RATES] == list(NATURAL_RATES)


@given(st.integers(0, 10**7), rates)
def test_frame_times_in_ticks_are_exact(slot: int, rate: Fraction) -> None:
    assert video_timescale(rate) >= 10_000
    assert Fraction(video_ticks(slot, rate), video_timescale(rate)) == slot / rate
