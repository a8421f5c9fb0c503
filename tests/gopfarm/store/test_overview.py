"""The farm as a whole, as it is shown."""

from __future__ import annotations

import pytest
import redis

from gopfarm.store import Board, Fleet, JobState, Leadership, WorkerView
from gopfarm.store.farmview import FarmView, QueueSlots
from gopfarm.store.overview import Overview
from gopfarm.tenants import TenantPolicy
from scheduler.backlog import backlog_seconds
from tests.gopfarm.store.jobs import PLAN, SPEC, begin, bring_to, give_out, result_of, store_on

FIRST, SECOND = (task.id for task in PLAN.tasks[1:3])
LENGTH = sum(segment.length for segment in PLAN.tasks[1].segments)


def _look(valkey: redis.Redis) -> FarmView:
    return Overview(valkey, {"school": TenantPolicy(weight=3)}, backlog_seconds).look()


def test_an_idle_farm_is_shown_with_zeros(valkey: redis.Redis) -> None:
    farm = _look(valkey)
    nothing = QueueSlots(total=0, busy=0, waiting=0, backlog_slot_seconds=0.0)
    assert farm.slots == {"encode.cpu": nothing, "encode.nvenc": nothing}
    assert (farm.workers, farm.schedulers, farm.tenants) == ((), (), ())
    assert set(farm.jobs) == {"queued", "probing", "planning", "encoding", "stitching"}
    assert sum(farm.jobs.values()) == sum(farm.priorities.values()) == 0
    assert (farm.webhooks.waiting, farm.throughput.tasks_per_minute) == (0, 0.0)


