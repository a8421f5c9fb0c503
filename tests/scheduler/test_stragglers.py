from __future__ import annotations

from dataclasses import replace

from gopfarm.store import JobRuns, RunningTask
from scheduler.stragglers import stragglers

CPU = "encode.cpu"

#: Tasks that took twice as long as expected: that is how fast this farm is.
DONE = (("video", 10.0, 20.0), ("video", 5.0, 10.0), ("video", 10.0, 21.0))

SLOW = RunningTask("j", "video-00007", CPU, elapsed=100.0, expected=10.0, done=0.5, has_twin=False)


def found(*running: RunningTask, finished: tuple[tuple[str, float, float], ...] = DONE) -> list[str]:
    return [run.task for run in stragglers(JobRuns(running, finished), {CPU})]


def test_a_task_much_slower_than_its_siblings_is_found() -> None:
    assert found(SLOW) == ["video-00007"]


def test_a_task_as_fast_as_its_siblings_is_left_alone() -> None:
    assert found(replace(SLOW, elapsed=19.0, done=0.95)) == []


def test_a_slow_task_that_is_nearly_done_is_left_alone() -> None:
    assert found(replace(SLOW, done=0.9)) == []


def test_a_task_that_does_not_move_is_found() -> None:
    assert found(replace(SLOW, elapsed=31.0, done=0.0)) == ["video-00007"]


def test_one_twin_is_enough() -> None:
    assert found(replace(SLOW, has_twin=True)) == []


def test_without_idle_slots_of_its_kind_there_is_no_twin() -> None:
    assert found(replace(SLOW, queue="encode.nvenc")) == []


def test_nothing_is_called_slow_before_siblings_have_told_how_long_it_takes() -> None:
    assert found(SLOW, finished=DONE[:1]) == []
    assert found(SLOW, finished=tuple(("audio", *rest) for _, *rest in DONE)) == []  # type: ignore[misc]


def test_the_slowest_comes_first() -> None:
    slower = replace(SLOW, task="video-00009", done=0.1)
    assert found(SLOW, slower) == ["video-00009", "video-00007"]
