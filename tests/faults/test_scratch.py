"""A scratch disk that is really full: the task fails for that, and the worker takes no other meanwhile."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from gopfarm.errors import ScratchError
from gopfarm.plan import VideoTask
from gopfarm.settings import Settings
from gopfarm.spec import JobSpec
from gopfarm.storage import open_destination, open_source
from gopfarm.store import Fleet, JobState
from tests.encoders.clips import Clips, plan_of
from tests.farm.processes import until
from tests.faults.conftest import mounted
from tests.gopfarm.store.jobs import QUEUE, begin, store_on
from worker.role import Worker
from worker.room import SLOT_BYTES, Room, check_room
from worker.run import run_task


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 128 MiB."""
    with mounted(tmp_path / "disk", "128m") as folder:
        yield folder


def fill(disk: Path, leave: int) -> Path:
    """Leave so many bytes free."""
    filler = disk / "filler"
    filler.unlink(missing_ok=True)
    with filler.open("wb") as file:
        file.write(bytes(max(0, shutil.disk_usage(disk).free - leave)))
    return filler


@pytest.fixture
def task(clip: Clips) -> VideoTask:
    path = clip("closed.mp4")
    found = next(task for task in plan_of(path).tasks if isinstance(task, VideoTask))
    with open_source(str(path)) as source:
        return replace(found, source=source.ref)


def test_a_task_that_finds_the_disk_full_fails_for_that_reason(
    task: VideoTask, disk: Path, tmp_path: Path
) -> None:
    fill(disk, 16 << 10)
    with pytest.raises(ScratchError, match="No space left on device"):
        run_task(task, open_destination(str(tmp_path / "out")), (), disk, 2, 60.0, lambda done: True)
    assert [path.name for path in disk.iterdir()] == ["filler"]


def test_a_scratch_folder_that_is_not_there_is_such_a_failure_too(task: VideoTask, tmp_path: Path) -> None:
    with pytest.raises(ScratchError, match="No such file"):
        run_task(
            task, open_destination(str(tmp_path / "out")), (), tmp_path / "none", 2, 60.0, lambda done: True
        )


def test_room_is_asked_for_before_a_farm_is_started(disk: Path) -> None:
    check_room(disk, 1)
    fill(disk, SLOT_BYTES // 2)
    with pytest.raises(ScratchError, match="32 MiB are free, 64 are wanted"):
        check_room(disk, 1)
    with pytest.raises(ScratchError, match="No such file"):
        check_room(disk / "none", 1)


def test_a_failing_disk_is_not_trusted_at_once_though_it_has_room(disk: Path) -> None:
    room = Room(disk, 1, after_fault_seconds=3600)
    assert room.enough
    room.failed()
    room._look(SLOT_BYTES)
    assert not room.enough
    soon = Room(disk, 1, after_fault_seconds=0)
    soon.failed()
    soon._look(SLOT_BYTES)
    assert soon.enough


@pytest.fixture
def worker(valkey: redis.Redis, valkey_url: str, disk: Path) -> Iterator[Worker]:
    worker = Worker(Settings(redis_url=valkey_url, scratch_dir=disk), {"encode.cpu": 1}, ("libx264",))
    yield worker
    if worker._announcer.ident is not None:  # it was started
        worker.stop()


def paused(worker: Worker) -> bool:
    return worker._broker.on_hold


def test_a_worker_promises_slots_only_while_its_disk_has_room(
    worker: Worker, valkey: redis.Redis, disk: Path
) -> None:
    fleet = Fleet(valkey)
    worker.start()
    until(lambda: fleet.slots()["encode.cpu"] == 1, "the worker has announced itself")
    assert not paused(worker)
    filler = fill(disk, SLOT_BYTES // 4)
    until(lambda: paused(worker) and fleet.slots()["encode.cpu"] == 0, "it has noticed")
    assert fleet.workers()
    fill(disk, SLOT_BYTES * 3 // 4)
    worker._room._look(SLOT_BYTES)
    assert paused(worker)  # it has as much as makes no worker stop, but not as much as is wanted
    filler.unlink()
    until(lambda: not paused(worker) and fleet.slots()["encode.cpu"] == 1, "it goes on")


def test_a_worker_without_room_does_not_begin(valkey: redis.Redis, valkey_url: str, disk: Path) -> None:
    fill(disk, SLOT_BYTES // 2)
    worker = Worker(Settings(redis_url=valkey_url, scratch_dir=disk), {"encode.cpu": 1}, ("libx264",))
    try:
        worker.start()
        assert paused(worker)
        assert Fleet(valkey).slots()["encode.cpu"] == 0
    finally:
        worker.stop()


def test_a_task_that_fails_on_a_full_disk_stops_the_worker_and_later_ones_are_given_back(
    worker: Worker, valkey: redis.Redis, task: VideoTask, clip: Clips, disk: Path, tmp_path: Path
) -> None:
    store, plan = store_on(valkey), plan_of(clip("closed.mp4"))
    video = [one for one in plan.tasks if isinstance(one, VideoTask)]
    plan = replace(plan, tasks=tuple(replace(one, source=task.source) for one in video))
    spec = JobSpec(source=task.source.url, destination=str(tmp_path / "out"))
    begin(store, "job", spec, plan)
    fill(disk, 16 << 10)
    first, second = (store.give_out("job", QUEUE) for _ in range(2))
    assert first
    assert second
    worker._encode("job", first.run)
    assert not worker._room.enough
    assert store.attempts("job") == {first.run: 1}
    worker._encode("job", second.run)
    assert store.attempts("job").get(second.run, 0) == 0
    assert store.state("job") is JobState.ENCODING
    assert store.waiting("job", QUEUE) == len(plan.tasks)
