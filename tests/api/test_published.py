"""What a job has planned and published, as the API tells it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from gopfarm.errors import EncodeError
from gopfarm.store import JobState, TaskStore
from tests.api.serving import problem
from tests.api.test_listing import make
from tests.gopfarm.store.jobs import PLAN, SPEC, begin, open_tasks

JOB = "/api/v1/jobs/job"
HASH = "0a1b2c3d4e5f"
MASTER = f"#EXTM3U\n240p/{HASH}/index.m3u8\n".encode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A published stream."""
    rendition = tmp_path / "240p" / HASH
    rendition.mkdir(parents=True)
    (rendition / "index.m3u8").write_bytes(b"#EXTM3U")
    (rendition / "00000.m4s").write_bytes(bytes(range(100)))
    (rendition / "notes.txt").write_bytes(b"not ours")
    (tmp_path / "240p" / "ffffffffffff").mkdir()
    (tmp_path / "240p" / "ffffffffffff" / "00000.m4s").write_bytes(b"of another plan")
    (tmp_path / "master.m3u8").write_bytes(MASTER)
    (tmp_path / "job.json").write_text(json.dumps({"job": {"id": "job"}, "plan": HASH}))
    return tmp_path


def publish(store: TaskStore, folder: Path, job_id: str = "job") -> None:
    """Let a job be done whose stream lies in a folder."""
    make(store, job_id, JobState.STITCHING, destination=str(folder))
    assert store.move(job_id, JobState.DONE, plan_hash=HASH, master=f"{folder}/master.m3u8")


def test_a_plan_tells_the_source_and_the_ladder(api: httpx.Client, store: TaskStore) -> None:
    begin(store, "job")
    plan = api.get(f"{JOB}/plan").json()
    assert (plan["hash"], plan["format"], plan["frame_rate"]) == (PLAN.hash, "cmaf", 25.0)
    assert plan["source"]["video"]["codec"] == "h264"
    assert [entry["name"] for entry in plan["renditions"]] == [entry.name for entry in PLAN.renditions]
    assert {entry["kind"] for entry in plan["renditions"]} == {"video", "audio"}
    sizes = {(entry["width"], entry["height"]) for entry in plan["renditions"] if entry["kind"] == "video"}
    assert sizes == {(entry.width, entry.height) for entry in PLAN.video}


def test_a_job_without_a_plan_has_no_plan(api: httpx.Client, store: TaskStore) -> None:
    make(store, "job")
    problem(api.get(f"{JOB}/plan"), 404, "not-found")


def test_a_job_that_is_sent_through_again_has_no_plan_until_it_is_planned_again(
    api: httpx.Client, store: TaskStore
) -> None:
    begin(store, "job")
    assert store.fail("job", EncodeError("no"))
    assert api.get(f"{JOB}/plan").json()["hash"] == PLAN.hash
    assert store.retry("job")
    for state in (JobState.PROBING, JobState.PLANNING):
        problem(api.get(f"{JOB}/plan"), 404, "not-found")
        assert store.move("job", state)
    assert open_tasks(store, "job")
    assert api.get(f"{JOB}/plan").json()["hash"] == PLAN.hash


def test_the_map_of_chunks_has_every_task(api: httpx.Client, store: TaskStore) -> None:
    begin(store, "job")
    found = api.get(f"{JOB}/tasks").json()
    assert [task["id"] for task in found["tasks"]] == [task.id for task in PLAN.tasks]
    assert {task["state"] for task in found["tasks"]} == {"waiting"}


def test_what_is_expected_of_a_job_is_told_while_it_is_encoded(api: httpx.Client, store: TaskStore) -> None:
    begin(store, "job", costs={task.id: 4.0 for task in PLAN.tasks})
    assert api.get(JOB).json()["eta_seconds"] == pytest.approx(4.05 * len(PLAN.tasks), abs=0.1)
    assert store.cancel("job")
    assert api.get(JOB).json()["eta_seconds"] is None


def test_the_report_is_the_one_that_was_published(api: httpx.Client, store: TaskStore, folder: Path) -> None:
    publish(store, folder)
    assert api.get(f"{JOB}/report").json()["plan"] == HASH


@pytest.mark.parametrize("content", [None, "{", "[]", '{"job": {"id": "another"}}'])
def test_a_report_of_another_job_is_not_told(
    api: httpx.Client, store: TaskStore, folder: Path, content: str | None
) -> None:
    publish(store, folder)
    (folder / "job.json").unlink()
    if content is not None:
        (folder / "job.json").write_text(content)
    problem(api.get(f"{JOB}/report"), 404, "not-found")


