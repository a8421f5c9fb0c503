"""One scheduler at a time does a step of a job, and a dead one does not keep it."""

from __future__ import annotations

import pytest
import redis

from gopfarm.store import JobState, Step, StepStore, TaskStore, keys
from tests.gopfarm.store.jobs import SPEC, begin, result_of, store_on

PREPARING = Step.PREPARING


@pytest.fixture
def store(valkey: redis.Redis) -> TaskStore:
    store = store_on(valkey)
    assert store.create("j", SPEC)
    return store


@pytest.fixture
def one(valkey: redis.Redis, store: TaskStore) -> StepStore:
    return StepStore(valkey, "one")


@pytest.fixture
def other(valkey: redis.Redis) -> StepStore:
    return StepStore(valkey, "other")


def messages(client: redis.Redis) -> int:
    return client.llen(keys.queue("jobs"))


def run_out(client: redis.Redis) -> None:
    """Let the time of every step be over."""
    for name in (keys.PREPARING, keys.PUBLISHING):
        for job in client.zrange(name, 0, -1):
            client.zadd(name, {job: 1})
            client.hset(keys.job(job), "step:until", "1")


def test_two_schedulers_never_do_the_same_step_at_once(one: StepStore, other: StepStore) -> None:
    with one.claim(PREPARING, "j") as first, other.claim(PREPARING, "j") as second:
        assert first is not None
        assert second is None
    with other.claim(PREPARING, "j") as again:
        assert again is not None


def test_a_step_that_is_done_is_not_claimed_again(store: TaskStore, one: StepStore) -> None:
    store.cancel("j")
    with one.claim(PREPARING, "j") as claimed:
        assert claimed is None
    with one.claim(Step.PUBLISHING, "nobody") as claimed:
        assert claimed is None


def test_the_claim_of_a_dead_scheduler_runs_out(
    valkey: redis.Redis, one: StepStore, other: StepStore
) -> None:
    with one.claim(PREPARING, "j"):
        run_out(valkey)
        with other.claim(PREPARING, "j") as taken:
            assert taken is not None


def test_a_job_is_called_once_and_again_only_if_nothing_is_heard(valkey: redis.Redis, one: StepStore) -> None:
    assert one.waiting() == ["j"]
    assert one.call("j")
    assert not one.call("j")
    assert (one.waiting(), one.preparing(), messages(valkey)) == ([], 1, 1)
    assert one.call_again() == []
    run_out(valkey)
    assert one.call_again() == [], "the message only waits its turn"
    valkey.delete(keys.queue("jobs"))
    run_out(valkey)
    assert one.call_again() == [(PREPARING, "j")]
    assert messages(valkey) == 1


def test_a_step_in_hand_is_not_asked_for_again(valkey: redis.Redis, one: StepStore) -> None:
    one.call("j")
    valkey.delete(keys.queue("jobs"))
    with one.claim(PREPARING, "j"):
        assert one.call_again() == []


def test_a_step_that_failed_in_passing_is_asked_for_again(valkey: redis.Redis, one: StepStore) -> None:
    one.call("j")
    for tries in (1, 2, 3):
        with one.claim(PREPARING, "j") as claimed:
            assert claimed is not None
            claimed.fail()
        assert one.tries("j") == tries
    valkey.delete(keys.queue("jobs"))
    assert one.call_again() == [], "after a pause"
    run_out(valkey)
    assert one.call_again() == [(PREPARING, "j")]


def test_a_step_that_is_done_forgets_its_tries(store: TaskStore, one: StepStore) -> None:
    with one.claim(PREPARING, "j") as claimed:
        assert claimed is not None
        claimed.fail()
    store.cancel("j")
    assert one.tries("j") == 0


def test_publishing_is_claimed_once_all_tasks_are_done(
    valkey: redis.Redis, store: TaskStore, one: StepStore, other: StepStore
) -> None:
    begin(store, "k")
    for result in [result_of(task.id) for task in store.plan("k").tasks]:  # type: ignore[union-attr]
        store.finish("k", result.task, "w", result, 1)
    with one.claim(Step.PUBLISHING, "k") as claimed:
        assert claimed is not None
        assert store.move("k", JobState.STITCHING)
        run_out(valkey)
        assert other.call_again() == [], "the first message lies there still"
        with other.claim(Step.PUBLISHING, "k") as taken:
            assert taken is not None, "the first scheduler stands still"
            assert store.move("k", JobState.DONE)
    assert not valkey.exists(keys.PUBLISHING)
