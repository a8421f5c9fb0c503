from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gopfarm.child.scratch import check_own, remove_stale, scratch_folder
from gopfarm.errors import EncodeError, ScratchError

HOLDER = """
import sys, time
from pathlib import Path
from gopfarm.child.scratch import scratch_folder
with scratch_folder(Path(sys.argv[1])) as folder:
    (folder / "00000.m4s").write_bytes(b"x" * 1000)
    print(folder, flush=True)
    time.sleep(600)
"""


def test_a_folder_is_removed_with_all_that_is_in_it(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as folder:
        (folder / "video").mkdir()
        (folder / "video" / "00000.m4s").write_text("x")
        (only,) = tmp_path.iterdir()
        assert only in folder.parents
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_a_killed_process_is_removed_and_one_of_a_living_one_is_not(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        assert remove_stale(tmp_path) == 0
        assert (folder / "00000.m4s").exists()
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert folder.exists()
        with scratch_folder(tmp_path) as own:
            assert remove_stale(tmp_path) == 1
            assert own.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_just_being_made_is_left_alone_for_an_hour(tmp_path: Path) -> None:
    unfinished = tmp_path / "gopfarm-new-abc"
    unfinished.mkdir()
    assert remove_stale(tmp_path) == 0
    os.utime(unfinished, (time.time() - 7200,) * 2)
    assert remove_stale(tmp_path) == 1
    assert not unfinished.exists()


def test_nobody_elses_folders_are_touched(tmp_path: Path) -> None:
    for name in ("gopfarm-task-notes", "gopfarm-valkey-1", "other"):
        (tmp_path / name).mkdir()
    assert remove_stale(tmp_path) == 0
    assert len(list(tmp_path.iterdir())) == 3


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    with (
        pytest.raises(ScratchError, match=r"no scratch folder can be made in .*: No such file"),
        scratch_folder(tmp_path / "none"),
    ):
        pass


def test_a_file_of_the_child_is_its_own(tmp_path: Path) -> None:
    (tmp_path / "video").mkdir()
    (tmp_path / "video" / "init.mp4").write_text("x")
    check_own(tmp_path, "video/init.mp4")


@pytest.mark.parametrize("name", ["linked/secret", "video/link", "video", "../x", "video/../../x", "none/x"])
def test_what_a_child_names_that_lies_elsewhere_is_not_taken(name: str, tmp_path: Path) -> None:
    scratch, other = tmp_path / "scratch", tmp_path / "other"
    (scratch / "video").mkdir(parents=True)
    other.mkdir()
    (other / "secret").write_text("hush")
    (tmp_path / "x").write_text("x")
    (scratch / "linked").symlink_to(other)
    (scratch / "video" / "link").symlink_to(other / "secret")
    with pytest.raises(EncodeError, match="names a file that is not"):
        check_own(scratch, name)
