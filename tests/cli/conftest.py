"""What tests of commands share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from gopfarm.settings import get_settings


@pytest.fixture
def redis_of_commands(
    valkey: redis.Redis, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Have commands that run in this process find an empty Valkey."""
    monkeypatch.setenv("GOPFARM_REDIS_URL", valkey_url)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()
