"""A receiver of webhooks whose certificate this process trusts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import trustme

from gopfarm.store import TaskStore
from gopfarm.store.deliveries import DeliveryStore
from tests.scheduler.couriers import TTL_SECONDS
from tests.scheduler.receiver import Receiver, serving, trust_file


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def receiver(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setenv("SSL_CERT_FILE", str(trust_file(authority, tmp_path)))
    with serving(Receiver(authority)) as server:
        yield server


@pytest.fixture
def store(valkey: redis.Redis) -> TaskStore:
    return TaskStore(valkey, TTL_SECONDS)


@pytest.fixture
def deliveries(valkey: redis.Redis) -> DeliveryStore:
    return DeliveryStore(valkey, TTL_SECONDS)
