"""Uploads of a task through every fault: stored whole, or a clear refusal, and nobody waits in vain."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gopfarm.child.parent import AbandonedError
from gopfarm.errors import DestinationError, ServiceError
from gopfarm.plan import VideoTask
from gopfarm.storage import open_destination, open_source
from gopfarm.storage.s3 import SMALL_BYTES
from gopfarm.storage.s3_client import forget_s3_client
from tests.encoders.clips import Clips, plan_of
from tests.faults.proxy import FaultProxy
from worker.run import run_task
from worker.uploads import Uploads

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FILES = {f"{number:05d}.m4s": bytes([number]) * 10_000 for number in range(12)}


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gopfarm.storage.patience.FIRST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr("gopfarm.storage.patience.MOST_PAUSE_SECONDS", 0.1)
    monkeypatch.setattr("gopfarm.storage.s3_client.ATTEMPTS", 1)
    forget_s3_client()


@pytest.fixture
def task(clip: Clips) -> VideoTask:
    path = clip("closed.mp4")
    found = next(task for task in plan_of(path).tasks if isinstance(task, VideoTask))
    with open_source(str(path)) as source:
        return replace(found, source=source.ref)


Make = Callable[[float], Uploads]


@pytest.fixture
def make(task: VideoTask, bucket: str, proxy: FaultProxy, tmp_path: Path) -> Make:
    """Makes ``Uploads`` of a patience, whose task has written ``FILES``."""
    folder = tmp_path / task.renditions[0].name
    folder.mkdir()
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    return lambda patience: Uploads(task, open_destination(f"s3://{bucket}/out"), tmp_path, 3, patience)


def add_all(uploads: Uploads, task: VideoTask) -> None:
    for name in FILES:
        uploads.add(task.renditions[0].name, name)


def stored(s3: S3Client, bucket: str) -> dict[str, bytes]:
    listed = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    return {
        Path(entry["Key"]).name: s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
        for entry in listed
    }


PASSING = [
    "internal-error",
    "slow-down",
    "too-many-requests",
    "request-timeout",
    "expired-token",
    "invalid-access-key",
    "reset",
    "reset-upload",
    "reset-answer",
]


@pytest.mark.parametrize("fault", PASSING)
def test_a_passing_fault_costs_time_and_no_file(
    fault: str, make: Make, task: VideoTask, proxy: FaultProxy, s3: S3Client, bucket: str,
    tmp_path: Path, short_pauses: None,
) -> None:  # fmt: skip
    rule = proxy.add(fault, method="PUT", times=10)
    with make(60.0) as uploads:
        add_all(uploads, task)
        uploads.wait(lambda done: True, 0)
    assert rule.hits == 10
    assert stored(s3, bucket) == FILES
    assert not any((tmp_path / task.renditions[0].name).iterdir())


@pytest.mark.parametrize("fault", ["reset-upload", "reset", "hang", "internal-error"])
@pytest.mark.parametrize("size", [10_000, SMALL_BYTES + 10_000])
def test_an_upload_that_breaks_leaves_the_old_object_and_no_parts(
    size: int, fault: str, proxy: FaultProxy, s3: S3Client, bucket: str,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("gopfarm.storage.s3_client.READ_SECONDS", 0.5)
    monkeypatch.setattr("gopfarm.storage.s3_client.ATTEMPTS", 1)
    forget_s3_client()
    destination = open_destination(f"s3://{bucket}/out")
    destination.put_bytes("720p/aa/00000.m4s", b"old")
    (tmp_path / "new").write_bytes(bytes(size))
    rule = proxy.add(fault, method="PUT")
    with pytest.raises(ServiceError):
        destination.put_file("720p/aa/00000.m4s", tmp_path / "new")
    assert rule.hits
    assert stored(s3, bucket) == {"00000.m4s": b"old"}
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    proxy.clear()
    destination.put_file("720p/aa/00000.m4s", tmp_path / "new")
    assert stored(s3, bucket) == {"00000.m4s": bytes(size)}


def test_an_outage_that_outlasts_the_patience_fails_with_endpoint_and_reason(
    make: Make, task: VideoTask, proxy: FaultProxy, short_pauses: None
) -> None:
    proxy.add("internal-error", method="PUT")
    with make(1.0) as uploads:
        add_all(uploads, task)
        with pytest.raises(ServiceError, match=f"^S3 at {proxy.url} keeps answering 500 InternalError"):
            uploads.wait(lambda done: True, 0)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("no-such-bucket", "there is no such bucket"), ("access-denied", "access denied"),
     ("permanent-redirect", "another region")],
)  # fmt: skip
def test_what_waiting_cannot_help_fails_at_once(
    fault: str, reason: str, make: Make, task: VideoTask, proxy: FaultProxy
) -> None:
    proxy.add(fault, method="PUT")
    with make(600.0) as uploads:
        add_all(uploads, task)
        with pytest.raises(DestinationError, match=reason):
            uploads.wait(lambda done: True, 0)


@pytest.mark.parametrize("fault", ["hang", "invalid-access-key", "slow-upload"])
def test_a_task_that_is_not_wanted_is_left_within_a_second(
    fault: str, make: Make, task: VideoTask, proxy: FaultProxy
) -> None:
    rule = proxy.add(fault, method="PUT", bytes_per_second=10)
    before = time.monotonic()
    with make(600.0) as uploads:
        add_all(uploads, task)
        while rule.hits < 3 and time.monotonic() < before + 60:
            time.sleep(0.01)
        cancelled = time.monotonic()
        with pytest.raises(AbandonedError):
            uploads.wait(lambda done: False, 0)
    assert time.monotonic() - cancelled < 5  # a second, and patience with a busy machine
    proxy.close()


def test_what_was_not_begun_when_a_task_is_left_is_never_stored(
    make: Make, task: VideoTask, proxy: FaultProxy, s3: S3Client, bucket: str
) -> None:
    rule = proxy.add("hang", method="PUT")
    with make(600.0) as uploads:
        add_all(uploads, task)
        while rule.hits < 3:
            time.sleep(0.01)
    proxy.clear()
    for thread in [thread for thread in threading.enumerate() if thread.name == "upload"]:
        thread.join(60)
    assert proxy.count("PUT") <= 2 * 3  # boto3 may have tried again what it had begun
    assert len(stored(s3, bucket)) <= 3


def test_a_child_goes_on_encoding_while_uploads_wait(
    task: VideoTask, proxy: FaultProxy, s3: S3Client, bucket: str, tmp_path: Path, short_pauses: None
) -> None:
    files = {f"{segment.number:05d}.m4s" for segment in task.segments} | {"init.mp4"}
    expected = len(files) * len(task.renditions)

    def keep(done: int) -> bool:
        if len(list(tmp_path.rglob("*.m*"))) == expected:
            proxy.clear()  # all is encoded, and nothing of it is stored: uploads may go on
        return True

    proxy.add("internal-error", method="PUT")
    run_task(task, open_destination(f"s3://{bucket}/out"), (), tmp_path, 2, 600.0, keep)
    assert set(stored(s3, bucket)) == files
    assert not any(tmp_path.iterdir())


def test_a_bug_in_an_upload_is_not_waited_for(make: Make, task: VideoTask, tmp_path: Path) -> None:
    with make(600.0) as uploads:
        uploads.add(task.renditions[0].name, "never-written.m4s")
        with pytest.raises(FileNotFoundError):
            uploads.wait(lambda done: True, 0)
