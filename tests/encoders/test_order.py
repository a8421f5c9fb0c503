"""When frames are shown, where only the order of decoding says so."""

from __future__ import annotations

from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from encoders.index import PacketTimes
from encoders.order import runs_of, times_of


def packet(pts: int, dts: int, stamped: bool = True) -> PacketTimes:
    return PacketTimes(pts, dts, 40, 100, key=False, shown=True, stamped=stamped)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=60), st.integers(-1000, 1000))
def test_runs_give_back_the_times(steps: list[int], start: int) -> None:
    times = [start + sum(steps[:count]) for count in range(len(steps))]
    runs = runs_of(times)
    found = chain.from_iterable(range(run.start, run.start + run.step * run.count, run.step) for run in runs)
    assert list(found) == times


def test_a_constant_rate_is_one_run() -> None:
    assert len(runs_of(range(0, 4000, 40))) == 1


def test_presentation_times_that_increase_are_believed() -> None:
    packets = [packet(0, -80), packet(120, -40), packet(40, 0), packet(80, 40)]
    assert times_of([0, 2, 3, 1], packets, 40) == [0, 40, 80, 120]


def test_presentation_times_in_the_wrong_order_are_dealt_out() -> None:
    packets = [packet(0, -40), packet(40, 0), packet(120, 80), packet(160, 120)]
    assert times_of([0, 1, 3, 2], packets, 40) == [0, 40, 120, 160]


def test_decoding_times_that_are_even_are_worth_more_than_presentation_times_that_jump() -> None:
    packets = [packet(pts, 40 * at - 80) for at, pts in enumerate((0, 81, 80, 1, 240, 161, 160, 281))]
    assert times_of(list(range(8)), packets, 40) == list(range(0, 320, 40))


def test_times_that_are_wrong_in_every_way_are_replaced_by_even_ones() -> None:
    packets = [packet(pts, pts) for pts in (0, 81, 80, 1, 240, 161, 160, 280)]
    assert times_of(list(range(8)), packets, 40) == list(range(0, 320, 40))


def test_without_presentation_times_the_decoding_times_of_what_was_shown_are_dealt_out() -> None:
    packets = [packet(time, time, stamped=False) for time in (0, 40, 80, 120, 160)]
    assert times_of([0, 2, 1, 4], packets, 40) == [0, 40, 80, 160], (
        "packet 3 gave no frame: its time is a gap"
    )


def test_without_any_times_frames_follow_each_other() -> None:
    packets = [packet(0, 0, stamped=False) for _ in range(4)]
    assert times_of([0, 3, 1, 2], packets, 40) == [0, 40, 80, 120]
