from __future__ import annotations

import threading

import pytest
import redis
from prometheus_client import REGISTRY

from gopfarm.broker import FarmBroker, send
from gopfarm.store import REDIS_FAULTS, Board, connect, keys
from gopfarm.store.timing import RefusedError, fault_of, label_of
from tests.gopfarm.store.jobs import begin, store_on


def answered(command: str) -> float:
    return REGISTRY.get_sample_value("gopfarm_redis_command_seconds_count", {"command": command}) or 0.0


def failed(kind: str) -> float:
    return REGISTRY.get_sample_value("gopfarm_redis_errors_total", {"kind": kind}) or 0.0


def test_commands_pipelines_and_scripts_are_counted_by_name(valkey: redis.Redis, valkey_url: str) -> None:
    names = ("get", "pipeline", "start_encoding", "script", "dramatiq", "other")
    broker = FarmBroker(valkey_url, {"q": 1})
    broker.declare_queue("q")
    before = {name: answered(name) for name in names}
    valkey.get("a")
    with valkey.pipeline() as pipe:
        pipe.get("a")
        pipe.get("b")
        pipe.execute()
    begin(store_on(valkey), "j")
    valkey.eval("return 1", 0)  # which loads it
    valkey.register_script("return 1")()
    send(broker, "q", "actor")
    counted = {name: answered(name) - before[name] for name in names}
    # Scripts that the server does not know are loaded first; dramatiq asks for a limit once.
    assert counted.pop("other") >= 1
    assert counted.pop("dramatiq") in (1, 2)
    assert counted == {"get": 1, "pipeline": 1, "start_encoding": 1, "script": 1}


def test_waiting_on_purpose_is_no_latency(valkey: redis.Redis) -> None:
    threading.Timer(0.2, lambda: valkey.rpush("list", 1)).start()
    before = answered("blpop"), answered("xread"), answered("other")
    assert valkey.blpop(["list"], timeout=5)
    valkey.xread({keys.EVENTS: "$"}, block=50)
    Board(valkey).wait(0.05)
    assert (answered("blpop"), answered("xread"), answered("other")) == before
    valkey.xread({keys.EVENTS: "0"})
    assert answered("xread") == before[1] + 1
    assert label_of(("XREAD", b"COUNT", 1, b"BLOCK", 50)) is None


def test_a_server_that_is_away_or_refuses_is_counted(valkey: redis.Redis, valkey_url: str) -> None:
    kinds = ("connection", "timeout", "refused", "other")
    before = {kind: failed(kind) for kind in kinds}
    with pytest.raises(redis.ConnectionError):
        connect("redis://127.0.0.1:1/0").ping()
    valkey.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        with pytest.raises(redis.ReadOnlyError):
            connect(valkey_url).set("a", "1")
    finally:
        valkey.execute_command("REPLICAOF", "NO", "ONE")
    valkey.set("text", "a")
    with pytest.raises(redis.ResponseError):
        valkey.lpush("text", "b")
    counted = {kind: failed(kind) - before[kind] for kind in kinds}
    assert counted == {"connection": 1, "timeout": 0, "refused": 1, "other": 1}


def test_every_passing_fault_has_its_kind() -> None:
    kinds = {error: fault_of(error("x")) for error in REDIS_FAULTS if error is not redis.exceptions.LockError}
    assert kinds == {
        redis.ConnectionError: "connection",
        redis.TimeoutError: "timeout",
        redis.ReadOnlyError: "refused",
        redis.OutOfMemoryError: "refused",
        RefusedError: "refused",
    }
