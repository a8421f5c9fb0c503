"""Attempts at tasks, against a real store."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import redis

from gopfarm.errors import ServiceError
from gopfarm.settings import Settings
from gopfarm.store import TaskStore
from tests.gopfarm.store.jobs import PLAN, SPEC, begin, give_out, store_on
from worker.attempts import Attempts
from worker.lease import Leases
from worker.room import Room

LEASE_SECONDS = 1.5


@pytest.fixture
def store(valkey: redis.Redis) -> TaskStore:
    return store_on(valkey)


def test_a_task_stays_under_its_lease_while_it_waits_for_storage_to_come_back(
    store: TaskStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or it would count as lost with its worker, and nobody would hear of the storage."""

    def without_storage(*_: object) -> None:
        raise ServiceError("storage does not answer")

    monkeypatch.setattr("worker.attempts.run_task", without_storage)
    monkeypatch.setattr("worker.attempts._SERVICE_PAUSE_SECONDS", 2 * LEASE_SECONDS)
    settings = Settings(lease_seconds=LEASE_SECONDS, scratch_dir=tmp_path)
    leases = Leases(store, LEASE_SECONDS, lambda: False)
    leases.start()
    attempts = Attempts("w", settings, store, leases, Room(tmp_path, 1), threading.Event(), lambda: False)
    begin(store, "j", SPEC.model_copy(update={"destination": str(tmp_path / "out")}))
    run = give_out(store, "j", PLAN.tasks[0].id).run
    attempt = threading.Thread(target=attempts.make, args=("j", run, None))
    attempt.start()
    while attempt.is_alive():
        assert store.take_expired(3) == []
        attempt.join(0.1)
    leases.stop()
    view = store.view("j")
    assert view is not None
    assert [(failure.kind, failure.reason) for failure in view.failures] == [
        ("service", "storage does not answer")
    ]
