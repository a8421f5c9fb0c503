from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from gopfarm.errors import EncodeError, SourceError, SpecError
from gopfarm.store import Created, JobState, TaskStore, keys
from gopfarm.store.models import TRANSITIONS
from tests.gopfarm.store.jobs import (
    PLAN,
    SPEC,
    TTL_SECONDS,
    begin,
    bring_to,
    open_tasks,
    result_of,
    store_on,
)


@pytest.fixture
def store(valkey: redis.Redis) -> TaskStore:
    return store_on(valkey)


@pytest.mark.parametrize("origin", JobState)
@pytest.mark.parametrize("to", JobState)
def test_a_job_moves_only_as_the_state_machine_allows(
    store: TaskStore, origin: JobState, to: JobState
) -> None:
    bring_to(store, "j", origin)
    allowed = origin in TRANSITIONS[to]
    assert store.move("j", to) is allowed
    assert store.state("j") is (to if allowed else origin)


def test_no_state_follows_the_end() -> None:
    ends = {state for state in JobState if state.ended}
    assert ends == {JobState.DONE, JobState.FAILED, JobState.CANCELLED}
    assert not ends & {origin for origins in TRANSITIONS.values() for origin in origins}


def test_every_state_that_was_reached_has_its_time(store: TaskStore) -> None:
    before = time.time()
    begin(store, "j")
    view = store.view("j")
    assert view is not None
    assert list(view.times) == ["queued", "probing", "planning", "encoding"]
    assert before <= view.times["queued"] <= view.times["encoding"] <= time.time() + 1


def test_a_job_that_is_not_there_moves_nowhere(store: TaskStore, valkey: redis.Redis) -> None:
    assert not store.move("nobody", JobState.FAILED)
    assert not store.cancel("nobody")
    assert store.state("nobody") is None
    assert store.view("nobody") is None
    with pytest.raises(SpecError, match="there is no job nobody"):
        store.spec("nobody")
    assert valkey.keys() == []


def test_creating_a_job_again_changes_nothing(store: TaskStore) -> None:
    begin(store, "j")
    assert store.create("j", SPEC.model_copy(update={"priority": 9})) is Created.KNOWN
    assert store.spec("j") == SPEC
    assert store.state("j") is JobState.ENCODING


def test_many_who_create_one_job_make_one(store: TaskStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        outcomes = Counter(pool.map(lambda _: store.create("j", SPEC), range(24)))
    assert outcomes == {Created.CREATED: 1, Created.KNOWN: 23}


def test_only_one_of_many_gets_to_move_a_job(store: TaskStore) -> None:
    store.create("j", SPEC)
    store.move("j", JobState.PROBING)
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: store.move("j", JobState.PLANNING), range(24))) == 1


def test_a_view_tells_what_was_submitted_and_how_far_it_is(store: TaskStore) -> None:
    begin(store, "j")
    store.finish("j", "audio-0", "w", result_of("audio-0"), 100, PLAN.hash)
    view = store.view("j")
    assert view is not None
    assert (view.source, view.destination, view.metadata) == (SPEC.source, SPEC.destination, {"id": 17})
    assert (view.tenant, view.priority, view.plan_hash) == ("default", 5, PLAN.hash)
    assert (view.tasks, view.tasks_done, view.progress) == (5, 1, 0.2)
    store.move("j", JobState.STITCHING)
    store.move("j", JobState.DONE, master="s3://streams/film/master.m3u8")
    view = store.view("j")
    assert view is not None
    assert (view.progress, view.master, view.error) == (1.0, "s3://streams/film/master.m3u8", None)


def test_a_plan_is_read_back_as_it_was(store: TaskStore) -> None:
    begin(store, "j")
    assert store.plan("j") == PLAN
    assert [store.task("j", task.id) for task in PLAN.tasks] == list(PLAN.tasks)
    assert store.plan("nobody") is None


@pytest.mark.parametrize("state", [state for state in JobState if state is not JobState.PLANNING])
def test_tasks_are_opened_only_for_a_job_that_is_being_planned(
    store: TaskStore, valkey: redis.Redis, state: JobState
) -> None:
    bring_to(store, "j", state)
    before = {name: valkey.ttl(name) for name in valkey.scan_iter()}
    assert not open_tasks(store, "j")
    assert store.state("j") is state
    assert {name: valkey.ttl(name) for name in valkey.scan_iter()} == before, "nothing is left behind"