def test_workers_are_shown_with_what_they_run(valkey: redis.Redis) -> None:
    store = store_on(valkey)
    for name in ("b", "a"):
        Fleet(valkey).announce(
            WorkerView(id=name, host="h", pid=1, slots={"encode.cpu": 2}, encoders=("libx264",), seen=0)
        )
    begin(store, "j")
    for task in (FIRST, SECOND):
        give_out(store, "j", task)
        store.start("j", task, "a#1", 15)
    store.renew("j", FIRST, "a#1", 15, LENGTH // 2, PLAN.hash)
    valkey.hset("gopfarm:job:j:started", FIRST, Board(valkey).now() - 10)
    first, second = _look(valkey).workers
    assert (first.id, first.running, second.id, second.running) == ("a", 2, "b", 0)
    tasks = {row.task: row for row in first.tasks}
    assert set(tasks) == {FIRST, SECOND}
    assert tasks[FIRST].job == "j"
    assert tasks[FIRST].elapsed >= 10
    assert tasks[FIRST].done == pytest.approx(0.5, abs=0.01)


def test_slots_have_what_runs_what_waits_and_what_it_is_expected_to_take(valkey: redis.Redis) -> None:
    store = store_on(valkey)
    Fleet(valkey).announce(
        WorkerView(id="w", host="h", pid=1, slots={"encode.cpu": 4}, encoders=("libx264",), seen=0)
    )
    begin(store, "j", costs={task.id: 7.0 for task in PLAN.tasks})
    for task in (FIRST, SECOND):
        give_out(store, "j", task)
        store.start("j", task, "w#1", 15)
    store.finish("j", SECOND, "w#1", result_of(SECOND), LENGTH, PLAN.hash)
    assert _look(valkey).slots["encode.cpu"] == QueueSlots(
        total=4, busy=1, waiting=3, backlog_slot_seconds=28.0
    )


def test_tasks_count_as_their_part_of_the_film_that_is_done(valkey: redis.Redis) -> None:
    store = store_on(valkey)
    begin(store, "j", costs={task.id: 8.0 if task.id == FIRST else 3.0 for task in PLAN.tasks})
    give_out(store, "j", FIRST)
    store.start("j", FIRST, "w#1", 15)
    store.finish("j", FIRST, "w#1", result_of(FIRST), LENGTH, PLAN.hash)
    store.finish("j", FIRST, "w#1", result_of(FIRST), LENGTH, PLAN.hash)
    farm = _look(valkey)
    seconds = farm.now % 60 + 60
    assert farm.throughput.tasks_per_minute == pytest.approx(60 / seconds)
    assert farm.throughput.media_seconds_per_second == pytest.approx(
        float(PLAN.seconds) * 8 / 20 / seconds, abs=1e-5
    )


def test_the_scheduler_that_leads_is_told_from_others(valkey: redis.Redis) -> None:
    for name in ("one", "two"):
        Fleet(valkey).announce_scheduler(name)
    assert Leadership(valkey, "two").keep()
    assert [(row.id, row.leads) for row in _look(valkey).schedulers] == [("one", False), ("two", True)]


def test_tenants_have_jobs_tasks_and_a_share_of_what_runs(valkey: redis.Redis) -> None:
    store = store_on(valkey)
    begin(store, "j", SPEC.model_copy(update={"tenant": "school"}))
    begin(store, "k", SPEC.model_copy(update={"tenant": "studio"}))
    for job, task in (("j", FIRST), ("j", SECOND), ("k", FIRST)):
        give_out(store, job, task)
        store.start(job, task, "w#1", 15)
    bring_to(store, "waits", JobState.QUEUED)
    store.finish("j", SECOND, "w#1", result_of(SECOND), LENGTH, PLAN.hash)
    rows = {row.tenant: row for row in _look(valkey).tenants}
    assert set(rows) == {"school", "studio", "default"}
    school, studio = rows["school"], rows["studio"]
    assert (school.weight, school.jobs, school.running, school.queued, school.share) == (3.0, 1, 1, 3, 0.5)
    assert (studio.weight, studio.jobs, studio.running, studio.queued) == (1.0, 1, 1, 4)
    assert (rows["default"].jobs, rows["default"].queued) == (1, 0)


def test_jobs_are_counted_by_priority_until_they_end(valkey: redis.Redis) -> None:
    store = store_on(valkey)
    store.create("urgent", SPEC.model_copy(update={"priority": 9}))
    store.create("slow", SPEC.model_copy(update={"priority": 0}))
    store.create("usual", SPEC)
    farm = _look(valkey)
    assert (farm.priorities["9"], farm.priorities["0"], farm.priorities["5"]) == (1, 1, 1)
    assert farm.jobs["queued"] == 3
    store.cancel("urgent")
    assert _look(valkey).priorities["9"] == 0
    store.retry("urgent")
    assert _look(valkey).priorities["9"] == 1


def test_a_second_look_shortly_after_costs_nothing(valkey: redis.Redis) -> None:
    overview = Overview(valkey, {}, backlog_seconds)
    first = overview.farm()
    store_on(valkey).create("j", SPEC)
    assert overview.farm() is first
    assert overview.look().jobs["queued"] == 1


def test_a_look_that_took_long_is_shown_for_some_seconds_and_no_longer(valkey: redis.Redis) -> None:
    times = iter((0.0, 60.0, 69.0, 71.0, 71.1))
    overview = Overview(valkey, {}, backlog_seconds, lambda: next(times))
    first = overview.farm()
    assert overview.farm() is first
    assert overview.farm() is not first


def test_those_who_wait_for_a_look_that_fails_do_not_each_look_in_turn(
    valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter((0.0, 10.0, 10.1, 10.9, 11.1, 11.2))
    overview = Overview(valkey, {}, backlog_seconds, lambda: next(times))
    looks: list[str] = []

    def hang() -> FarmView:
        looks.append("look")
        raise redis.TimeoutError("no answer")

    with monkeypatch.context() as patched:
        patched.setattr(overview, "look", hang)
        for _ in range(3):
            with pytest.raises(redis.TimeoutError):
                overview.farm()
    assert looks == ["look"]
    assert overview.farm().jobs["queued"] == 0


def test_tasks_of_a_very_large_farm_are_counted_but_not_all_told(
    valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gopfarm.store.overview._MAX_RUNS", 1)
    store = store_on(valkey)
    begin(store, "j")
    for worker, task in (("a", FIRST), ("b", SECOND)):
        Fleet(valkey).announce(
            WorkerView(id=worker, host="h", pid=1, slots={"encode.cpu": 1}, encoders=(), seen=0)
        )
        give_out(store, "j", task)
        store.start("j", task, f"{worker}#1", 15)
    assert [(row.running, len(row.tasks)) for row in _look(valkey).workers] == [(1, 1), (1, 0)]
