"""What falls between two hands is found and put back."""

from __future__ import annotations

import math

import pytest
import redis

from gopfarm.settings import Settings
from gopfarm.store import Board, JobState, StepStore, TaskStore, keys
from scheduler import reconcile
from scheduler.reconcile import Reconciler
from tests.gopfarm.store.jobs import (
    PLAN,
    QUEUE,
    SPEC,
    begin,
    bring_to,
    end_leases,
    give_out,
    result_of,
    store_on,
)

TASK = "video-00001"


class Farm:
    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self.store: TaskStore = store_on(client)
        self.board = Board(client)
        self.reconciler = Reconciler(self.store, self.board, StepStore(client, "s"), Settings(max_attempts=3))

    def findings(self) -> list[str]:
        return self.board.repair_job("j")


@pytest.fixture
def farm(valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Farm:
    for name in ("_LEASES", "_MESSAGES", "_RECOVER"):
        monkeypatch.setattr(reconcile, f"{name}_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(reconcile, "_SILENCE_SECONDS", 0.0)
    monkeypatch.setattr(reconcile, "_MESSAGES_SHARE", math.inf)
    return Farm(valkey)


def contents(client: redis.Redis) -> dict[str, object]:
    """Everything of the farm's that is in Redis."""
    read = {
        "hash": client.hgetall,
        "set": client.smembers,
        "string": client.get,
        "list": lambda name: client.lrange(name, 0, -1),
    }
    found: dict[str, object] = {}
    for name in client.scan_iter("gopfarm:*"):
        kind = str(client.type(name))
        found[name] = client.zrange(name, 0, -1, withscores=True) if kind == "zset" else read[kind](name)
    return found


def test_a_farm_where_all_is_well_is_left_alone(farm: Farm) -> None:
    farm.store.create("waits", SPEC)
    begin(farm.store, "j")
    give_out(farm.store, "j", TASK)
    farm.store.start("j", TASK, "w#1", 15)
    before = contents(farm.client)
    farm.reconciler.run()
    farm.reconciler.run()
    farm.reconciler.audit()
    assert contents(farm.client) == before


def test_a_message_that_was_fetched_by_a_process_that_died_is_no_loss(farm: Farm) -> None:
    begin(farm.store, "j")
    given = give_out(farm.store, "j", TASK)
    farm.client.lrem(keys.queue(QUEUE), 1, given.message)
    farm.reconciler.run()
    farm.reconciler.run()
    assert farm.client.zscore(keys.pending("j", QUEUE), TASK) is not None
    assert farm.store.attempts("j") == {}


def test_leases_do_not_end_while_workers_could_not_renew_them(farm: Farm) -> None:
    begin(farm.store, "j")
    give_out(farm.store, "j", TASK)
    farm.store.start("j", TASK, "w#1", 15)
    end_leases(farm.client)
    farm.reconciler.stay_calm()
    farm.reconciler.run()
    assert farm.store.busy_runs("j") == 1
    assert farm.store.renew("j", TASK, "w#1", 15, 1, PLAN.hash)


def test_submissions_in_the_hands_of_a_dead_scheduler_are_given_again(farm: Farm) -> None:
    dead = "dramatiq:__acks__.dead.jobs"
    farm.client.hset("dramatiq:jobs.msgs", "m1", "{}")
    farm.client.sadd(dead, "m1")
    farm.client.zadd("dramatiq:__heartbeats__", {"dead": 1})
    farm.reconciler.run()
    farm.reconciler.run()
    assert farm.client.lrange("dramatiq:jobs", 0, -1) == ["m1"]
    assert not farm.client.exists(dead)


# Audits: as if a step had been half done, which no script of ours can do.


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.PROBING, JobState.PLANNING])
def test_a_job_on_no_list_waits_again(farm: Farm, state: JobState) -> None:
    bring_to(farm.store, "j", state)
    farm.client.delete(keys.QUEUED)
    assert farm.findings() == ["waiting"]
    assert farm.client.zscore(keys.QUEUED, "j") is not None
    assert farm.findings() == []


def test_a_job_whose_tasks_are_all_done_is_published(farm: Farm) -> None:
    begin(farm.store, "j")
    for task in PLAN.tasks:
        farm.store.finish("j", task.id, "w", result_of(task.id), 1, PLAN.hash)
    farm.client.delete(keys.PUBLISHING)
    assert farm.findings() == ["publishing"]
    assert farm.client.zscore(keys.PUBLISHING, "j") is not None


def test_a_task_on_no_list_waits_again(farm: Farm) -> None:
    begin(farm.store, "j")
    farm.client.zrem(keys.pending("j", QUEUE), TASK)
    farm.client.srem(keys.ACTIVE, "j")
    assert farm.findings() == ["task"]
    assert give_out(farm.store, "j", TASK).run == TASK
    assert farm.findings() == []


def test_a_run_without_a_lease_is_given_again(farm: Farm) -> None:
    begin(farm.store, "j")
    give_out(farm.store, "j", TASK)
    farm.store.start("j", TASK, "w#1", 15)
    farm.client.zrem(keys.LEASES, keys.lease("j", TASK))
    assert farm.findings() == ["lease"]
    farm.reconciler.run()
    assert farm.store.busy_runs("j") == 0


def test_an_ended_job_is_on_no_list(farm: Farm) -> None:
    begin(farm.store, "j")
    farm.client.hset(keys.job("j"), "state", "failed")
    assert farm.findings() == ["state", "ended"]
    assert farm.store.live_jobs() == []
    assert farm.findings() == []


def test_entries_of_tenants_that_stand_for_nothing_are_dropped(farm: Farm) -> None:
    begin(farm.store, "j")
    farm.client.sadd(keys.tenant_runs("default"), "gone video-1")
    farm.client.sadd(keys.tenant_jobs("default"), "gone")
    assert farm.board.repair_tenants() == 2
    assert farm.board.repair_tenants() == 0
