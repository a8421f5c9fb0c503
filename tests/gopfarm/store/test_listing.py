"""The newest jobs, as commands list them. (tests/api/test_listing.py has pages and filters.)"""

from __future__ import annotations

import pytest
import redis

from gopfarm.store import JobState, TaskStore, keys, listing
from gopfarm.store.listing import Filter, Listing
from tests.gopfarm.store.jobs import SPEC, store_on


@pytest.fixture
def store(valkey: redis.Redis) -> TaskStore:
    return store_on(valkey)


def newest(valkey: redis.Redis, limit: int, wanted: Filter | None = None) -> list[str]:
    return [view.id for view in Listing(valkey).newest(wanted or Filter(), limit)]


def test_the_newest_jobs_come_first_and_no_more_than_asked_for(store: TaskStore, valkey: redis.Redis) -> None:
    for number in range(5):
        store.create(f"j{number}", SPEC)
    assert newest(valkey, 3) == ["j4", "j3", "j2"]
    assert newest(valkey, 50) == ["j4", "j3", "j2", "j1", "j0"]
    assert newest(valkey, 0) == []


def test_forgotten_jobs_make_room_for_remembered_ones(store: TaskStore, valkey: redis.Redis) -> None:
    for number in range(6):
        store.create(f"j{number}", SPEC)
    valkey.delete(keys.job("j5"), keys.job("j4"), keys.job("j2"))
    assert newest(valkey, 2) == ["j3", "j1"]


def test_a_job_is_found_however_many_others_are_newer(
    store: TaskStore, valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "LOOKED_AT", 3)
    monkeypatch.setattr(listing, "_BATCH", 2)
    store.create("failed", SPEC)
    store.cancel("failed")
    for number in range(9):
        store.create(f"j{number}", SPEC)
    assert newest(valkey, 5, Filter(states={JobState.CANCELLED})) == ["failed"]
