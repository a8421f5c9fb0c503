"""What is wanted of jobs, with the operator's settings: the same by queue, HTTP or command."""

from __future__ import annotations

import pytest
import redis

from gopfarm import tracing
from gopfarm.errors import LimitError
from gopfarm.settings import Settings
from gopfarm.store import JobView, TaskStore, keys
from gopfarm.tenants import TenantPolicy
from scheduler.intake import resolve_profile
from scheduler.orders import create_job, retry_job, set_priority
from tests.gopfarm.store.jobs import SPEC, store_on

SETTINGS = Settings(tenants={"school": TenantPolicy(max_queued=1)}, aging_seconds=100.0)


@pytest.fixture
def store(valkey: redis.Redis) -> TaskStore:
    return store_on(valkey)


def create(store: TaskStore, job_id: str, **fields: object) -> bool:
    spec = SPEC.model_copy(update=fields)
    return create_job(
        store, SETTINGS, job_id, spec, resolve_profile(spec, SETTINGS), tracing.begin(None), 1.0
    )


def view(store: TaskStore, job_id: str) -> JobView:
    found = store.view(job_id)
    assert found is not None
    return found


def test_urgent_jobs_come_first_however_they_became_urgent(store: TaskStore, valkey: redis.Redis) -> None:
    for job, priority in (("usual", 5), ("urgent", 9), ("slow", 0)):
        assert create(store, job, priority=priority)
    assert not create(store, "usual")
    assert valkey.zrange(keys.QUEUED, 0, -1) == ["urgent", "usual", "slow"]
    assert set_priority(store, SETTINGS, view(store, "slow"), 7) == "changed"
    assert valkey.zrange(keys.QUEUED, 0, -1) == ["urgent", "slow", "usual"]
    for job in ("usual", "slow"):
        store.cancel(job)
        assert retry_job(store, SETTINGS, view(store, job)) == "retried"
    assert valkey.zrange(keys.QUEUED, 0, -1) == ["urgent", "slow", "usual"]


def test_a_tenant_that_has_all_it_may_gets_no_more_by_any_way(store: TaskStore) -> None:
    assert create(store, "first", tenant="school")
    with pytest.raises(LimitError, match=r"school .* \(1\)"):
        create(store, "second", tenant="school")
    store.cancel("first")
    assert create(store, "second", tenant="school")
    with pytest.raises(LimitError, match=r"school .* \(1\)"):
        retry_job(store, SETTINGS, view(store, "first"))
