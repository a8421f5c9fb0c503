"""What the leading scheduler tells of the farm, and that nobody else does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from redis.client import Pipeline

from gopfarm import metrics
from gopfarm.errors import SourceError
from gopfarm.metrics import Role, registry_of
from gopfarm.settings import Settings
from gopfarm.store import (
    Board,
    Ended,
    Fleet,
    JobState,
    Leadership,
    StepStore,
    TaskStore,
    WorkerView,
    keys,
)
from gopfarm.tenants import TenantPolicy
from scheduler.admission import Admission
from scheduler.dispatch import Dispatcher
from scheduler.ends import Ends
from scheduler.figures import FarmFigures
from scheduler.loop import DispatchLoop
from scheduler.reconcile import Reconciler
from tests.farm.processes import until
from tests.gopfarm.store.jobs import PLAN, SPEC, begin, bring_to, result_of, store_on

TASKS = [task.id for task in PLAN.tasks]
SCHOOL = SPEC.model_copy(update={"tenant": "school"})


@pytest.fixture(autouse=True)
def _leads_not() -> Iterator[None]:
    metrics.FARM.hide()
    yield
    metrics.FARM.hide()


@pytest.fixture
def store(valkey: redis.Redis) -> TaskStore:
    return store_on(valkey)


def told(name: str, **labels: str) -> float | None:
    return registry_of([Role.LEADER]).get_sample_value(name, labels)


def counted(name: str, **labels: str) -> float:
    return registry_of([Role.SCHEDULER]).get_sample_value(name, labels) or 0.0


def figures_of(valkey: redis.Redis) -> FarmFigures:
    return FarmFigures(valkey, Fleet(valkey))


def loop_on(
    valkey: redis.Redis, name: str, settings: Settings, leadership: Leadership | None = None
) -> DispatchLoop:
    store, board, fleet = store_on(valkey), Board(valkey), Fleet(valkey)
    steps = StepStore(valkey, name)
    return DispatchLoop(
        name,
        leadership or Leadership(valkey, name),
        fleet,
        store,
        board,
        Dispatcher(store, board, fleet, settings),
        Admission(board, steps, fleet, settings),
        Reconciler(store, board, steps, settings),
        Ends(valkey, {}),
        FarmFigures(valkey, fleet),
    )


def test_the_farm_is_told_as_it_is(valkey: redis.Redis, store: TaskStore) -> None:
    Fleet(valkey).announce(
        WorkerView(id="w", host="h", pid=1, slots={"encode.cpu": 4}, encoders=("libx264",), seen=0)
    )
    Fleet(valkey).announce_scheduler("s")
    begin(store, "j")
    store.create("waits", SPEC)
    store.start("j", TASKS[0], "w#1", 15)
    figures_of(valkey).take()
    assert told("gopfarm_farm_workers") == told("gopfarm_farm_schedulers") == 1
    assert told("gopfarm_farm_slots", queue="encode.cpu") == 4
    assert told("gopfarm_farm_slots", queue="encode.nvenc") == 0
    assert told("gopfarm_jobs", state="encoding") == told("gopfarm_jobs", state="queued") == 1
    assert told("gopfarm_tasks_running", queue="encode.cpu") == 1
    assert told("gopfarm_tasks_waiting", queue="encode.cpu") == len(TASKS) - 1
    assert told("gopfarm_backlog_slot_seconds", queue="encode.cpu") == 2 * len(TASKS)
    assert told("gopfarm_backlog_slot_seconds", queue="encode.nvenc") == 0
    assert told("gopfarm_webhooks_waiting") == told("gopfarm_webhooks_dead") == 0
    assert set(metrics.FARM.metrics) == {m for m in metrics.CATALOGUE if Role.LEADER in m.roles}


def test_the_farm_is_counted_every_few_seconds_and_not_in_every_round(
    valkey: redis.Redis, store: TaskStore
) -> None:
    figures = figures_of(valkey)
    figures.take()
    store.create("j", SPEC)
    figures.take()
    assert told("gopfarm_jobs", state="queued") == 0
    figures.forget()
    assert told("gopfarm_jobs", state="queued") is None
    figures.take()
    assert told("gopfarm_jobs", state="queued") == 1


def test_who_leads_no_more_tells_nothing_any_more(valkey: redis.Redis) -> None:
    loop = loop_on(valkey, "first", Settings())
    loop.start()
    try:
        until(lambda: told("gopfarm_farm_workers") == 0, "it leads and tells of the farm")
        assert counted("gopfarm_scheduler_leads") == 1
        valkey.set(keys.LEADER, "second", px=60_000)
        until(lambda: told("gopfarm_farm_workers") is None, "it tells nothing, as another one leads")
        assert counted("gopfarm_scheduler_leads") == 0
        valkey.delete(keys.LEADER)
        until(lambda: told("gopfarm_farm_workers") == 0, "it leads again")
    finally:
        loop.stop()
    assert told("gopfarm_farm_workers") is None
    assert counted("gopfarm_scheduler_leads") == 0


def test_while_redis_is_away_nobody_leads(valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or nobody would be told that nothing moves."""
    monkeypatch.setattr("scheduler.loop.LEADER_SECONDS", 0.2)
    leadership = Leadership(valkey, "first")
    loop = loop_on(valkey, "first", Settings(), leadership)
    loop.start()
    try:
        until(lambda: counted("gopfarm_scheduler_leads") == 1, "it leads")
        with monkeypatch.context() as outage:
            outage.setattr(leadership, "keep", unreachable)
            until(lambda: counted("gopfarm_scheduler_leads") == 0, "it does not lead any more")
            until(
                lambda: told("gopfarm_farm_workers") is None, "it tells nothing of a farm that it cannot see"
            )
        until(lambda: counted("gopfarm_scheduler_leads") == 1, "it leads again")
    finally:
        loop.stop()


