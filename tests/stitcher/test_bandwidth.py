from __future__ import annotations

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.bandwidth import BitRates, bit_rates

fractions = st.fractions(min_value=Fraction(1, 10), max_value=9, max_denominator=1001)
streams = st.lists(st.tuples(st.integers(1, 10_000_000), fractions), min_size=1, max_size=12)


def test_a_steady_stream_has_one_rate() -> None:
    assert bit_rates([750_000] * 5, [Fraction(6)] * 5, 6) == BitRates(1_000_000, 1_000_000)


def test_the_peak_is_that_of_the_worst_segment() -> None:
    rates = bit_rates([100, 900, 100], [Fraction(6)] * 3, 6)
    assert rates == BitRates(peak=1200, average=ceil(8 * 1100 / 18))


def test_a_short_segment_counts_only_with_its_neighbours() -> None:
    # Alone the last second would be 8 Mbit/s; at under half the target it is no window of its own.
    assert bit_rates([600_000, 1_000_000], [Fraction(6), Fraction(1)], 6).peak == ceil(8 * 1_600_000 / 7)


def test_both_ends_of_the_window_are_included() -> None:
    assert bit_rates([300, 1], [Fraction(3), Fraction(6)], 6).peak == 800
    assert bit_rates([1, 900], [Fraction(1), Fraction(8)], 6).peak == 900


def test_rates_are_rounded_up_exactly() -> None:
    assert bit_rates([1], [Fraction(8 * 1001, 1001)], 8) == BitRates(1, 1)
    assert bit_rates([1], [Fraction(7)], 8) == BitRates(2, 2)


def test_a_stream_shorter_than_any_window_is_measured_as_a_whole() -> None:
    assert bit_rates([900, 100], [Fraction(1), Fraction(1)], 6) == BitRates(4000, 4000)


@given(streams, st.integers(1, 8))
def test_the_peak_is_the_largest_of_all_windows(stream: list[tuple[int, Fraction]], target: int) -> None:
    sizes, durations = [size for size, _ in stream], [seconds for _, seconds in stream]
    windows = [
        Fraction(8 * sum(sizes[first:last])) / sum(durations[first:last])
        for first in range(len(stream))
        for last in range(first + 1, len(stream) + 1)
        if Fraction(target, 2) <= sum(durations[first:last]) <= Fraction(3 * target, 2)
    ]
    whole = Fraction(8 * sum(sizes)) / sum(durations)
    assert bit_rates(sizes, durations, target) == BitRates(ceil(max(windows, default=whole)), ceil(whole))


@pytest.mark.parametrize(
    ("sizes", "durations"), [([], []), ([1], [Fraction(0)]), ([1, 2], [Fraction(1)]), ([1], [Fraction(-1)])]
)
def test_what_cannot_be_measured_is_refused(sizes: list[int], durations: list[Fraction]) -> None:
    with pytest.raises(ValueError, match="cannot measure"):
        bit_rates(sizes, durations, 6)
