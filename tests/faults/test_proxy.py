"""The proxy does what its rules say, and nothing else."""

from __future__ import annotations

import http.client
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.faults.proxy import ANSWERS, FaultProxy

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEY = "a b+c.mp4"
DATA = bytes(range(256)) * 40

#: The server wants to see that somebody signs, not what.
SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request"}


@pytest.fixture
def stored(s3: S3Client, bucket: str) -> str:
    s3.put_object(Bucket=bucket, Key="a", Body=DATA)
    return f"/{bucket}/a"


def ask(proxy: FaultProxy, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)
    try:
        return ask_over(connection, method, path, body)
    finally:
        connection.close()


def ask_over(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None = None
) -> tuple[int, bytes]:
    connection.request(method, path, body, SIGNED)
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_without_rules_it_changes_nothing(proxy: FaultProxy, s3: S3Client, bucket: str) -> None:
    import boto3

    client = boto3.Session().client("s3", endpoint_url=proxy.url)
    client.put_object(Bucket=bucket, Key=KEY, Body=DATA, CacheControl="max-age=1")
    answer = client.get_object(Bucket=bucket, Key=KEY, Range="bytes=10-19")
    assert answer["Body"].read() == DATA[10:20]
    assert answer["CacheControl"] == "max-age=1"
    assert client.head_object(Bucket=bucket, Key=KEY)["ContentLength"] == len(DATA)
    client.delete_object(Bucket=bucket, Key=KEY)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    assert [exchange.method for exchange in proxy.exchanges] == ["PUT", "GET", "HEAD", "DELETE"]


@pytest.mark.parametrize("fault", ANSWERS)
def test_an_answer_comes_as_often_as_asked_for(fault: str, proxy: FaultProxy, stored: str) -> None:
    rule = proxy.add(fault, method="GET", key="/a$", times=2)
    status, code = ANSWERS[fault]
    for _ in range(2):
        found, body = ask(proxy, "GET", stored)
        assert found == status
        assert f"<Code>{code}</Code>".encode() in body
    assert ask(proxy, "GET", stored) == (200, DATA)
    assert rule.hits == 2


def test_a_rule_fits_by_method_and_key_and_ends_in_time(proxy: FaultProxy, stored: str) -> None:
    proxy.add("internal-error", method="PUT")
    proxy.add("internal-error", key="other")
    proxy.add("internal-error", seconds=0)
    assert ask(proxy, "GET", stored)[0] == 200
    proxy.add("internal-error")
    assert ask(proxy, "GET", stored)[0] == 500
    proxy.clear()
    assert ask(proxy, "GET", stored)[0] == 200


@pytest.mark.parametrize("fault", ["reset", "reset-upload", "reset-answer"])
def test_a_reset_tells_nothing_and_may_come_after_the_deed(
    fault: str, proxy: FaultProxy, s3: S3Client, bucket: str
) -> None:
    proxy.add(fault, method="PUT")
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        ask(proxy, "PUT", f"/{bucket}/new", DATA)
    stored = "Contents" in s3.list_objects_v2(Bucket=bucket)
    assert stored is (fault == "reset-answer")


@pytest.mark.parametrize(
    ("fault", "kind"), [("reset-body", ConnectionResetError), ("truncate", http.client.IncompleteRead)]
)
def test_an_answer_breaks_off_in_its_middle(
    fault: str, kind: type[Exception], proxy: FaultProxy, stored: str
) -> None:
    proxy.add(fault, times=1)
    with pytest.raises(kind):
        ask(proxy, "GET", stored)
    assert ask(proxy, "GET", stored) == (200, DATA)


@pytest.mark.parametrize("fault", ["trickle", "slow-upload"])
def test_slow_bodies_are_slow_and_whole(fault: str, proxy: FaultProxy, stored: str) -> None:
    proxy.add(fault, bytes_per_second=len(DATA))
    started = time.monotonic()
    ask(proxy, "PUT", stored, DATA[::-1])
    assert ask(proxy, "GET", stored) == (200, DATA[::-1])
    assert time.monotonic() - started > 0.9


def test_a_hanging_request_ends_with_its_rule(proxy: FaultProxy, stored: str) -> None:
    proxy.add("hang", seconds=0.3)
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        ask(proxy, "GET", stored)
    assert ask(proxy, "GET", stored)[0] == 200


def test_refusing_drops_open_connections_too(proxy: FaultProxy, stored: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)
    ask_over(connection, "GET", stored)
    proxy.refuse()
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        ask_over(connection, "GET", stored)
    with pytest.raises(ConnectionRefusedError):
        ask(proxy, "GET", stored)
    proxy.accept()
    assert urlsplit(proxy.url).port == proxy.port
    assert ask(proxy, "GET", stored) == (200, DATA)


def test_an_unknown_fault_is_refused(proxy: FaultProxy) -> None:
    with pytest.raises(ValueError, match="there is no fault 'fire'"):
        proxy.add("fire")
