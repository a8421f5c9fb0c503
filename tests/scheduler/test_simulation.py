from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.simulation import finish_seconds, turnaround_seconds

tasks = st.lists(st.floats(0.1, 100), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("seconds", "free_at", "end"),
    [
        ([3, 3, 2, 2, 2], [0, 0], 7),
        ([4, 3, 3, 2], [0, 0], 6),
        ([5, 1], [0, 10], 6),
        ([5, 5], [0, 2], 7),
        ([], [3], 0),
    ],
)
def test_each_task_goes_to_the_slot_that_is_free_first(
    seconds: list[float], free_at: list[float], end: float
) -> None:
    assert finish_seconds(seconds, free_at) == end


@given(tasks, st.integers(1, 8))
def test_no_slot_idles_while_a_task_waits(seconds: list[float], slots: int) -> None:
    """Graham's bound: when the last task began, all slots had been busy until then."""
    end = finish_seconds(seconds, [0.0] * slots)
    least = max(sum(seconds) / slots, *seconds, 0.0)
    most = sum(seconds) / slots + max(seconds) * (1 - 1 / slots)
    assert least * (1 - 1e-9) <= end <= most * (1 + 1e-9)


@given(tasks)
def test_one_slot_does_one_after_the_other(seconds: list[float]) -> None:
    assert finish_seconds(seconds, [5.0]) == pytest.approx(5 + sum(seconds))


def test_jobs_are_served_in_the_order_of_their_arrival() -> None:
    jobs = [(0.0, [4.0, 4.0]), (1.0, [2.0]), (10.0, [3.0, 1.0])]
    assert turnaround_seconds(jobs, 2) == [4.0, 5.0, 3.0]


@given(tasks, st.integers(1, 8))
def test_jobs_that_all_come_at_once_end_as_one_would(seconds: list[float], slots: int) -> None:
    ends = turnaround_seconds([(0.0, [one]) for one in seconds], slots)
    assert max(ends) == finish_seconds(seconds, [0.0] * slots)
