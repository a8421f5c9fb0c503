"""One scheduler at a time does a step of a job, and a dead one does not keep it."""

from __future__ import annotations

import contextlib

import pytest
import redis

from gopfarm.child.parent import AbandonedError
from gopfarm.store import JobState, Step, StepStore, TaskStore, keys
from tests.gopfarm.store.jobs import PLAN, SPEC, begin, result_of, store_on

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
        assert 0 < one.failing_seconds("j") < 60
    valkey.delete(keys.queue("jobs"))
    assert one.call_again() == [], "after a pause"
    run_out(valkey)
    assert one.call_again() == [(PREPARING, "j")]


def test_a_step_that_is_done_forgets_its_tries(store: TaskStore, one: StepStore) -> None:
    with one.claim(PREPARING, "j") as claimed:
        assert claimed is not None
        claimed.fail()
    store.cancel("j")
    assert (one.tries("j"), one.failing_seconds("j")) == (0, 0.0)


def test_publishing_is_claimed_once_all_tasks_are_done(
    valkey: redis.Redis, store: TaskStore, one: StepStore, other: StepStore
) -> None:
    begin(store, "k")
    for task in PLAN.tasks:
        store.finish("k", task.id, "w", result_of(task.id), 1, PLAN.hash)
    with one.claim(Step.PUBLISHING, "k") as claimed:
        assert claimed is not None
        assert store.move("k", JobState.STITCHING)
        run_out(valkey)
        assert other.call_again() == [], "the first message lies there still"
        with other.claim(Step.PUBLISHING, "k") as taken:
            assert taken is not None, "the first scheduler stands still"
            assert store.move("k", JobState.DONE)
    assert not valkey.exists(keys.PUBLISHING)


def test_a_message_from_before_a_retry_publishes_nothing(store: TaskStore, one: StepStore) -> None:
    begin(store, "k")
    with one.claim(Step.PUBLISHING, "k") as claimed:
        assert claimed is None
    assert store.state("k") is JobState.ENCODING


def test_a_scheduler_that_stood_still_notices_that_its_step_is_another_ones(
    valkey: redis.Redis, one: StepStore, other: StepStore
) -> None:
    with one.claim(PREPARING, "j") as first:
        assert first is not None
        assert first.is_ours()
        run_out(valkey)
        with other.claim(PREPARING, "j") as second:
            assert second is not None
            assert not first.is_ours()
            with pytest.raises(AbandonedError):
                first.insist()
            second.insist()


def test_a_step_that_takes_one_scheduler_after_the_other_with_it_ends_its_job(
    valkey: redis.Redis, store: TaskStore
) -> None:
    for number in range(5):
        with contextlib.suppress(ZeroDivisionError), StepStore(valkey, f"s{number}").claim(PREPARING, "j"):
            run_out(valkey)
            valkey.hset(keys.job("j"), "step", f"s{number}#dead")  # it is never let go
            raise ZeroDivisionError
    with StepStore(valkey, "last").claim(PREPARING, "j") as claimed:
        assert claimed is None
    view = store.view("j")
    assert view is not None
    assert (view.state, view.error_kind) == (JobState.FAILED, "lost")
    assert "its scheduler was lost" in (view.error or "")


def test_jobs_that_pause_for_long_before_another_try_take_nobodys_place(
    valkey: redis.Redis, one: StepStore
) -> None:
    one.call("j")
    assert one.preparing() == 1
    valkey.zadd(keys.PREPARING, {"j": 4e9})
    assert one.preparing() == 0
