from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from gopfarm.errors import DestinationError, SourceError
from gopfarm.storage import open_destination, open_source


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_read_and_known_by_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "a b.mp4"
    path.write_bytes(b"0123456789")
    with open_source(path.as_uri()) as source:
        assert source.ref.url == str(path)
        assert source.ref.size == 10
        assert source.seek(-4, os.SEEK_END) == 6
        assert source.read() == b"6789"
        assert source.bytes_fetched == 0
    assert source.closed
    with open_source(str(path), expected=source.ref):
        pass
    with pytest.raises(SourceError, match="changed since it was planned"):
        open_source(str(path), expected=replace(source.ref, etag="other"))


def test_what_is_no_readable_regular_file_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    for name, reason in (
        ("none", "does not exist"),
        ("empty", "empty"),
        ("pipe", "regular"),
        (".", "folder"),
    ):
        with pytest.raises(SourceError, match=reason) as caught:
            open_source(str(tmp_path / name))
        assert str(tmp_path) in str(caught.value)
    with pytest.raises(SourceError, match="regular"):
        open_source("/dev/zero")


def test_put_replaces_whole_files_and_leaves_no_partial_ones(tmp_path: Path) -> None:
    destination = open_destination(str(tmp_path / "out"))
    destination.put_bytes("720p/aa/00000.m4s", b"old")
    with (tmp_path / "out/720p/aa/00000.m4s").open("rb") as reader:
        scratch = tmp_path / "scratch"
        scratch.write_bytes(b"newer")
        destination.put_file("720p/aa/00000.m4s", scratch)
        assert reader.read() == b"old"
    assert destination.get_bytes("720p/aa/00000.m4s") == b"newer"
    assert destination.get_bytes("720p/aa/00001.m4s") is None
    assert names(tmp_path / "out/720p/aa") == ["00000.m4s"]


def test_a_published_file_has_the_umask_s_permissions(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    open_destination(str(tmp_path)).put_bytes("job.json", b"{}")
    assert (tmp_path / "job.json").stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize(
    ("code", "reason"),
    [(errno.ENOSPC, "disk is full"), (errno.EROFS, "read-only"), (errno.EACCES, "permission denied")],
)
def test_a_refusing_disk_is_explained_and_the_old_file_stays(
    code: int, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    destination = open_destination(str(tmp_path))
    destination.put_bytes("job.json", b"old")

    def refuse(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(DestinationError, match=reason):
        destination.put_bytes("job.json", b"new")
    with pytest.raises(DestinationError, match=reason):
        destination.check_writable()
    assert names(tmp_path) == ["job.json"]
    assert destination.get_bytes("job.json") == b"old"


def test_sizes_lists_a_folder_s_files_and_delete_clears_it_up_to_the_root(tmp_path: Path) -> None:
    root = tmp_path / "deep" / "out"
    destination = open_destination(str(root))
    assert destination.sizes("") == {}
    destination.put_bytes("720p/aa/00000.m4s", b"12")
    destination.put_bytes("720p60/aa/00000.m4s", b"123")
    destination.put_bytes("job.json", b"{}")
    (root / "720p/aa/.00001.m4s.0.gopfarm-partial").write_bytes(b"1")
    assert destination.sizes("720p") == {"720p/aa/00000.m4s": 2}
    assert destination.sizes("") == {"720p/aa/00000.m4s": 2, "720p60/aa/00000.m4s": 3, "job.json": 2}
    (root / "720p/aa/.00001.m4s.0.gopfarm-partial").unlink()
    destination.delete(["720p/aa/00000.m4s", "720p/aa/gone.m4s", "never/was.m4s"])
    assert names(root) == ["720p60", "job.json"]
    destination.delete(destination.sizes(""))
    assert names(tmp_path) == ["deep"]
    assert names(tmp_path / "deep") == []


def test_delete_keeps_what_it_was_not_told_of(tmp_path: Path) -> None:
    destination = open_destination(str(tmp_path))
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "720p").mkdir()
    (tmp_path / "mine").mkdir()
    destination.put_bytes("720p/aa/00000.m4s", b"12")
    destination.delete(["720p/aa/00000.m4s"])
    assert names(tmp_path) == ["mine", "notes.txt"]


def test_check_writable_makes_nothing(tmp_path: Path) -> None:
    open_destination(str(tmp_path / "not/yet/there")).check_writable()
    assert names(tmp_path) == []


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for destination in map(open_destination, (str(tmp_path / "file"), str(tmp_path / "file/below"))):
        with pytest.raises(DestinationError, match="file"):
            destination.check_writable()
        with pytest.raises(DestinationError, match="in the way"):
            destination.put_bytes("job.json", b"{}")


def test_a_folder_that_cannot_be_written_is_told_before_work_starts() -> None:
    with pytest.raises(DestinationError, match="/proc"):
        open_destination("/proc/out").check_writable()
