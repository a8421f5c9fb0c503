from __future__ import annotations

import errno
from pathlib import Path

import pytest
from mypy_boto3_s3 import S3Client
from prometheus_client import REGISTRY

from gopfarm.errors import DestinationError, ServiceError, SourceError
from gopfarm.storage import open_destination, open_source
from gopfarm.storage.counts import fault_of_status, fault_of_system
from gopfarm.storage.s3_client import forget_s3_client

OPERATIONS = ("get", "put", "list", "delete", "check", "other")


def answered(store: str) -> dict[str, float]:
    name = "gopfarm_storage_request_seconds_count"
    return {
        operation: REGISTRY.get_sample_value(name, {"store": store, "operation": operation}) or 0.0
        for operation in OPERATIONS
    }


def faults(store: str) -> dict[tuple[str, str], float]:
    return {
        (sample.labels["operation"], sample.labels["reason"]): sample.value
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name == "gopfarm_storage_errors_total" and sample.labels["store"] == store
    }


def more(now: dict[str, float], before: dict[str, float]) -> dict[str, float]:
    return {name: now[name] - before[name] for name in now if now[name] != before[name]}


def used(url: str) -> dict[str, float]:
    """Use a destination in every way, and return the requests that were counted."""
    store = "s3" if url.startswith("s3:") else "file"
    before, wrong = answered(store), faults(store)
    destination = open_destination(url)
    destination.check_writable()
    destination.put_bytes("a/b.json", b"{}")
    assert destination.get_bytes("a/b.json") == b"{}"
    assert destination.get_bytes("a/none.json") is None
    assert destination.sizes("a") == {"a/b.json": 2}
    destination.delete(["a/b.json"])
    assert faults(store) == wrong, "that a key is not there is no fault"
    return more(answered(store), before)


def test_every_request_to_s3_is_counted(s3: S3Client) -> None:
    s3.create_bucket(Bucket="counts")
    assert used("s3://counts/film") == {"check": 2, "put": 1, "get": 2, "list": 1, "delete": 1}


def test_every_use_of_a_folder_is_counted(tmp_path: Path) -> None:
    assert used(str(tmp_path / "film")) == {"check": 1, "put": 1, "get": 2, "list": 1, "delete": 1}


def test_a_bucket_that_is_missing_is_a_fault(s3: S3Client) -> None:
    before = faults("s3").get(("put", "missing"), 0)
    with pytest.raises(DestinationError):
        open_destination("s3://no-such-bucket/film").put_bytes("a", b"")
    assert faults("s3")["put", "missing"] == before + 1


def test_a_source_that_is_missing_is_none(s3: S3Client) -> None:
    s3.create_bucket(Bucket="sources")
    before, requests = faults("s3"), answered("s3")["get"]
    with pytest.raises(SourceError):
        open_source("s3://sources/none.mp4")
    assert faults("s3") == before
    assert answered("s3")["get"] == requests + 1


def test_each_attempt_at_an_s3_that_is_away_is_counted(s3: S3Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    forget_s3_client()
    before = faults("s3").get(("put", "unreachable"), 0)
    try:
        with pytest.raises(ServiceError):
            open_destination("s3://counts/film").put_bytes("a", b"")
    finally:
        monkeypatch.undo()
        forget_s3_client()
    assert faults("s3")["put", "unreachable"] == before + 2


def test_a_folder_that_cannot_be_made_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    before = faults("file").get(("put", "other"), 0)
    with pytest.raises(DestinationError):
        open_destination(str(tmp_path / "file" / "film")).put_bytes("a", b"")
    assert faults("file")["put", "other"] == before + 1


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (200, None),
        (206, None),
        (404, None),
        (416, None),
        (403, "denied"),
        (429, "throttled"),
        (503, "throttled"),
        (500, "server"),
        (400, "other"),
    ],
)
def test_statuses_tell_of_faults(status: int, fault: str | None) -> None:
    assert fault_of_status(status) == fault


@pytest.mark.parametrize(
    ("number", "fault"), [(errno.ENOSPC, "full"), (errno.EACCES, "denied"), (errno.EIO, "other")]
)
def test_errors_of_the_system_tell_of_faults(number: int, fault: str) -> None:
    raised = DestinationError("explained")
    raised.__cause__ = OSError(number, "")
    assert fault_of_system(OSError(number, "")) == fault_of_system(raised) == fault
