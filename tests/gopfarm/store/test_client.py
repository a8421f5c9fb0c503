from __future__ import annotations

import pytest
import redis

from gopfarm.errors import ServiceError, SpecError
from gopfarm.store import REDIS_FAULTS, connect, reachable, without_secret


@pytest.mark.parametrize("url", ["http://queue:6379", "queue:6379", "redis://queue:port", ""])
def test_what_is_no_redis_address_is_refused(url: str) -> None:
    with pytest.raises(SpecError, match="is not a redis://, rediss:// or unix:// address"):
        connect(url)


@pytest.mark.parametrize(
    ("url", "fit"),
    [
        ("redis://user:hush@queue:6379/1", "redis://queue:6379/1"),
        ("rediss://:h@sh@queue:6379", "rediss://queue:6379"),
        ("redis://:hu/sh@queue:6379/1", "redis://queue:6379/1"),
        ("redis://queue:6379/1?password=hush", "redis://queue:6379/1"),
        ("redis://[broken:hush@queue", "redis://queue"),
        ("unix://user:hush@/run/valkey.sock?password=hush", "unix:///run/valkey.sock"),
    ],
)
def test_passwords_are_never_shown(url: str, fit: str) -> None:
    assert without_secret(url) == fit


def test_a_redis_that_is_out_of_reach_is_named() -> None:
    url = "redis://:hush@127.0.0.1:1/0"
    client = connect(url)
    fault = r"Redis at redis://127\.0\.0\.1:1/0 cannot be reached"
    with pytest.raises(ServiceError, match=fault) as caught, reachable(url):
        client.ping()
    assert "hush" not in str(caught.value)


def test_a_wrong_password_is_told(valkey: redis.Redis, valkey_url: str) -> None:
    valkey.config_set("requirepass", "right")
    try:
        url = valkey_url.replace("unix://", "unix://:wrong@")
        with pytest.raises(ServiceError, match="it refuses the password"), reachable(url):
            connect(url).ping()
    finally:
        valkey.config_set("requirepass", "")


@pytest.mark.parametrize("script", [False, True], ids=["command", "script"])
def test_a_server_that_has_become_a_replica_is_left(
    valkey: redis.Redis, valkey_url: str, script: bool
) -> None:
    client = connect(valkey_url)
    before = client.client_id()
    assert client.client_id() == before
    valkey.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        with pytest.raises(redis.ReadOnlyError):
            client.eval("return redis.call('SET', 'a', '1')", 0) if script else client.set("a", "1")
    finally:
        valkey.execute_command("REPLICAOF", "NO", "ONE")
    assert client.client_id() != before, "where the address leads now is asked anew"


def test_a_refusal_that_passes_is_told_from_a_bug(valkey: redis.Redis, valkey_url: str) -> None:
    client = connect(valkey_url)
    valkey.config_set("min-replicas-to-write", "1")
    try:
        with pytest.raises(REDIS_FAULTS, match="NOREPLICAS"):
            client.set("a", "1")
        with pytest.raises(REDIS_FAULTS, match="NOREPLICAS"):
            client.eval("return redis.call('SET', 'a', '1')", 0)
    finally:
        valkey.config_set("min-replicas-to-write", "0")
    client.set("a", "1")
    with pytest.raises(redis.ResponseError) as caught:
        client.lpush("a", "1")
    assert not isinstance(caught.value, REDIS_FAULTS)


def test_a_redis_that_refuses_to_write_is_a_service_that_cannot_be_had(
    valkey: redis.Redis, valkey_url: str
) -> None:
    valkey.config_set("min-replicas-to-write", "1")
    try:
        fault = r"Redis at unix://.* refuses for now: NOREPLICAS"
        with pytest.raises(ServiceError, match=fault), reachable(valkey_url):
            connect(valkey_url).set("a", "1")
    finally:
        valkey.config_set("min-replicas-to-write", "0")
