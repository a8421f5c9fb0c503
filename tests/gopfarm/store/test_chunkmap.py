"""The map of a job's chunks, in every state of the job."""

from __future__ import annotations

import pytest
import redis

from gopfarm.errors import EncodeError
from gopfarm.store import JobState, keys
from gopfarm.store.chunkmap import ChunkMap, ChunkMaps, TaskRow
from tests.gopfarm.store.jobs import PLAN, begin, bring_to, give_out, open_tasks, result_of, store_on

AUDIO, FIRST, SECOND = (task.id for task in PLAN.tasks[:3])


def _rows(chunk_map: ChunkMap | None) -> dict[str, TaskRow]:
    assert chunk_map is not None
    return {row.id: row for row in chunk_map.tasks}


def test_a_job_that_is_not_known_has_no_map_and_one_without_a_plan_an_empty_one(valkey: redis.Redis) -> None:
    store, maps = store_on(valkey), ChunkMaps(valkey)
    assert maps.of("j") is None
    bring_to(store, "j", JobState.PLANNING)
    chunk_map = maps.of("j")
    assert chunk_map is not None
    assert (chunk_map.state, chunk_map.chunks, chunk_map.tasks) == (JobState.PLANNING, (), ())


def test_the_chunks_follow_each_other_and_every_video_task_is_in_one(valkey: redis.Redis) -> None:
    begin(store_on(valkey), "j")
    chunk_map = ChunkMaps(valkey).of("j")
    assert chunk_map is not None
    ends = [chunk.start + chunk.duration for chunk in chunk_map.chunks]
    assert [chunk.start for chunk in chunk_map.chunks] == [0.0, *ends[:-1]]
    assert ends[-1] == float(PLAN.grid_frames / PLAN.grid_rate)
    assert chunk_map.renditions == tuple(rendition.name for rendition in PLAN.renditions)
    video = [row.chunk for row in chunk_map.tasks if row.kind == "video"]
    assert sorted(place for place in video if place is not None) == [
        chunk.index for chunk in chunk_map.chunks
    ]
    assert [row.chunk for row in chunk_map.tasks if row.kind != "video"] == [None]


def test_a_task_is_shown_from_waiting_to_done(valkey: redis.Redis) -> None:
    store, maps = store_on(valkey), ChunkMaps(valkey)
    begin(store, "j")

    def row() -> TaskRow:
        return _rows(maps.of("j"))[FIRST]

    assert (row().state, row().attempts, row().worker, row().started) == ("waiting", 0, None, None)
    give_out(store, "j", FIRST)
    assert row().state == "queued"
    store.start("j", FIRST, "w#1", 15)
    length = sum(segment.length for segment in PLAN.tasks[1].segments)
    store.renew("j", FIRST, "w#1", 15, length // 4, PLAN.hash)
    running = row()
    assert (running.state, running.worker, running.attempts, running.seconds) == ("running", "w", 1, None)
    assert 0.2 < running.done <= 0.25
    assert running.started is not None
    store.finish("j", FIRST, "w#1", result_of(FIRST), length, PLAN.hash)
    done = row()
    assert (done.state, done.done, done.worker) == ("done", 1.0, None)
    assert done.seconds is not None


def test_a_twin_counts_as_its_task(valkey: redis.Redis) -> None:
    store = store_on(valkey)
    begin(store, "j")
    give_out(store, "j", FIRST)
    store.start("j", FIRST, "slow#1", 15)
    assert store.give_twin("j", FIRST)
    store.start("j", f"{FIRST}~", "quick#2", 15)
    length = sum(segment.length for segment in PLAN.tasks[1].segments)
    store.renew("j", f"{FIRST}~", "quick#2", 15, length // 2, PLAN.hash)
    rows = _rows(ChunkMaps(valkey).of("j"))
    assert len(rows) == len(PLAN.tasks)
    assert 0.4 < rows[FIRST].done <= 0.5


def test_the_task_that_ended_its_job_is_shown_as_failed(valkey: redis.Redis) -> None:
    store, maps = store_on(valkey), ChunkMaps(valkey)
    begin(store, "j")
    for task in (FIRST, SECOND):
        give_out(store, "j", task)
        store.start("j", task, "w#1", 15)
    store.give_back("j", FIRST, "w#1", 1, EncodeError("broken"))
    rows = _rows(maps.of("j"))
    assert (rows[FIRST].state, rows[SECOND].state, rows[AUDIO].state) == ("failed", "waiting", "waiting")


def test_a_map_is_empty_when_the_tasks_are_forgotten(valkey: redis.Redis) -> None:
    store, maps = store_on(valkey), ChunkMaps(valkey)
    begin(store, "j")
    assert _rows(maps.of("j"))
    store.cancel("j")
    for part in ("orders", "tasks", "results"):
        valkey.delete(f"gopfarm:job:j:{part}")
    chunk_map = maps.of("j")
    assert chunk_map is not None
    assert (chunk_map.state, chunk_map.chunks, chunk_map.tasks) == (JobState.CANCELLED, (), ())


def test_another_plan_of_a_job_is_seen(valkey: redis.Redis) -> None:
    store, maps = store_on(valkey), ChunkMaps(valkey)
    begin(store, "j")
    assert _rows(maps.of("j"))[FIRST].state == "waiting"
    store.cancel("j")
    store.retry("j")
    assert not _rows(maps.of("j"))
    store.move("j", JobState.PROBING)
    store.move("j", JobState.PLANNING)
    open_tasks(store, "j", finished={FIRST: result_of(FIRST)})
    assert _rows(maps.of("j"))[FIRST].state == "done"


def test_only_the_plans_asked_for_last_are_remembered(
    valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gopfarm.store.chunkmap._REMEMBERED_TASKS", 2 * len(PLAN.tasks))
    store, maps = store_on(valkey), ChunkMaps(valkey)
    for job in ("old", "middle", "new"):
        begin(store, job)
        assert _rows(maps.of(job))
    plans = [keys.plan(job) for job in ("old", "middle", "new")]
    valkey.delete(*plans)  # from now on, a map is made from what is remembered
    assert [bool(_rows(maps.of(job))) for job in ("old", "middle", "new")] == [False, True, True]
