"""Reading a source through every fault: the right bytes, or a clear refusal, and never mixed ones."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gopfarm.child.parent import AbandonedError
from gopfarm.errors import FarmError, ServiceError, SourceError
from gopfarm.storage import Patience, open_source
from gopfarm.storage.s3_client import forget_s3_client
from gopfarm.storage.source import HEAD_BYTES
from tests.faults.proxy import FaultProxy

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DATA = random.Random(4).randbytes(3 * HEAD_BYTES + 12_345)
KEY = "film.mp4"
LONG = Patience(60)


@pytest.fixture
def film(s3: S3Client, bucket: str) -> str:
    s3.put_object(Bucket=bucket, Key=KEY, Body=DATA)
    return f"s3://{bucket}/{KEY}"


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gopfarm.storage.patience.FIRST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr("gopfarm.storage.patience.MOST_PAUSE_SECONDS", 0.1)


PASSING = [
    "internal-error",
    "slow-down",
    "too-many-requests",
    "request-timeout",
    "expired-token",
    "invalid-access-key",
    "reset",
    "reset-answer",
    "reset-body",
    "truncate",
]


@pytest.mark.parametrize("at", ["opening", "reading"])
@pytest.mark.parametrize("fault", PASSING)
def test_a_passing_fault_costs_time_and_no_byte(
    fault: str, at: str, proxy: FaultProxy, film: str, short_pauses: None
) -> None:
    times = 5  # more than boto3 tries by itself
    if at == "opening":
        proxy.add(fault, method="GET", times=times)
    with open_source(film, patience=LONG) as source:
        rule = proxy.add(fault, method="GET", times=times)
        assert source.read() == DATA
        assert rule.hits == times
        assert source.fetch_seconds > 0


def test_an_endpoint_that_refuses_connections_is_waited_for(
    proxy: FaultProxy, film: str, short_pauses: None
) -> None:
    with open_source(film, patience=LONG) as source:
        proxy.refuse(2.0)
        assert source.read() == DATA


def test_an_answer_that_trickles_is_dropped_and_asked_for_again(
    proxy: FaultProxy, film: str, monkeypatch: pytest.MonkeyPatch, short_pauses: None
) -> None:
    monkeypatch.setattr("gopfarm.storage.body.SLOW_START_SECONDS", 0.3)
    trickle = proxy.add("trickle", method="GET", times=2, bytes_per_second=1000)
    with open_source(film, patience=LONG) as source:
        assert source.read() == DATA
    assert trickle.hits == 2


def test_a_hanging_answer_is_dropped_and_asked_for_again(
    proxy: FaultProxy, film: str, monkeypatch: pytest.MonkeyPatch, short_pauses: None
) -> None:
    monkeypatch.setattr("gopfarm.storage.s3_client.READ_SECONDS", 0.5)
    forget_s3_client()
    hang = proxy.add("hang", method="GET", times=4)
    with open_source(film, patience=LONG) as source:
        assert source.read() == DATA
    assert hang.hits == 4


def test_a_fault_that_stays_is_named_with_its_endpoint(
    proxy: FaultProxy, film: str, short_pauses: None
) -> None:
    source = open_source(film, patience=Patience(1.0))
    proxy.add("slow-down")
    with pytest.raises(ServiceError, match=f"^S3 at {proxy.url} keeps answering 503 SlowDown"):
        source.read()


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("no-such-bucket", "there is no such bucket"),
        ("access-denied", "access denied"),
        ("permanent-redirect", "another region"),
    ],
)
def test_what_waiting_cannot_help_fails_at_once(
    fault: str, reason: str, proxy: FaultProxy, film: str
) -> None:
    with open_source(film, patience=LONG) as source:
        rule = proxy.add(fault, method="GET")
        with pytest.raises(SourceError, match=reason):
            source.read()
    assert rule.hits <= 2  # boto3 itself asks once more where it was redirected


@pytest.mark.parametrize("fault", ["expired-token", "truncate", "internal-error"])
@pytest.mark.parametrize("change", ["bytes", "size", "deleted"])
def test_a_source_that_changes_during_faults_is_never_mixed(
    change: str, fault: str, proxy: FaultProxy, film: str, s3: S3Client, bucket: str, short_pauses: None
) -> None:
    with open_source(film, patience=LONG) as source:
        head = source.read(HEAD_BYTES)
        proxy.add(fault, method="GET", times=4)
        if change == "deleted":
            s3.delete_object(Bucket=bucket, Key=KEY)
        else:
            s3.put_object(Bucket=bucket, Key=KEY, Body=DATA[::-1] if change == "bytes" else DATA[:-1])
        with pytest.raises(SourceError, match="changed while it was being read"):
            source.read(HEAD_BYTES)
    assert head == DATA[:HEAD_BYTES]


def test_a_server_that_ignores_if_match_is_caught_by_the_tag_of_its_answer(
    proxy: FaultProxy, film: str
) -> None:
    with open_source(film) as source:
        proxy.change = lambda headers: headers.update({"ETag": '"another"'})
        with pytest.raises(SourceError, match="changed while it was being read"):
            source.read()


def test_every_request_after_the_first_is_bound_to_the_tag(
    proxy: FaultProxy, film: str, short_pauses: None
) -> None:
    with open_source(film, patience=LONG) as source:
        proxy.add("expired-token", method="GET", times=3)
        source.read()
    asked = [exchange for exchange in proxy.exchanges if exchange.path.endswith(KEY)]
    assert len(asked) > 4
    assert all(exchange.headers.get("If-Match") == source.ref.etag for exchange in asked[1:])


def test_new_credentials_are_taken_from_their_file(
    proxy: FaultProxy, film: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, short_pauses: None
) -> None:
    def write(key: str) -> None:
        file.write_text(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = s\n")

    file = tmp_path / "credentials"
    write("FIRST")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    forget_s3_client()
    with open_source(film, patience=LONG) as source:
        write("SECOND")
        proxy.add("expired-token", method="GET", times=1)
        assert source.read() == DATA
    keys = [exchange.headers["Authorization"].split("Credential=")[1][:6] for exchange in proxy.exchanges]
    assert keys[0] == "FIRST/"
    assert keys[-1] == "SECOND"


def test_waiting_ends_when_nobody_wants_the_bytes(proxy: FaultProxy, film: str) -> None:
    stopped = threading.Event()
    with open_source(film, patience=Patience(600, stopped.is_set)) as source:
        proxy.add("invalid-access-key")
        threading.Timer(1.0, stopped.set).start()
        started = time.monotonic()
        with pytest.raises(AbandonedError):
            source.read()
    assert time.monotonic() - started < 30


def test_without_patience_a_fault_is_told_soon(proxy: FaultProxy, film: str) -> None:
    proxy.add("internal-error")
    with pytest.raises(FarmError, match="keeps answering 500"):
        open_source(film)