def test_a_failed_job_says_why_and_the_first_reason_stays(store: TaskStore) -> None:
    begin(store, "j")
    assert store.fail("j", SourceError("film.mp4 is truncated"))
    assert not store.fail("j", SpecError("another"))
    view = store.view("j")
    assert view is not None
    assert (view.state, view.error_kind, view.error) == (JobState.FAILED, "source", "film.mp4 is truncated")


def test_a_rejected_submission_can_be_looked_up(store: TaskStore, valkey: redis.Redis) -> None:
    store.reject("j", '{"source": ' + "x" * 10_000, SpecError("job spec is not valid: no"))
    view = store.view("j")
    assert view is not None
    assert (view.state, view.error) == (JobState.FAILED, "job spec is not valid: no")
    assert valkey.zrange(keys.JOBS, 0, -1) == ["j"]
    assert store.live_jobs() == []


def test_a_rejected_submission_does_no_harm_to_the_job_whose_id_it_bears(store: TaskStore) -> None:
    begin(store, "j")
    store.reject("j", "{", SpecError("no"))
    assert store.state("j") is JobState.ENCODING


# What is left after the end.


@pytest.mark.parametrize("end", [JobState.DONE, JobState.FAILED, JobState.CANCELLED])
def test_everything_about_an_ended_job_is_forgotten_in_time(
    store: TaskStore, valkey: redis.Redis, end: JobState
) -> None:
    begin(store, "j")
    store.start("j", "audio-0", "w", 15)
    store.renew("j", "audio-0", "w", 15, 10, PLAN.hash)
    store.finish("j", "audio-0", "w", result_of("audio-0"), 20, PLAN.hash)
    store.start("j", "video-00000", "w", 15)
    assert all(valkey.ttl(name) == -1 for name in valkey.keys(f"{keys.job('j')}*"))
    if end is JobState.DONE:
        store.move("j", JobState.STITCHING)
    assert store.move("j", end)
    left = valkey.keys(f"{keys.job('j')}*")
    assert len(left) >= 9
    assert all(0 < valkey.ttl(name) <= TTL_SECONDS for name in left)
    assert (store.active_jobs(), store.live_jobs()) == ([], [])
    for name in (keys.QUEUED, keys.PREPARING, keys.PUBLISHING, keys.tenant_jobs("default")):
        assert not valkey.exists(name)


def due(client: redis.Redis) -> float:
    """In how many seconds the job's files are to be removed."""
    score = client.zscore(keys.CLEANUP, "j")
    assert isinstance(score, float)
    return score - time.time()


@pytest.mark.parametrize("how", ["fail", "cancel"])
def test_files_of_a_job_that_is_not_published_are_removed_a_little_later(
    store: TaskStore, valkey: redis.Redis, how: str
) -> None:
    begin(store, "j")
    assert store.cancel("j") if how == "cancel" else store.fail("j", SourceError("gone"))
    assert store.claim_cleanup(60) is None, "workers need a moment to notice"
    assert 0 < due(valkey) < 5
    valkey.zadd(keys.CLEANUP, {"j": 1})
    assert store.claim_cleanup(60) == "j"
    assert store.claim_cleanup(60) is None, "another scheduler leaves it alone"
    store.cleaned("j")
    assert store.to_be_cleaned() == []


def test_files_of_a_job_that_may_be_retried_are_kept(valkey: redis.Redis) -> None:
    store = TaskStore(valkey, TTL_SECONDS, 300)
    begin(store, "j")
    store.fail("j", EncodeError("no luck"))
    assert 290 < due(valkey) <= 300


def test_files_are_removed_before_the_job_is_forgotten(valkey: redis.Redis) -> None:
    store = TaskStore(valkey, TTL_SECONDS, 1e9)
    begin(store, "j")
    store.fail("j", EncodeError("no luck"))
    assert due(valkey) < TTL_SECONDS


def test_a_published_job_is_not_cleaned(store: TaskStore, valkey: redis.Redis) -> None:
    bring_to(store, "j", JobState.DONE)
    assert not store.fail("j", SourceError("late"))
    assert not store.cancel("j")
    assert valkey.zcard(keys.CLEANUP) == 0


# The list of jobs.


def test_the_list_of_jobs_does_not_grow_for_ever(store: TaskStore, valkey: redis.Redis) -> None:
    for number in range(30):
        store.create(f"j{number}", SPEC)
        valkey.delete(keys.job(f"j{number}"))
    assert valkey.zcard(keys.JOBS) <= 1
