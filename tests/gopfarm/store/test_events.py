from __future__ import annotations

from importlib import resources

import pytest
import redis

from gopfarm.errors import FarmError, SourceError, SpecError
from gopfarm.spec import JobSpec
from gopfarm.store import JobState, TaskStore, keys
from gopfarm.store.events import EventStore
from tests.gopfarm.store.jobs import PLAN, SPEC, begin, result_of, store_on

HOOKED = SPEC.model_copy(update={"webhook": "https://Hooks.example.com/x?key=1"})


@pytest.fixture
def store(valkey: redis.Redis) -> TaskStore:
    return store_on(valkey)


@pytest.fixture
def events(valkey: redis.Redis) -> EventStore:
    return EventStore(valkey)


def end(store: TaskStore, job_id: str, spec: JobSpec) -> None:
    assert store.create(job_id, spec)
    assert store.cancel(job_id)


def test_each_end_and_each_tenth_of_a_job_is_an_event(store: TaskStore, events: EventStore) -> None:
    begin(store, "j")
    for task in PLAN.tasks:
        store.finish("j", task.id, "w", result_of(task.id), 1, PLAN.hash)
        store.finish("j", task.id, "w", result_of(task.id), 1, PLAN.hash)  # a duplicate is no progress
    store.move("j", JobState.STITCHING)
    store.move("j", JobState.DONE)
    seen = [(event.job, event.tenant, event.event, event.progress, event.number) for event in events.events()]
    assert seen == [
        *(
            ("j", "default", "job.progress", share, number)
            for number, share in enumerate((0.2, 0.4, 0.6, 0.8, 1), 1)
        ),
        ("j", "default", "job.done", 1.0, 6),
    ]


def test_of_many_tasks_only_each_tenth_is_told(valkey: redis.Redis) -> None:
    assert store_on(valkey).create("j", SPEC)
    library = (resources.files("gopfarm.store") / "lua" / "lib" / "events.lua").read_text("utf-8")
    step = valkey.register_script(f"{library}\nemit_progress('j', tonumber(ARGV[1]), tonumber(ARGV[2]), 1)")
    for tasks in (7, 10, 30, 1000):
        valkey.delete(keys.EVENTS)
        for done in range(1, tasks + 1):
            step(args=[done, tasks])
        told = [event.progress for event in EventStore(valkey).events()]
        assert len(told) == min(10, tasks)
        assert told == sorted(set(told))
        assert told[-1] == 1.0


@pytest.mark.parametrize("end_of", ["fail", "cancel", "reject", "attempts"])
def test_every_way_to_an_end_is_told_once(
    valkey: redis.Redis, store: TaskStore, events: EventStore, end_of: str
) -> None:
    if end_of == "reject":
        store.reject("j", '{"webhook": "https://hooks.example.com"}', SpecError("no"))
        store.reject("j", "{", SpecError("no"))
    else:
        begin(store, "j", HOOKED)
        if end_of == "attempts":
            task = PLAN.tasks[0]
            store.start("j", task.id, "w", 15)
            store.give_back("j", task.id, "w", 1, SourceError("truncated"))
        store.fail("j", FarmError("no")) if end_of == "fail" else store.cancel("j")
        store.fail("j", FarmError("again"))
    name = "job.cancelled" if end_of == "cancel" else "job.failed"
    told = [event.event for event in events.events()]
    assert set(told) == {name}
    # A rejected submission leaves its id free: each time is a job of its own.
    assert len(told) == (2 if end_of == "reject" else 1)
    assert valkey.zcard(keys.DELIVERIES) == (0 if end_of == "reject" else 1)


def test_events_are_read_from_where_one_left_off(store: TaskStore, events: EventStore) -> None:
    assert (events.last_event(), list(events.events())) == ("0", [])
    for number in range(1200):  # more than one page
        end(store, f"j{number}", SPEC)
    told = list(events.events())
    assert [event.job for event in told] == [f"j{number}" for number in range(1200)]
    assert events.last_event() == told[-1].id
    assert list(events.events(told[1198].id)) == told[1199:]
    assert [event.job for event in events.events(job_id="j7")] == ["j7"]
