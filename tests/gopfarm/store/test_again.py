"""Limits of tenants, jobs that are sent through again, and those that begin with what is done already."""

from __future__ import annotations

from dataclasses import replace

import pytest
import redis

from gopfarm.errors import EncodeError, LimitError, SpecError
from gopfarm.store import Board, Created, JobState, TaskStore, keys
from tests.gopfarm.store.jobs import (
    PLAN,
    QUEUE,
    SPEC,
    begin,
    bring_to,
    end_leases,
    give_out,
    open_tasks,
    result_of,
    store_on,
)


@pytest.fixture
def store(valkey: redis.Redis) -> TaskStore:
    return store_on(valkey)


# Limits.


def test_a_tenant_may_have_no_more_jobs_than_its_limit(store: TaskStore) -> None:
    assert [store.create(f"j{number}", SPEC, limit=2) for number in range(3)] == [
        Created.CREATED,
        Created.CREATED,
        Created.FULL,
    ]
    assert store.view("j2") is None
    other = SPEC.model_copy(update={"tenant": "other"})
    assert store.create("j3", other, limit=2) is Created.CREATED
    store.cancel("j0")
    assert store.create("j2", SPEC, limit=2) is Created.CREATED


# Sending through again.


def test_a_failed_job_begins_anew_and_what_went_wrong_stays_known(
    store: TaskStore, valkey: redis.Redis
) -> None:
    begin(store, "j")
    give_out(store, "j", "video-00000")
    store.start("j", "video-00000", "w1", 15)
    store.finish("j", "audio-0", "w1", result_of("audio-0"), 1, PLAN.hash)
    store.give_back("j", "video-00000", "w1", 1, EncodeError("crash"))
    assert store.state("j") is JobState.FAILED
    assert store.retry("j") == "retried"
    view = store.view("j")
    assert view is not None
    assert (view.state, view.error, view.tasks, view.retries) == (JobState.QUEUED, None, 0, 1)
    assert list(view.times) == ["queued"]
    assert [one.reason for one in view.failures] == ["crash"]
    assert store.to_be_cleaned() == []
    assert store.live_jobs() == ["j"]
    assert all(valkey.ttl(name) == -1 for name in valkey.keys(f"{keys.job('j')}*"))
    assert store.move("j", JobState.PROBING)
    assert store.move("j", JobState.PLANNING)
    assert open_tasks(store, "j", finished={"audio-0": result_of("audio-0")})
    assert store.waiting("j", QUEUE) == 4
    assert store.attempts("j") == {}


def test_a_worker_of_the_time_before_the_retry_has_no_say(store: TaskStore, valkey: redis.Redis) -> None:
    begin(store, "j")
    give_out(store, "j", "video-00000")
    store.start("j", "video-00000", "w1", 15)
    store.cancel("j")
    assert store.retry("j") == "retried"
    assert not store.renew("j", "video-00000", "w1", 15, 1, PLAN.hash)
    assert store.give_back("j", "video-00000", "w1", 3, EncodeError("late")) == "unwanted"
    assert store.state("j") is JobState.QUEUED
    end_leases(valkey)
    assert store.take_expired(3) == []


def test_what_a_worker_makes_of_an_earlier_plan_does_not_count_for_a_later_one(store: TaskStore) -> None:
    begin(store, "j")
    give_out(store, "j", "video-00000")
    store.start("j", "video-00000", "w1#1", 15)
    store.cancel("j")
    store.retry("j")
    store.move("j", JobState.PROBING)
    store.move("j", JobState.PLANNING)
    assert open_tasks(store, "j", replace(PLAN, hash="another00000"))
    assert not store.renew("j", "video-00000", "w1#1", 15, 1, PLAN.hash)
    assert store.finish("j", "video-00000", "w1#1", result_of("video-00000"), 1, PLAN.hash) == "unwanted"
    assert store.results("j") == []


def test_an_urgent_job_is_among_those_that_are_looked_at_however_many_wait(
    store: TaskStore, valkey: redis.Redis
) -> None:
    store.create("old", SPEC, head_start=0.0)
    store.create("urgent", SPEC, head_start=2700.0)
    assert valkey.zrange(keys.QUEUED, 0, -1) == ["urgent", "old"]


def test_events_of_a_submission_that_was_refused_are_not_told_twice_under_one_number(
    store: TaskStore, valkey: redis.Redis
) -> None:
    store.reject("j", "{}", LimitError("too many"), SPEC)
    store.create("j", SPEC)
    store.cancel("j")
    numbers = [fields["number"] for _, fields in valkey.xrange(keys.EVENTS)]
    assert numbers == ["1", "2"]


@pytest.mark.parametrize("state", [state for state in JobState if state not in ("failed", "cancelled")])
def test_only_failed_and_cancelled_jobs_are_retried(store: TaskStore, state: JobState) -> None:
    bring_to(store, "j", state)
    assert store.retry("j") == state
    assert store.state("j") is state


def test_a_submission_that_was_refused_cannot_be_retried(store: TaskStore) -> None:
    store.reject("j", "{", SpecError("no"))
    assert store.retry("j") == "failed"
    assert store.retry("nobody") == ""


def test_a_submission_that_came_too_early_can_be_retried_or_made_again(store: TaskStore) -> None:
    store.reject("j", "{}", LimitError("too many"), SPEC)
    view = store.view("j")
    assert view is not None
    assert (view.state, view.source, view.error_kind) == (JobState.FAILED, SPEC.source, "limit")
    assert store.retry("j") == "retried"
    assert store.create("j", SPEC) is Created.KNOWN
    store.reject("k", "{}", LimitError("too many"), SPEC)
    assert store.create("k", SPEC) is Created.CREATED


def test_a_retry_keeps_to_the_tenants_limit(store: TaskStore) -> None:
    store.create("j", SPEC)
    store.cancel("j")
    store.create("other", SPEC)
    assert store.retry("j", limit=1) == "full"
    assert store.retry("j", limit=2) == "retried"


# Beginning with what is done already.


def test_tasks_that_are_done_already_are_not_given_out(store: TaskStore) -> None:
    begin(store, "j", finished={"video-00001": result_of("video-00001")})
    given = {given.run for _ in range(9) if (given := store.give_out("j", QUEUE)) is not None}
    assert given == {task.id for task in PLAN.tasks} - {"video-00001"}


def test_a_job_of_which_all_is_done_already_is_published_at_once(
    store: TaskStore, valkey: redis.Redis
) -> None:
    begin(store, "j", finished={task.id: result_of(task.id) for task in PLAN.tasks})
    assert store.state("j") is JobState.ENCODING
    assert store.active_jobs() == []
    assert valkey.zscore(keys.PUBLISHING, "j") is not None


def test_the_limits_of_a_tenant_hold_when_only_a_retry_brings_it_back(
    store: TaskStore, valkey: redis.Redis
) -> None:
    board = Board(valkey)
    begin(store, "j", SPEC.model_copy(update={"tenant": "school"}))
    store.cancel("j")
    board.repair_tenants()
    assert board.tenants() == []
    store.retry("j")
    store.move("j", JobState.PROBING)
    store.move("j", JobState.PLANNING)
    assert open_tasks(store, "j")
    give_out(store, "j", "video-00000")
    assert board.survey([QUEUE]).runs["school"] > 0
