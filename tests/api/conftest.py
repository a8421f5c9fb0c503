"""A farm without schedulers, as the API serves it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
import redis

from gopfarm.log import configure_logging
from gopfarm.store import TaskStore
from tests.api.serving import calling, serving, settings_for
from tests.gopfarm.store.jobs import store_on


@pytest.fixture(autouse=True)
def _quiet_logs(_logs_as_before: None) -> None:
    """Servers in this process would log every request of the tests."""
    configure_logging("error")


@pytest.fixture(scope="session")
def open_url(valkey_url: str) -> Iterator[str]:
    """Address of an API without tokens, on a farm that each test empties by ``valkey``."""
    with serving(settings_for(valkey_url)) as url:
        yield url


@pytest.fixture
def api(open_url: str, valkey: redis.Redis) -> Iterator[httpx.Client]:
    """A client of an API that asks for no token; the farm is empty."""
    with calling(open_url) as client:
        yield client


@pytest.fixture
def store(valkey: redis.Redis) -> TaskStore:
    """The memory of the farm that is served."""
    return store_on(valkey)
