from __future__ import annotations

import pytest
import redis

from gopfarm.errors import EncodeError, SourceError
from gopfarm.store import Board, Census, CensusTaker, JobState, TaskStore, keys
from tests.gopfarm.store.jobs import (
    PLAN,
    SPEC,
    begin,
    bring_to,
    end_leases,
    open_tasks,
    result_of,
    store_on,
)

CPU, GPU = "encode.cpu", "encode.nvenc"
TASKS = [task.id for task in PLAN.tasks]
FIRST = TASKS[1]

#: Sound is for the processor, pictures are for a GPU.
QUEUES = {task: GPU if task.startswith("video") else CPU for task in TASKS}
COSTS = {task: 10.0 if task.startswith("video") else 0.25 for task in TASKS}
PICTURES = len(TASKS) - 1


@pytest.fixture
def store(valkey: redis.Redis) -> TaskStore:
    return store_on(valkey)


@pytest.fixture
def taker(valkey: redis.Redis) -> CensusTaker:
    return CensusTaker(valkey)


def take(taker: CensusTaker) -> Census:
    return taker.take([CPU, GPU])


def figures(taker: CensusTaker, queue: str = GPU) -> tuple[int, int, float]:
    """Return waiting and running tasks, and expected seconds."""
    count = take(taker).queues[queue]
    return count.waiting, count.running, round(count.seconds, 9)


def test_nothing_is_zero_and_not_absent(taker: CensusTaker) -> None:
    census = take(taker)
    assert {queue: count.seconds for queue, count in census.queues.items()} == {CPU: 0, GPU: 0}
    assert {count.jobs for count in census.states.values()} == {0}
    assert set(census.unplanned.values()) == {0}
    assert not census.planned


def test_a_plan_raises_the_backlog_of_its_queues_and_results_lower_it(
    store: TaskStore, taker: CensusTaker
) -> None:
    begin(store, "j", queues=QUEUES, costs=COSTS)
    assert figures(taker) == (PICTURES, 0, 10.0 * PICTURES)
    assert figures(taker, CPU) == (1, 0, 0.25)
    store.start("j", FIRST, "w#1", 15)
    assert figures(taker) == (PICTURES - 1, 1, 10.0 * PICTURES)
    store.finish("j", FIRST, "w#1", result_of(FIRST), 1, PLAN.hash)
    assert figures(taker) == (PICTURES - 1, 0, 10.0 * (PICTURES - 1))
    for task in TASKS:
        store.finish("j", task, "w#2", result_of(task), 1, PLAN.hash)
    assert figures(taker) == figures(taker, CPU) == (0, 0, 0.0)


def test_what_lies_at_the_destination_is_no_backlog(store: TaskStore, taker: CensusTaker) -> None:
    begin(store, "j", queues=QUEUES, costs=COSTS, finished={FIRST: result_of(FIRST)})
    assert figures(taker) == (PICTURES - 1, 0, 10.0 * (PICTURES - 1))


def test_a_task_that_comes_back_waits_again(
    store: TaskStore, taker: CensusTaker, valkey: redis.Redis
) -> None:
    begin(store, "j", queues=QUEUES, costs=COSTS)
    store.start("j", FIRST, "w#1", 15)
    store.give_back("j", FIRST, "w#1", 3, EncodeError("crash"))
    assert figures(taker) == (PICTURES, 0, 10.0 * PICTURES)
    store.start("j", FIRST, "w#2", 15)
    end_leases(valkey)
    store.start("j", FIRST, "w#3", 15)
    assert figures(taker) == (PICTURES - 1, 1, 10.0 * PICTURES), "another worker took it over"
    end_leases(valkey)
    store.take_expired(5)
    assert figures(taker) == (PICTURES, 0, 10.0 * PICTURES)
    store.renew("j", FIRST, "w#3", 15, 1, PLAN.hash)
    assert figures(taker) == (PICTURES - 1, 1, 10.0 * PICTURES), "its worker had only stood still"


def test_a_twin_is_not_counted(store: TaskStore, taker: CensusTaker) -> None:
    begin(store, "j", queues=QUEUES, costs=COSTS)
    store.start("j", FIRST, "a#1", 15)
    store.give_twin("j", FIRST)
    store.start("j", f"{FIRST}~", "b#1", 15)
    assert figures(taker) == (PICTURES - 1, 1, 10.0 * PICTURES)
    store.finish("j", f"{FIRST}~", "b#1", result_of(FIRST), 1, PLAN.hash)
    assert figures(taker) == (PICTURES - 1, 0, 10.0 * (PICTURES - 1))
    store.finish("j", FIRST, "a#1", result_of(FIRST), 1, PLAN.hash)
    assert figures(taker) == (PICTURES - 1, 0, 10.0 * (PICTURES - 1))


@pytest.mark.parametrize("end", ["cancelled", "failed", "forgotten"])
def test_a_job_takes_its_backlog_with_it(
    store: TaskStore, taker: CensusTaker, valkey: redis.Redis, end: str
) -> None:
    begin(store, "j", queues=QUEUES, costs=COSTS)
    store.start("j", FIRST, "w#1", 15)
    if end == "cancelled":
        store.cancel("j")
    elif end == "failed":
        store.fail("j", SourceError("gone"))
    else:
        valkey.delete(keys.job("j"))
    assert figures(taker) == figures(taker, CPU) == (0, 0, 0.0)
    store.give_back("j", FIRST, "w#1", 3, None)
    assert figures(taker) == (0, 0, 0.0)
    if end != "forgotten":
        store.retry("j")
        assert figures(taker) == (0, 0, 0.0)
        assert take(taker).unplanned["auto"] == 1
        assert store.move("j", JobState.PROBING)
        assert store.move("j", JobState.PLANNING)
        open_tasks(store, "j", queues=QUEUES, costs=COSTS)
        assert figures(taker) == (PICTURES, 0, 10.0 * PICTURES)


