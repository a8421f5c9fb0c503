"""A destination on a disk that is full, read-only, or loses its writer: all of a file or nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from encoders.demo import make_demo_clip
from gopfarm.errors import DestinationError
from gopfarm.storage import open_destination
from gopfarm.storage.partial import PARTIAL_SUFFIX, partial_name, writing
from tests.farm.processes import gopfarm, until
from tests.faults.conftest import mounted

KEY = "720p/aa/00000.m4s"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of one MiB."""
    with mounted(tmp_path / "disk", "1m") as folder:
        yield folder


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def test_a_full_disk_is_named_and_keeps_the_old_file(disk: Path, tmp_path: Path) -> None:
    destination = open_destination(str(disk / "out"))
    destination.put_bytes(KEY, b"old")
    (tmp_path / "new").write_bytes(bytes(2 << 20))
    with pytest.raises(DestinationError, match="the disk is full"):
        destination.put_file(KEY, tmp_path / "new")
    assert destination.get_bytes(KEY) == b"old"
    assert files(disk) == {"00000.m4s"}


def test_a_read_only_disk_is_named_before_work_starts(disk: Path) -> None:
    destination = open_destination(str(disk / "out"))
    destination.put_bytes(KEY, b"old")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(DestinationError, match="read-only"):
        destination.check_writable()
    with pytest.raises(DestinationError, match="read-only"):
        destination.put_bytes(KEY, b"new")
    assert destination.get_bytes(KEY) == b"old"


def test_a_job_whose_destination_fills_up_fails_for_that_and_leaves_nothing(
    disk: Path, tmp_path: Path
) -> None:
    make_demo_clip(tmp_path / "film.mp4", 10)
    done = gopfarm("transcode", tmp_path / "film.mp4", disk / "out", "--preset", "ultrafast")
    assert done.returncode == 2, done.stderr
    assert "the disk is full" in done.stderr
    assert str(disk / "out") in done.stderr
    assert files(disk) == set()


WRITE_SLOWLY = """
import sys, time
from pathlib import Path
from gopfarm.storage import file, open_destination

class Slow:
    def read(self, size):
        time.sleep(0.05)
        return bytes(1000)

open_destination(sys.argv[1])._put(sys.argv[2], lambda out: file.shutil.copyfileobj(Slow(), out))
"""


def test_a_writer_that_is_killed_leaves_nothing_visible_and_nothing_for_good(tmp_path: Path) -> None:
    out = tmp_path / "out"
    destination = open_destination(str(out))
    writer = subprocess.Popen([sys.executable, "-c", WRITE_SLOWLY, str(out), KEY])
    try:
        until(lambda: files(out), "it has begun to write")
        time.sleep(2.5)  # what is younger is left alone in any case
        destination.put_bytes(KEY, b"of another")
        assert len(files(out)) == 2  # the living writer's file stays
    finally:
        writer.kill()
        writer.wait()
    assert destination.get_bytes(KEY) == b"of another"
    assert set(destination.sizes("")) == {KEY}
    time.sleep(2.5)
    destination.put_bytes(KEY, b"again")
    assert files(out) == {"00000.m4s"}


def test_removing_a_plan_s_files_removes_dead_partial_ones_and_no_living_ones(tmp_path: Path) -> None:
    destination = open_destination(str(tmp_path / "out"))
    destination.put_bytes(KEY, b"1")
    folder = tmp_path / "out/720p/aa"
    dead, old = partial_name(folder / "00001.m4s"), partial_name(folder / "00002.m4s")
    for path in (dead, old):
        path.write_bytes(b"1")
        os.utime(path, (time.time() - 60, time.time() - 60))
    with writing(partial_name(folder / "00003.m4s")) as living:
        os.utime(living.name, (time.time() - 60, time.time() - 60))
        destination.delete([KEY])
        assert {name.endswith(PARTIAL_SUFFIX) for name in files(tmp_path / "out")} == {True}
        assert files(tmp_path / "out") == {Path(living.name).name}
    destination.delete([KEY])
    assert not (tmp_path / "out").exists()
