from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
import redis

from gopfarm.errors import SpecError
from gopfarm.storage import open_destination, shown
from gopfarm.storage.file import FileDestination
from gopfarm.store import JobState, TaskStore
from scheduler.finish import remove_segments, remove_unpublished
from stitcher import MASTER
from tests.gopfarm.store.jobs import PLAN, SPEC, begin, store_on

DIRECTORIES = [rung.directory for rung in PLAN.video] + [track.directory for track in PLAN.audio]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A destination with segments of a plan, and what lay there before."""
    for directory in DIRECTORIES:
        path = tmp_path / "out" / directory
        path.mkdir(parents=True)
        (path / "init.mp4").write_bytes(b"init")
        (path / "00000.m4s").write_bytes(b"segment")
    older = tmp_path / "out" / "720p" / "000000000000"
    older.mkdir()
    (older / "00000.m4s").write_bytes(b"of another plan")
    (tmp_path / "out" / "notes.txt").write_text("the user's own")
    return tmp_path / "out"


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_segments_of_an_unpublished_plan_are_removed_and_nothing_else(folder: Path) -> None:
    remove_segments(PLAN, open_destination(str(folder)))
    assert files(folder) == {"720p/000000000000/00000.m4s", "notes.txt"}
    assert not (folder / DIRECTORIES[1]).parent.exists(), "no empty folders stay"


def test_segments_that_a_published_stream_uses_stay(folder: Path) -> None:
    (folder / MASTER).write_text(f"#EXTM3U\n720p/{PLAN.hash}/index.m3u8\n")
    before = files(folder)
    remove_segments(PLAN, open_destination(str(folder)))
    assert files(folder) == before


def test_a_stream_published_from_another_plan_does_not_keep_them(folder: Path) -> None:
    (folder / MASTER).write_text("#EXTM3U\n720p/000000000000/index.m3u8\n")
    remove_segments(PLAN, open_destination(str(folder)))
    assert files(folder) == {"720p/000000000000/00000.m4s", "notes.txt", MASTER}


def test_a_stream_that_was_published_before_another_one_stays(folder: Path) -> None:
    for directory in DIRECTORIES:
        (folder / directory / "index.m3u8").write_text("#EXTM3U\n#EXT-X-ENDLIST\n")
    (folder / MASTER).write_text("#EXTM3U\n720p/000000000000/index.m3u8\n")
    before = files(folder)
    remove_segments(PLAN, open_destination(str(folder)))
    assert files(folder) == before


class Removing(FileDestination):
    """A destination that tells what is removed in which order."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.removed: list[str] = []

    def delete(self, keys: Iterable[str]) -> None:
        names = list(keys)
        self.removed += names
        super().delete(names)


def test_a_stream_that_only_grew_is_removed_from_what_viewers_open_first_on(folder: Path) -> None:
    for directory in DIRECTORIES:
        (folder / directory / "index.m3u8").write_text("#EXTM3U\n#EXT-X-PLAYLIST-TYPE:EVENT\n00000.m4s\n")
    (folder / MASTER).write_text(f"#EXTM3U\n720p/{PLAN.hash}/index.m3u8\n")
    destination = Removing(folder)
    remove_segments(PLAN, destination)
    assert files(folder) == {"720p/000000000000/00000.m4s", "notes.txt"}
    playlists = [f"{directory}/index.m3u8" for directory in DIRECTORIES]
    assert destination.removed[: 1 + len(playlists)] == [MASTER, *playlists]


def test_what_grew_goes_though_a_part_of_it_had_ended_and_what_another_plan_shows_stays(folder: Path) -> None:
    for number, directory in enumerate(DIRECTORIES):
        (folder / directory / "index.m3u8").write_text("#EXT-X-ENDLIST\n" if number else "#EXTM3U\n")
    (folder / MASTER).write_text("#EXTM3U\n720p/000000000000/index.m3u8\n")
    remove_segments(PLAN, open_destination(str(folder)))
    assert files(folder) == {"720p/000000000000/00000.m4s", "notes.txt", MASTER}


@pytest.mark.parametrize("spelt", ["{}", "{}/", "file://{}", "{}/../out"])
def test_files_that_another_job_may_want_stay_however_it_spells_the_destination(
    store: TaskStore, valkey: redis.Redis, folder: Path, spelt: str
) -> None:
    begin(store, "other", SPEC.model_copy(update={"destination": spelt.format(folder)}))
    store.cancel("j")
    before = files(folder)
    assert not remove_unpublished(store, valkey, "j")
    assert files(folder) == before
    store.cancel("other")
    assert remove_unpublished(store, valkey, "j")


def test_removing_where_nothing_was_written_is_fine(tmp_path: Path) -> None:
    remove_segments(PLAN, open_destination(str(tmp_path / "nowhere")))
    assert not (tmp_path / "nowhere").exists()


@pytest.fixture
def store(valkey: redis.Redis, folder: Path) -> TaskStore:
    store = store_on(valkey)
    begin(store, "j", SPEC.model_copy(update={"destination": str(folder)}))
    return store


def test_files_are_not_removed_while_a_worker_still_writes(
    store: TaskStore, valkey: redis.Redis, folder: Path
) -> None:
    task = PLAN.tasks[0]
    store.start("j", task.id, "w", 15)
    store.cancel("j")
    before = files(folder)
    assert not remove_unpublished(store, valkey, "j")
    assert files(folder) == before
    store.give_back("j", task.id, "w", 3, None)
    assert remove_unpublished(store, valkey, "j")
    assert files(folder) == {"720p/000000000000/00000.m4s", "notes.txt"}


def test_files_of_a_job_that_is_done_are_never_removed(
    store: TaskStore, valkey: redis.Redis, folder: Path
) -> None:
    store.move("j", JobState.STITCHING)
    store.move("j", JobState.DONE)
    before = files(folder)
    assert remove_unpublished(store, valkey, "j")
    assert files(folder) == before


def test_a_job_that_never_had_a_plan_leaves_nothing_to_remove(store: TaskStore, valkey: redis.Redis) -> None:
    store.reject("other", "{", SpecError("no"))
    assert remove_unpublished(store, valkey, "other")


def test_signatures_in_addresses_are_not_published() -> None:
    assert shown("https://host/film.mp4?X-Amz-Signature=1") == "https://host/film.mp4"
    assert shown("s3://films/what?.mp4") == "s3://films/what?.mp4"