def unreachable() -> bool:
    raise redis.ConnectionError("redis is away")


def test_each_end_of_a_job_is_counted_once_by_its_class_and_reason(
    valkey: redis.Redis, store: TaskStore
) -> None:
    ends = Ends(valkey, {"school": TenantPolicy(class_name="education")})
    ends.count()
    done = {"state": "done", "tenant_class": "education"}
    before = (
        counted("gopfarm_jobs_ended_total", **done),
        counted("gopfarm_media_seconds_total", tenant_class="education"),
        counted("gopfarm_job_failures_total", reason="source"),
        counted("gopfarm_job_queue_seconds_count"),
        counted("gopfarm_job_realtime_factor_count"),
        counted("gopfarm_jobs_ended_total", state="failed", tenant_class="other"),
    )
    begin(store, "film", SCHOOL)
    for task in TASKS:
        store.start("film", task, "w#1", 15)
        store.finish("film", task, "w#1", result_of(task), 1, PLAN.hash)
    assert store.move("film", JobState.STITCHING)
    assert store.move("film", JobState.DONE)
    bring_to(store, "broken", JobState.PROBING)
    store.fail("broken", SourceError("no film"))
    store.reject("refused", "{}", SourceError("not taken in"))
    ends.count()
    Ends(valkey, {}).count()
    assert counted("gopfarm_jobs_ended_total", **done) == before[0] + 1
    assert counted("gopfarm_media_seconds_total", tenant_class="education") == before[1] + float(PLAN.seconds)
    assert counted("gopfarm_job_failures_total", reason="source") == before[2] + 1
    assert counted("gopfarm_job_queue_seconds_count") == before[3] + 1
    assert counted("gopfarm_job_realtime_factor_count") == before[4] + 1
    assert counted("gopfarm_jobs_ended_total", state="failed", tenant_class="other") == before[5] + 1
    assert float(PLAN.seconds) == 30


def test_of_two_schedulers_that_count_at_a_time_one_does(
    valkey: redis.Redis, store: TaskStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As while one takes over from the other."""
    first, second = Ended(valkey), Ended(valkey)
    bring_to(store, "j", JobState.FAILED)
    taken: list[list[str]] = []
    read = valkey.pipeline

    def meanwhile(**options: Any) -> Pipeline:
        monkeypatch.undo()
        taken.append([job.id for job in second.take()])
        return read(**options)

    monkeypatch.setattr(valkey, "pipeline", meanwhile)
    taken.append([job.id for job in first.take()])
    assert taken == [["j"], []]


def test_a_job_that_ended_twice_between_two_counts_did_not_end_the_second_way_twice(
    valkey: redis.Redis, store: TaskStore
) -> None:
    ends = Ends(valkey, {})
    ends.count()
    before = counted("gopfarm_jobs_ended_total", state="cancelled", tenant_class="other")
    bring_to(store, "j", JobState.FAILED)
    store.retry("j")
    store.cancel("j")
    ends.count()
    assert counted("gopfarm_jobs_ended_total", state="cancelled", tenant_class="other") == before + 1
