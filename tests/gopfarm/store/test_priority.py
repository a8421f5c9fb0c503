"""Changing the priority of a job that has not ended."""

from __future__ import annotations

from typing import cast

import pytest
import redis

from gopfarm.errors import SpecError
from gopfarm.store import Board, JobState, TaskStore, keys
from tests.gopfarm.store.jobs import PLAN, QUEUE, SPEC, begin, bring_to, give_out, store_on

FIRST = PLAN.tasks[1].id


def _priority(store: TaskStore, job_id: str) -> int:
    view = store.view(job_id)
    assert view is not None
    return view.priority


def _queued(client: redis.Redis) -> list[str]:
    return cast("list[str]", client.zrange(keys.QUEUED, 0, -1))


@pytest.mark.parametrize("state", [state for state in JobState if not state.ended])
def test_a_job_that_has_not_ended_takes_another_priority(valkey: redis.Redis, state: JobState) -> None:
    store = store_on(valkey)
    bring_to(store, "j", state)
    assert store.set_priority("j", 9) == "changed"
    assert _priority(store, "j") == 9
    assert store.spec("j").priority == SPEC.priority
    assert store.state("j") is state


@pytest.mark.parametrize("state", [state for state in JobState if state.ended])
def test_a_job_that_has_ended_keeps_its_priority(valkey: redis.Redis, state: JobState) -> None:
    store = store_on(valkey)
    bring_to(store, "j", state)
    assert store.set_priority("j", 9) == state
    assert _priority(store, "j") == SPEC.priority


def test_a_job_that_is_not_known_has_none(valkey: redis.Redis) -> None:
    assert store_on(valkey).set_priority("j", 9) == ""
    assert not valkey.keys("*")


@pytest.mark.parametrize("priority", [-1, 10])
def test_there_are_ten_priorities(valkey: redis.Redis, priority: int) -> None:
    with pytest.raises(SpecError, match="0 to 9"):
        store_on(valkey).set_priority("j", priority)


def test_a_waiting_job_moves_to_where_its_head_start_puts_it(valkey: redis.Redis) -> None:
    store = store_on(valkey)
    for job in ("a", "b", "c"):
        store.create(job, SPEC, head_start=500.0)
    assert _queued(valkey) == ["a", "b", "c"]
    store.set_priority("c", 9, head_start=900.0)
    assert _queued(valkey) == ["c", "a", "b"]
    store.set_priority("a", 0, head_start=0.0)
    assert _queued(valkey) == ["c", "b", "a"]


def test_a_job_that_is_being_prepared_is_not_called_twice(valkey: redis.Redis) -> None:
    store = store_on(valkey)
    bring_to(store, "j", JobState.QUEUED)
    valkey.zrem(keys.QUEUED, "j")
    store.set_priority("j", 9)
    assert _queued(valkey) == []


def test_its_tasks_that_lie_in_queues_wait_again_and_are_paid_back(valkey: redis.Redis) -> None:
    store, board = store_on(valkey), Board(valkey)
    begin(store, "j", costs={task.id: 6.0 for task in PLAN.tasks})
    give_out(store, "j", FIRST)
    given = len(board.messages(QUEUE))
    running = store.queued(["j"])["j"][FIRST]
    store.start("j", FIRST, "w#1", 15, running)
    valkey.lrem(f"dramatiq:{QUEUE}", 1, running)
    assert store.give_twin("j", FIRST)
    board.survey([QUEUE])  # what has changed so far is told
    valkey.hset(keys.SHARES, "default", 100.0)
    store.set_priority("j", 9, weight=3.0)
    assert store.waiting("j", QUEUE) == len(PLAN.tasks) - 1
    assert set(store.queued(["j"])["j"]) == {f"{FIRST}~"}
    assert len(board.messages(QUEUE)) == 1
    assert board.shares()["default"] == pytest.approx(100.0 - 2.0 * (given - 1))
    assert store.busy_runs("j") == 1
    assert "j" in board.survey([QUEUE]).changed


def test_the_same_priority_again_changes_nothing(valkey: redis.Redis) -> None:
    store = store_on(valkey)
    begin(store, "j")
    give_out(store, "j", FIRST)
    before = store.queued(["j"])
    assert store.set_priority("j", SPEC.priority) == "changed"
    assert store.queued(["j"]) == before


def test_a_retry_keeps_the_priority(valkey: redis.Redis) -> None:
    store = store_on(valkey)
    bring_to(store, "j", JobState.PROBING)
    store.set_priority("j", 8)
    store.cancel("j")
    store.retry("j")
    assert _priority(store, "j") == 8