def test_a_thousand_small_costs_leave_nothing_behind(store: TaskStore, taker: CensusTaker) -> None:
    """Their sum in floating point would not come back to zero."""
    begin(store, "j", costs=dict.fromkeys(TASKS, 0.1))
    for number in range(300):
        begin(store, f"j{number}", costs={task: 0.1 + place / 3 for place, task in enumerate(TASKS)})
    for job in ("j", *(f"j{number}" for number in range(300))):
        for task in TASKS:
            store.finish(job, task, "w#1", result_of(task), 1, PLAN.hash)
    assert take(taker).queues[CPU].seconds == 0


def test_jobs_without_a_plan_are_counted_by_the_encoder_that_they_name(
    store: TaskStore, taker: CensusTaker
) -> None:
    store.create("a", SPEC)
    store.create("b", SPEC, encoder="nvenc")
    store.create("c", SPEC, encoder="nvenc")
    assert take(taker).unplanned == {"auto": 1, "libx264": 0, "nvenc": 2}
    store.move("b", JobState.PROBING)
    store.cancel("c")
    assert take(taker).unplanned == {"auto": 1, "libx264": 0, "nvenc": 1}
    store.move("b", JobState.PLANNING)
    open_tasks(store, "b", queues=QUEUES, costs=COSTS)
    assert take(taker).unplanned == {"auto": 1, "libx264": 0, "nvenc": 0}


def test_a_refused_submission_is_nowhere(store: TaskStore, taker: CensusTaker) -> None:
    before = take(taker)
    store.reject("j", "{}", SourceError("no"))
    assert take(taker) == before


def test_what_jobs_take_is_remembered_as_a_mean_of_the_last_ones(
    store: TaskStore, taker: CensusTaker
) -> None:
    begin(store, "j1", queues=QUEUES, costs=COSTS)
    assert take(taker).planned == {GPU: {CPU: 0.25, GPU: 10.0 * PICTURES}}
    begin(store, "j2", queues=QUEUES, costs={task: 3 * cost for task, cost in COSTS.items()})
    assert take(taker).planned == {GPU: {CPU: 0.5, GPU: 20.0 * PICTURES}}
    begin(store, "j3", costs=COSTS)
    assert take(taker).planned[CPU] == {CPU: 10.0 * PICTURES + 0.25}
    begin(store, "whole", queues=QUEUES, finished={task: result_of(task) for task in TASKS})
    assert take(taker).planned[GPU] == {CPU: 0.5, GPU: 20.0 * PICTURES}, "it says nothing of others"
    for number in range(200):
        begin(store, f"later{number}", queues=QUEUES, costs=COSTS)
    assert take(taker).planned[GPU][GPU] == pytest.approx(10.0 * PICTURES, rel=1e-3)


def test_states_tell_how_many_are_in_them_and_since_when(
    store: TaskStore, taker: CensusTaker, valkey: redis.Redis
) -> None:
    live = [state for state in JobState if not state.ended]
    for state in live:
        bring_to(store, state.value, state)
    bring_to(store, "probing2", JobState.PROBING)
    for state in (JobState.DONE, JobState.FAILED):
        bring_to(store, state.value, state)
    valkey.zincrby(keys.state("probing"), -100, "probing")
    states = take(taker).states
    assert {state: count.jobs for state, count in states.items()} == {
        state: 2 if state is JobState.PROBING else 1 for state in live
    }
    assert 100 <= states[JobState.PROBING].oldest_seconds < 200
    assert states[JobState.QUEUED].oldest_seconds < 100


def test_a_queue_that_gives_nothing_out_while_tasks_wait_grows_old(
    store: TaskStore, taker: CensusTaker, valkey: redis.Redis
) -> None:
    begin(store, "j", queues=QUEUES, costs=COSTS)
    valkey.hincrbyfloat(keys.job("j"), "at:encoding", -500)
    assert 500 <= take(taker).queues[GPU].idle_seconds < 600
    assert store.give_out("j", GPU) is not None
    assert take(taker).queues[GPU].idle_seconds < 100
    store.cancel("j")
    assert take(taker).queues[GPU].idle_seconds == 0


def test_many_jobs_are_added_up_page_by_page(
    store: TaskStore, taker: CensusTaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gopfarm.store.census._PAGE", 2)
    for number in range(5):
        begin(store, f"j{number}", queues=QUEUES, costs=COSTS)
    assert figures(taker) == (5 * PICTURES, 0, 50.0 * PICTURES)


def test_the_audit_puts_wrong_counts_right(store: TaskStore, taker: CensusTaker, valkey: redis.Redis) -> None:
    begin(store, "j", queues=QUEUES, costs=COSTS)
    store.start("j", FIRST, "w#1", 15)
    right, board = take(taker), Board(valkey)
    valkey.hdel(keys.job("j"), f"open:{GPU}", f"left:{GPU}", f"running:{GPU}")
    valkey.zrem(keys.state("encoding"), "j")
    valkey.sadd(keys.unplanned("auto"), "j")
    assert sorted(board.repair_job("j")) == ["backlog", "state"]
    assert board.repair_job("j") == []
    assert take(taker).queues[GPU].seconds == right.queues[GPU].seconds
    assert figures(taker) == (PICTURES - 1, 1, 10.0 * PICTURES)
    assert take(taker).states[JobState.ENCODING].jobs == 1
