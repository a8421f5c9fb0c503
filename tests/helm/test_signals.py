"""What the chart's scaling and its Valkey rest on, asked of the real ones."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import cast

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from cli.embedded import _valkey_server
from gopfarm.store import keys
from tests.gopfarm.store.jobs import PLAN, result_of
from tests.helm.chart import named, render
from tests.scheduler.test_dispatch import CPU, Farm, farm

__all__ = ["farm"]  # a fixture

#: How KEDA's Redis scaler counts, by the type of a key (pkg/scalers/redis_scaler.go).
_COUNTS = {"zset": "zcard", "set": "scard", "list": "llen", "hash": "hlen", "none": "llen"}

#: A Valkey that starts takes some tens of milliseconds.
_START_SECONDS = 20.0


def seen(client: redis.Redis, key: str) -> int:
    """Return what KEDA sees of a key."""
    return int(cast("int", client.execute_command(_COUNTS[cast("str", client.type(key))], key)))


def test_without_a_worker_a_job_is_seen_though_no_queue_has_anything(farm: Farm, valkey: redis.Redis) -> None:
    assert seen(valkey, keys.ACTIVE) == 0
    farm.job("a")
    farm.dispatcher.fill()
    assert seen(valkey, keys.queue(CPU)) == 0
    assert seen(valkey, keys.ACTIVE) == 1


def test_a_queue_that_has_more_to_do_than_slots_is_as_long_as_there_are_slots(
    farm: Farm, valkey: redis.Redis
) -> None:
    farm.worker("w", {CPU: 3})
    for name in "abcd":
        farm.job(name)
    farm.dispatcher.fill()
    assert seen(valkey, keys.queue(CPU)) == 3


def test_a_job_is_seen_until_its_last_task_is_done(farm: Farm, valkey: redis.Redis) -> None:
    farm.worker("w", {CPU: 10})
    farm.job("a")
    farm.dispatcher.fill()
    for job, run in farm.fetch():
        assert seen(valkey, keys.ACTIVE) == 1
        farm.store.start(job, run, "w#1", 15.0)
        farm.store.finish(job, run, "w#1", result_of(run), 1, PLAN.hash)
    assert seen(valkey, keys.queue(CPU)) == 0
    assert seen(valkey, keys.ACTIVE) == 0


def test_a_real_valkey_takes_the_configuration_and_the_command_of_the_chart(tmp_path: Path) -> None:
    objects = render({"redis": {"bundled": {"maxMemory": "64mb"}}})
    config = tmp_path / "valkey.conf"
    text = named(objects, "ConfigMap", "-redis")["data"]["valkey.conf"]
    assert "dir /data\n" in text
    config.write_text(text.replace("dir /data", f"dir {tmp_path}"))
    (box,) = named(objects, "StatefulSet", "-redis")["spec"]["template"]["spec"]["containers"]
    shell, options, line = box["command"]
    assert "/etc/valkey/valkey.conf" in line
    line = line.replace("/etc/valkey/valkey.conf", str(config)) + f" --port 0 --unixsocket {tmp_path}/s"
    path = f"{_valkey_server().parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "REDIS_PASSWORD": "aB3"}
    with subprocess.Popen([shell, options, line], env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            until = time.monotonic() + _START_SECONDS
            while not (tmp_path / "s").exists():
                assert process.poll() is None
                assert time.monotonic() < until
                time.sleep(0.02)
            client = redis.Redis(unix_socket_path=f"{tmp_path}/s", password="aB3", decode_responses=True)
            client.set("job", "kept")
            found = client.config_get("appendonly", "appendfsync", "maxmemory", "maxmemory-policy")
            assert found == {
                "appendonly": "yes",
                "appendfsync": "everysec",
                "maxmemory": str(64 << 20),
                "maxmemory-policy": "noeviction",
            }
            with pytest.raises(redis.AuthenticationError):
                redis.Redis(unix_socket_path=f"{tmp_path}/s", retry=Retry(NoBackoff(), 0)).ping()
            client.close()
        finally:
            process.terminate()  # reaches the server itself: the shell has become it
    assert process.returncode == 0
    assert list((tmp_path / "appendonlydir").glob("*.incr.aof"))
