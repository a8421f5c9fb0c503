from __future__ import annotations

import time

import pytest
import redis

from gopfarm.store import Fleet, WorkerView, fleet, keys


def worker(name: str, slots: dict[str, int], *encoders: str, seen: float = 0.0) -> WorkerView:
    return WorkerView(id=name, host="h", pid=1, slots=slots, encoders=encoders, seen=seen)


def test_the_fleet_is_the_sum_of_its_workers(valkey: redis.Redis) -> None:
    workers = Fleet(valkey)
    workers.announce(worker("a", {"encode.cpu": 4}, "libx264"))
    workers.announce(worker("b", {"encode.cpu": 2, "encode.nvenc": 1}, "libx264", "h264_nvenc"))
    assert workers.slots() == {"encode.cpu": 6, "encode.nvenc": 1}
    assert workers.encoders() == {"libx264", "h264_nvenc"}
    workers.leave("b")
    assert workers.slots() == {"encode.cpu": 4}
    assert workers.encoders() == {"libx264"}


def test_announcing_again_does_not_count_twice(valkey: redis.Redis) -> None:
    workers = Fleet(valkey)
    for _ in range(3):
        workers.announce(worker("a", {"encode.cpu": 4}))
    assert workers.slots() == {"encode.cpu": 4}


def test_a_worker_that_falls_silent_is_gone(valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    workers = Fleet(valkey)
    workers.announce(worker("a", {"encode.cpu": 4}, "libx264"))
    monkeypatch.setattr(fleet, "_GONE_SECONDS", -1.0)
    assert workers.workers() == []
    assert workers.encoders() == set()
    assert valkey.hlen(keys.WORKERS) == 0


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_worker_whose_clock_is_wrong_is_alive_all_the_same(valkey: redis.Redis, hours: int) -> None:
    workers = Fleet(valkey)
    workers.announce(worker("a", {"encode.cpu": 4}, seen=time.time() + hours * 3600))
    assert workers.slots() == {"encode.cpu": 4}
    assert workers.workers()[0].seen == pytest.approx(time.time(), abs=5)
