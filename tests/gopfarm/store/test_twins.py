"""A second run of a slow task, and asking twice because an answer got lost."""

from __future__ import annotations

import pytest
import redis

from gopfarm.errors import EncodeError
from gopfarm.store import TWIN, Finish, Given, GivenBack, JobState, StartedTask, TaskStore, keys
from tests.gopfarm.store.jobs import PLAN, QUEUE, begin, give_out, result_of, store_on

TASK = PLAN.tasks[1]


@pytest.fixture
def store(valkey: redis.Redis) -> TaskStore:
    store = store_on(valkey)
    begin(store, "j")
    return store


def take(store: TaskStore) -> Given:
    """Give out tasks until the wanted one is."""
    return give_out(store, "j", TASK.id)


def waiting(store: TaskStore) -> int:
    return store.waiting("j", QUEUE)


def attempts(store: TaskStore) -> int:
    return store.attempts("j").get(TASK.id, 0)


def test_the_twin_of_a_task_runs_beside_it_and_the_first_result_wins(
    store: TaskStore, valkey: redis.Redis
) -> None:
    take(store)
    assert not store.give_twin("j", TASK.id), "nobody runs it yet"
    store.start("j", TASK.id, "w1#1", 15)
    assert store.give_twin("j", TASK.id)
    assert not store.give_twin("j", TASK.id), "one is enough"
    assert store.start("j", TASK.id + TWIN, "w2#1", 15) == StartedTask(TASK, 1)
    assert attempts(store) == 1
    assert store.renew("j", TASK.id, "w1#1", 15, 1, PLAN.hash)
    assert store.renew("j", TASK.id + TWIN, "w2#1", 15, 1, PLAN.hash)
    assert store.finish("j", TASK.id + TWIN, "w2#1", result_of(TASK.id), 9, PLAN.hash) is Finish.DONE
    assert not store.renew("j", TASK.id, "w1#1", 15, 2, PLAN.hash), "it need not go on"
    assert store.give_back("j", TASK.id, "w1#1", 3, None) is GivenBack.UNWANTED
    assert store.busy_runs("j") == 0
    assert not [one for one in valkey.zrange(keys.LEASES, 0, -1) if TASK.id in one]


def test_a_twin_does_not_run_at_the_same_worker(store: TaskStore) -> None:
    take(store)
    store.start("j", TASK.id, "w1#1", 15)
    store.give_twin("j", TASK.id)
    assert store.start("j", TASK.id + TWIN, "w1#2", 15) == "its twin runs here"
    assert store.give_twin("j", TASK.id), "another worker may still have it"


def test_a_twin_that_fails_or_is_lost_changes_nothing(store: TaskStore, valkey: redis.Redis) -> None:
    take(store)
    store.start("j", TASK.id, "w1#1", 15)
    store.give_twin("j", TASK.id)
    store.start("j", TASK.id + TWIN, "w2#1", 15)
    before = waiting(store)
    assert store.give_back("j", TASK.id + TWIN, "w2#1", 1, EncodeError("no")) is GivenBack.UNWANTED
    assert (waiting(store), attempts(store), store.state("j")) == (before, 1, JobState.ENCODING)
    assert store.renew("j", TASK.id, "w1#1", 15, 1, PLAN.hash)


def test_a_third_failure_does_not_end_a_job_while_a_twin_may_still_succeed(store: TaskStore) -> None:
    take(store)
    store.start("j", TASK.id, "w1#1", 15)
    store.give_twin("j", TASK.id)
    store.start("j", TASK.id + TWIN, "w2#1", 15)
    assert store.give_back("j", TASK.id, "w1#1", 1, EncodeError("no")) is GivenBack.RETRY
    assert store.finish("j", TASK.id + TWIN, "w2#1", result_of(TASK.id), 1, PLAN.hash) is Finish.DONE
    assert store.state("j") is JobState.ENCODING


def test_a_twin_that_waits_is_forgotten_when_the_task_is_done(store: TaskStore, valkey: redis.Redis) -> None:
    take(store)
    store.start("j", TASK.id, "w1#1", 15)
    store.give_twin("j", TASK.id)
    queue = valkey.llen(keys.queue(QUEUE))
    store.finish("j", TASK.id, "w1#1", result_of(TASK.id), 9, PLAN.hash)
    assert valkey.llen(keys.queue(QUEUE)) == queue - 1
    assert store.start("j", TASK.id + TWIN, "w2#1", 15) == "the task is done"
    assert keys.lease("j", TASK.id + TWIN) not in valkey.zrange(keys.LEASES, 0, -1)


# Asking twice, because an answer got lost.


def test_asking_twice_to_start_counts_one_attempt(store: TaskStore) -> None:
    take(store)
    assert store.start("j", TASK.id, "w1#1", 15) == StartedTask(TASK, 1)
    assert store.start("j", TASK.id, "w1#1", 15) == StartedTask(TASK, 1)
    assert store.start("j", TASK.id, "w1#2", 15) == "another worker holds the task"
