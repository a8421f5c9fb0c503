"""Webhooks of a farm of real processes, one of which dies with a webhook in its hands."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import redis
import trustme

from gopfarm.spec import JobSpec
from gopfarm.store import TaskStore, keys
from gopfarm.store.deliveries import DeliveryStore
from tests.farm.processes import Farm, until
from tests.scheduler.receiver import Receiver, serving, trust_file

SECONDS = 1000


def test_a_killed_scheduler_loses_no_webhook(
    valkey: redis.Redis, valkey_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, deliveries = trustme.CA(), DeliveryStore(valkey, SECONDS)
    monkeypatch.setenv("SSL_CERT_FILE", str(trust_file(authority, tmp_path)))
    monkeypatch.setenv("GOPFARM_WEBHOOK_PRIVATE_ADDRESSES", "true")
    farm = Farm(valkey_url, tmp_path)
    with serving(Receiver(authority)) as receiver:
        monkeypatch.setenv("GOPFARM_WEBHOOK_HOSTS", f"127.0.0.1:{receiver.server_port}")
        receiver.held.clear()
        farm.start("first", "scheduler")
        url = f"https://127.0.0.1:{receiver.server_port}/hook"
        store = TaskStore(valkey, SECONDS)
        assert store.create("j", JobSpec(source="s3://a/b.mp4", destination="s3://a/c", webhook=url))
        assert store.cancel("j")
        until(lambda: receiver.got, "the receiver has it, and does not answer yet")
        first = farm.processes.pop("first")
        first.kill()
        first.wait()
        receiver.held.set()

        waiting = deliveries.delivery("j:1")
        assert waiting is not None
        assert (waiting.state, waiting.tries) == ("waiting", 1)
        assert waiting.due is not None
        assert waiting.due > time.time(), "nobody else is to try it before the lease ends"
        valkey.zadd(keys.DELIVERIES, {"j:1": time.time()})  # as half a minute later
        farm.start("second", "scheduler")
        until(
            lambda: (view := deliveries.delivery("j:1")) and view.state == "delivered", "another delivers it"
        )
        assert [got.headers["Gopfarm-Delivery"] for got in receiver.got] == ["j:1", "j:1"]
        assert receiver.got[0].body == receiver.got[1].body
    assert farm.stop("second") == 0