def test_a_stream_can_be_read_in_parts(api: httpx.Client, store: TaskStore, folder: Path) -> None:
    publish(store, folder)
    master = api.get(f"{JOB}/stream/master.m3u8")
    assert (master.content, master.headers["Content-Type"]) == (MASTER, "application/vnd.apple.mpegurl")
    segment = f"{JOB}/stream/240p/{HASH}/00000.m4s"
    assert api.get(segment).content == bytes(range(100))
    part = api.get(segment, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, bytes(range(10, 20)))
    assert part.headers["Content-Range"] == "bytes 10-19/100"
    assert "private" in part.headers["Cache-Control"]
    problem(api.get(segment, headers={"Range": "bytes=100-"}), 416, "bad-range")
    head = api.head(segment, headers={"Range": "bytes=10-19"})  # that is about the whole
    assert (head.status_code, head.headers["Content-Length"]) == (200, "100")


@pytest.mark.parametrize(
    "path",
    [
        f"240p/{HASH}/notes.txt",
        f"240p/{HASH}/00001.m4s",
        "240p/ffffffffffff/00000.m4s",
        "job.json",
        f"%2e%2e/{HASH}/00000.m4s",
        f"240p/%2e%2e/240p/{HASH}/00000.m4s",
        f"240p%00/{HASH}/00000.m4s",
        "manifest.mpd",
    ],
)
def test_nothing_but_the_jobs_own_stream_is_read(
    api: httpx.Client, store: TaskStore, folder: Path, path: str
) -> None:
    publish(store, folder)
    problem(api.get(f"{JOB}/stream/{path}"), 404, "not-found")


def test_a_stream_that_another_plan_has_replaced_is_not_told(
    api: httpx.Client, store: TaskStore, folder: Path
) -> None:
    publish(store, folder)
    (folder / "master.m3u8").write_bytes(MASTER.replace(HASH.encode(), b"ffffffffffff"))
    problem(api.get(f"{JOB}/stream/master.m3u8"), 404, "not-found")


def test_a_job_that_has_published_nothing_has_nothing_to_see(api: httpx.Client, store: TaskStore) -> None:
    make(store, "job", JobState.STITCHING)
    for path in ("report", "stream/master.m3u8"):
        problem(api.get(f"{JOB}/{path}"), 404, "not-found")
    assert api.get(JOB).json()["player"] is None


def test_a_job_can_be_watched_for_as_long_as_it_shows_something(
    api: httpx.Client, store: TaskStore, folder: Path
) -> None:
    """One that fails takes back what it has shown."""
    begin(store, "job", SPEC.model_copy(update={"publish": "progressive"}))
    seen = []
    for change in (
        lambda: None,
        lambda: store.note_shown("job", 1, f"{folder}/master.m3u8"),
        lambda: store.fail("job", EncodeError("no")),
    ):
        change()
        job = api.get(JOB).json()
        seen.append((job["playable"], job["player"], "playable" in job["times"]))
    player = "/player?job=job"
    assert seen == [(False, None, False), (True, player, True), (False, None, True)]


def test_a_destination_that_cannot_be_read_is_said_to_be_so(
    api: httpx.Client, store: TaskStore, folder: Path, s3: Any
) -> None:
    make(store, "job", JobState.STITCHING, destination="s3://no-such-bucket/film")
    assert store.move("job", JobState.DONE, plan_hash=HASH, master="s3://no-such-bucket/film/master.m3u8")
    assert "no-such-bucket" in problem(api.get(f"{JOB}/report"), 502, "destination")["detail"]


def test_the_player_plays_a_job_from_here(api: httpx.Client, store: TaskStore, folder: Path) -> None:
    publish(store, folder)
    path = api.get(JOB).json()["player"]
    assert path == "/player?job=job"
    page = api.get(path)
    assert f'data-stream="{JOB}/stream/master.m3u8"' in page.text
    assert "worker-src 'self' blob:" in page.headers["Content-Security-Policy"]
    for name in ("player.js", "player.css", "hls.min.js"):
        assert f"/static/{name}" in page.text
        assert api.get(f"/static/{name}").status_code == 200
    problem(api.get("/static/player.html"), 404, "not-found")
    problem(api.get("/player", params={"job": '"><script>'}), 422, "invalid")
