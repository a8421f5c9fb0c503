"""A progressive job under way: viewers see what is whole, more and more of it, and never less."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import pytest
import redis

import scheduler.growth
from gopfarm.child.parent import AbandonedError
from gopfarm.errors import EncodeError
from gopfarm.plan import Task, renditions_of
from gopfarm.store import Board, Growing, JobState, TaskStore, keys
from gopfarm.store.events import EventStore
from scheduler.finish import publish_job
from scheduler.growth import Growth, pause, reported
from scheduler.shape import Shape
from stitcher import MASTER
from tests.gopfarm.store.jobs import SPEC, begin, open_tasks, store_on
from tests.scheduler.facts import audio_facts, plan_of, source_facts, video_facts
from tests.stitcher.build import content, honest_results

#: Eighty seconds with sound: a first chunk of one segment, and longer ones.
PLAN = plan_of(
    source_facts(video_facts(2000), audio_facts(duration=Fraction(80))),
    shape=Shape(Fraction(30), progressive=True),
)
SOUND, FIRST, SECOND, *_ = PLAN.tasks
RESULTS = {result.task: result for result in honest_results(PLAN)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def store(valkey: redis.Redis, folder: Path) -> TaskStore:
    store = store_on(valkey)
    spec = SPEC.model_copy(update={"destination": str(folder), "publish": "progressive"})
    begin(store, "j", spec, PLAN)
    return store


@pytest.fixture
def growth(store: TaskStore, valkey: redis.Redis) -> Growth:
    return Growth(store, valkey)


def upload(store: TaskStore, folder: Path, task: Task, segments: int) -> None:
    """Be a worker on its way through a task: that many segments are stored, and reported."""
    directories = {rendition.name: rendition.directory for rendition in renditions_of(task)}
    for part in RESULTS[task.id].renditions:
        for file in filter(None, (part.init, *part.segments[:segments])):
            path = folder / directories[part.rendition] / file.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content(directories[part.rendition], file.file))
    done = task.segments[segments - 1].end - task.segments[0].start
    store.start("j", task.id, f"w#{task.id}", 15)
    store.renew("j", task.id, f"w#{task.id}", 15, done, PLAN.hash)


def finish(store: TaskStore, folder: Path, task: Task) -> None:
    """Be a worker that does a whole task."""
    upload(store, folder, task, len(task.segments))
    length = sum(segment.length for segment in task.segments)
    store.finish("j", task.id, f"w#{task.id}", RESULTS[task.id], length, PLAN.hash)


def counts(folder: Path) -> set[int]:
    """How many segments the playlists list; every one of them must be there."""
    found = set()
    for playlist in folder.glob("*/*/index.m3u8"):
        names = [line for line in playlist.read_text().splitlines() if line and not line.startswith("#")]
        assert all((playlist.parent / name).is_file() for name in (*names, "init.mp4"))
        found.add(len(names))
    return found


def events(valkey: redis.Redis) -> list[str]:
    return [event.event for event in EventStore(valkey).events("0", "j")]


def test_the_stream_is_shown_as_soon_as_the_first_chunk_is_there_with_its_sound(
    growth: Growth, store: TaskStore, folder: Path, valkey: redis.Redis
) -> None:
    assert len(FIRST.segments) == 1, "viewers need not wait for a long first chunk"
    finish(store, folder, FIRST)
    growth.look("j")
    assert not (folder / MASTER).exists(), "there is no sound yet"
    upload(store, folder, SOUND, 2)
    growth.look("j")
    assert counts(folder) == {1}
    master = (folder / MASTER).read_text()
    assert master.count("#EXT-X-STREAM-INF") == len(PLAN.video)
    view = store.view("j")
    assert view is not None
    assert view.master == f"{folder}/{MASTER}"
    assert view.times["playable"] >= view.times["encoding"]
    growth.look("j")
    assert events(valkey).count("job.playable") == 1


def test_the_playlists_follow_the_segments_of_tasks_that_are_still_under_way(
    growth: Growth, store: TaskStore, folder: Path
) -> None:
    finish(store, folder, FIRST)
    upload(store, folder, SOUND, 3)
    growth.look("j")
    for segments, expected in ((1, 2), (2, 3), (4, 3)):
        upload(store, folder, SECOND, segments)
        growth.look("j")
        assert counts(folder) == {expected}, "the sound has three segments"
    before = (folder / MASTER).stat().st_mtime_ns
    upload(store, folder, SOUND, 4)
    growth.look("j")
    assert counts(folder) == {4}
    assert (folder / MASTER).stat().st_mtime_ns == before, "only what changes is written again"


def test_what_is_encoded_but_not_stored_yet_is_not_shown(
    growth: Growth, store: TaskStore, folder: Path
) -> None:
    finish(store, folder, FIRST)
    upload(store, folder, SOUND, 3)
    store.start("j", SECOND.id, "w#2", 15)
    store.renew("j", SECOND.id, "w#2", 15, 10_000, PLAN.hash)
    growth.look("j")
    assert counts(folder) == {1}


def test_another_scheduler_goes_on_where_a_dead_one_left_off(
    growth: Growth, store: TaskStore, folder: Path, valkey: redis.Redis
) -> None:
    finish(store, folder, FIRST)
    upload(store, folder, SOUND, 3)
    growth.look("j")
    store.forget_shown("j")  # it died before it could note what it had written
    upload(store, folder, SECOND, 1)
    Growth(store, valkey).look("j")
    assert counts(folder) == {2}
    assert events(valkey).count("job.playable") == 1


def test_after_a_failure_and_a_retry_the_same_playlists_grow_on(
    growth: Growth, store: TaskStore, folder: Path, valkey: redis.Redis
) -> None:
    finish(store, folder, FIRST)
    upload(store, folder, SOUND, 3)
    upload(store, folder, SECOND, 2)
    growth.look("j")
    assert store.fail("j", EncodeError("no"))
    assert growth.look("j") > 1
    assert counts(folder) == {3}, "viewers keep what they have, for a retry may go on"
    assert store.retry("j") == "retried"
    assert store.move("j", JobState.PROBING)
    assert store.move("j", JobState.PLANNING)
    assert open_tasks(store, "j", PLAN, {FIRST.id: RESULTS[FIRST.id]})
    upload(store, folder, SOUND, 1)
    growth.look("j")
    assert counts(folder) == {3}
    assert valkey.zscore(keys.GROWING, "j") is not None


@pytest.mark.parametrize("naming", ["720p/000000000000", f"720p/{PLAN.hash}"])
def test_a_whole_stream_is_not_replaced_by_one_that_grows(
    growth: Growth, store: TaskStore, folder: Path, naming: str
) -> None:
    (folder / naming).mkdir(parents=True)
    (folder / naming / "index.m3u8").write_text("#EXTM3U\n#EXT-X-ENDLIST\n")
    (folder / MASTER).write_text(f"#EXTM3U\n{naming}/index.m3u8\n")
    finish(store, folder, FIRST)
    upload(store, folder, SOUND, 3)
    growth.look("j")
    assert (folder / MASTER).read_text() == f"#EXTM3U\n{naming}/index.m3u8\n"
    assert (folder / naming / "index.m3u8").read_text() == "#EXTM3U\n#EXT-X-ENDLIST\n"
    view = store.view("j")
    assert view is not None
    assert "playable" not in view.times


def test_when_all_is_published_nothing_grows_any_more(
    growth: Growth, store: TaskStore, folder: Path, valkey: redis.Redis
) -> None:
    finish(store, folder, FIRST)
    upload(store, folder, SOUND, 3)
    growth.look("j")
    publish_all(store, folder)
    whole = (folder / MASTER).read_text()
    growth.look("j")
    assert (folder / MASTER).read_text() == whole
    assert valkey.zscore(keys.GROWING, "j") is None


def publish_all(store: TaskStore, folder: Path) -> None:
    for task in PLAN.tasks:
        finish(store, folder, task)
    assert store.move("j", JobState.STITCHING)
    publish_job(store, "j", PLAN, lambda: None)
    assert store.move("j", JobState.DONE)
    assert counts(folder) == {len(PLAN.video_segments)}


def standing_still(monkeypatch: pytest.MonkeyPatch, writes: int, meanwhile: Callable[[], None]) -> None:
    """Let the process stand still between the look at the lock and the last of so many writes."""
    real, asked = scheduler.growth.destination_lock, 0

    @contextmanager
    def lock(client: redis.Redis, url: str) -> Iterator[Callable[[], bool]]:
        nonlocal asked
        if asked:
            with real(client, url) as held:
                yield held
            return

        def held() -> bool:
            nonlocal asked
            asked += 1
            if asked == writes:
                meanwhile()
            return asked <= writes

        yield held

    monkeypatch.setattr(scheduler.growth, "destination_lock", lock)


def test_a_process_that_stood_still_gives_way_to_who_published_meanwhile(
    growth: Growth, store: TaskStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(store, folder, FIRST)
    upload(store, folder, SOUND, 3)
    growth.look("j")
    upload(store, folder, SECOND, 1)
    standing_still(monkeypatch, len(PLAN.renditions), lambda: publish_all(store, folder))
    with pytest.raises(AbandonedError):
        growth.look("j")
    assert counts(folder) == {len(PLAN.video_segments)}
    for playlist in folder.glob("*/*/index.m3u8"):
        assert playlist.read_text().endswith("#EXT-X-ENDLIST\n")


def test_what_was_written_late_for_a_cancelled_job_is_removed_again(
    growth: Growth, store: TaskStore, folder: Path, valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(store, folder, FIRST)
    upload(store, folder, SOUND, 3)

    def cancelled_and_cleaned() -> None:
        assert store.cancel("j")
        store.cleaned("j")

    standing_still(monkeypatch, len(PLAN.renditions) + 1, cancelled_and_cleaned)
    with pytest.raises(AbandonedError):
        growth.look("j")
    assert store.to_be_cleaned() == ["j"]


def test_a_job_that_ended_meanwhile_is_left_alone(
    growth: Growth, store: TaskStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(store, folder, FIRST)
    upload(store, folder, SOUND, 3)
    standing_still(monkeypatch, 1, lambda: None)
    with pytest.raises(AbandonedError):
        growth.look("j")
    assert not (folder / MASTER).exists(), "it names what is there, or is not there itself"


def test_progress_tells_which_segments_may_be_whole() -> None:
    first, second = FIRST.segments[0].length, SECOND.segments[0].length
    assert set(reported(PLAN, {}).values()) == {0}
    assert reported(PLAN, {FIRST.id: first - 1})["720p"] == 0
    assert reported(PLAN, {FIRST.id: first, SECOND.id: second})["720p"] == 2
    assert reported(PLAN, {FIRST.id + "~": first})["720p"] == 1, "a twin's segments are as good"
    assert reported(PLAN, {SECOND.id: second})["720p"] == 0, "what follows a gap is not shown"
    sound = SOUND.segments
    assert reported(PLAN, {SOUND.id: sound[1].end})["audio-en-0"] == 2


def test_a_job_that_has_long_waited_for_slots_is_looked_at_rarely() -> None:
    def pauses(shown: int) -> list[float]:
        return [pause(Growing(JobState.ENCODING, "h", shown, seconds)) for seconds in (0, 60, 3600)]

    assert pauses(0) == [0.5, 3, 10]
    assert pauses(1) == [0.5, 0.5, 0.5], "viewers wait for more of it"


def test_the_plans_of_jobs_that_have_ended_are_forgotten(
    growth: Growth, store: TaskStore, folder: Path
) -> None:
    finish(store, folder, FIRST)
    growth.look("j")
    known = weakref.ref(growth._plans["j"][0])
    assert store.cancel("j")
    begin(store, "other", SPEC.model_copy(update={"publish": "progressive"}), PLAN)
    store.start("other", FIRST.id, "w#1", 15)
    store.renew("other", FIRST.id, "w#1", 15, 1, PLAN.hash)
    growth.look("other")
    gc.collect()
    assert known() is None


def test_only_progressive_jobs_grow(store: TaskStore, valkey: redis.Redis) -> None:
    begin(store, "other")
    assert store.claim_growing(60) == "j"
    assert store.claim_growing(60) is None, "another scheduler is at it"
    valkey.delete(keys.GROWING)
    assert Board(valkey).repair_job("j") == ["growing"]
    assert Board(valkey).repair_job("other") == []
    assert store.claim_growing(60) == "j"
