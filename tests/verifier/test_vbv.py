"""The decoder's buffer against a simulation that lets bits arrive one tick at a time."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.vbv import check_buffer


@given(
    sizes=st.lists(st.integers(0, 60), min_size=1, max_size=20),
    gaps=st.lists(st.integers(0, 5), min_size=20, max_size=20),
    maxrate=st.integers(1, 30),
    bufsize=st.integers(1, 100),
)
def test_it_agrees_with_a_buffer_that_fills_second_by_second(
    sizes: list[int], gaps: list[int], maxrate: int, bufsize: int
) -> None:
    times, at = [], 0
    for gap, _ in zip(gaps, sizes, strict=False):
        at += gap
        times.append(at)
    fullness, left, clock = bufsize, [], times[0]
    for size, time in zip(sizes, times, strict=True):
        while clock < time:
            clock += 1
            for _ in range(maxrate):
                if fullness < bufsize:
                    fullness += 1
        fullness -= size
        left.append(fullness)
    report = check_buffer(sizes, [Fraction(time) for time in times], maxrate, bufsize, Fraction(1))
    assert report.least == min(left)
    assert report.end == left[-1]
    assert report.conforms is (min(left) >= 0)
    if min(left) < bufsize:
        assert report.at == times[left.index(min(left))]


def test_two_bursts_that_each_fit_alone_do_not_fit_next_to_each_other() -> None:
    burst = [400, 400]
    times = [Fraction(n, 10) for n in range(4)]
    assert check_buffer(burst, times[:2], 1000, 1000).conforms
    joined = check_buffer(burst * 2, times, 1000, 1000)
    assert not joined.conforms
    assert (joined.least, joined.at) == (-400, Fraction(3, 10))


def test_times_that_go_back_and_no_pictures_are_refused() -> None:
    with pytest.raises(ValueError, match="increase"):
        check_buffer([1, 1], [Fraction(1), Fraction(0)], 1, 1)
    with pytest.raises(ValueError, match="at least one"):
        check_buffer([], [], 1, 1)
