"""One scheduler and two workers that share nothing but Redis and S3."""

from __future__ import annotations

import json
import threading
import uuid
from pathlib import Path
from typing import Any

import dramatiq
import psutil
import redis
import yaml
from dramatiq.brokers.redis import RedisBroker

from gopfarm.errors import EncodeError
from gopfarm.store import TaskStore, connect, keys
from tests.farm.processes import Farm, gopfarm, until
from tests.farm.streams import judge

SMALL = Path(__file__).parent / "small.yaml"


def bucket(s3: Any) -> str:
    name = f"farm-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=name)
    return name


def stored(s3: Any, name: str) -> dict[str, bytes]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=name)
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    return {key: s3.get_object(Bucket=name, Key=key)["Body"].read() for key in keys}


def test_a_job_from_s3_to_s3_gives_the_bytes_of_the_embedded_farm(
    farm: Farm, s3: Any, clip: Path, tmp_path: Path
) -> None:
    name = bucket(s3)
    s3.upload_file(str(clip), name, "uploads/film.mp4")
    done = farm.run(
        "submit", f"s3://{name}/uploads/film.mp4", f"s3://{name}/streams/film", "--profile", SMALL, "--watch"
    )
    assert done.returncode == 0, done.stderr
    assert gopfarm("transcode", clip, tmp_path / "out", "--profile", SMALL).returncode == 0

    objects = stored(s3, name)
    published = tmp_path / "from-s3"
    for key, data in objects.items():
        if key.startswith("streams/film/"):
            path = published / key.removeprefix("streams/film/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    local = {path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert local == {path.relative_to(published) for path in published.rglob("*") if path.is_file()}
    for path in {path for path in local if path.suffix != ".json"}:  # reports tell times, too
        assert (published / path).read_bytes() == (tmp_path / "out" / path).read_bytes(), path
    judge(published, clip)

    workers = {
        line["worker"] for role in ("worker-1", "worker-2") for line in farm.log(role) if "task" in line
    }
    assert len(workers) == 2, "both workers must have had a task"
    head = s3.head_object(Bucket=name, Key="streams/film/master.m3u8")
    assert head["ContentType"] == "application/vnd.apple.mpegurl"
    assert "max-age=60" in head["CacheControl"]


def test_a_backend_submits_with_nothing_but_dramatiq(farm: Farm, clip: Path, tmp_path: Path) -> None:
    spec = {
        "source": str(clip),
        "destination": str(tmp_path / "out"),
        "profile": yaml.safe_load(SMALL.read_text()),
        "metadata": {"course": 7},
    }
    broker = RedisBroker(url=farm.redis_url)
    message = broker.enqueue(
        dramatiq.Message("jobs", "submit", args=(json.dumps(spec),), kwargs={}, options={})
    )
    job = farm.ended(message.message_id)
    assert job["state"] == "done"
    assert list(job["times"]) == ["queued", "probing", "planning", "encoding", "stitching", "done"]
    assert json.loads((tmp_path / "out" / "job.json").read_text())["job"]["metadata"] == {"course": 7}


def test_the_same_idempotency_key_gives_one_job(farm: Farm, clip: Path, tmp_path: Path) -> None:
    arguments = ("submit", clip, tmp_path / "out", "--profile", SMALL, "--key", "upload-1")
    ids = {farm.run(*arguments).stdout.strip() for _ in range(2)}
    assert len(ids) == 1
    assert farm.ended(ids.pop())["state"] == "done"
    assert len(json.loads(farm.run("list", "--json").stdout)) == 1


def test_a_wrong_spec_is_a_failed_job_that_says_why(farm: Farm) -> None:
    broker = RedisBroker(url=farm.redis_url)
    document = json.dumps({"source": "a.mp4", "destination": "b", "priority": 11})
    message = broker.enqueue(dramatiq.Message("jobs", "submit", args=(document,), kwargs={}, options={}))
    job = farm.ended(message.message_id)
    assert job["state"] == "failed"
    assert job["error_kind"] == "spec"
    assert "priority" in job["error"]
    assert "9" in job["error"]


def test_an_unusable_source_fails_the_job_with_the_reason(farm: Farm, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("no film")
    done = farm.run("submit", tmp_path / "note.txt", tmp_path / "out", "--watch")
    assert done.returncode == 2
    assert "not a video or audio file" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_cancelled_job_leaves_no_file(farm: Farm, clip: Path, tmp_path: Path) -> None:
    job = farm.run("submit", clip, tmp_path / "out", "--preset", "slower").stdout.strip()
    until(lambda: farm.job(job).get("state") == "encoding", "the job is encoding")
    until(lambda: (tmp_path / "out").exists(), "the first file is stored")
    assert farm.run("cancel", job).returncode == 0
    assert farm.job(job)["state"] == "cancelled"
    until(lambda: not (tmp_path / "out").exists(), "its files are gone")
    assert farm.run("cancel", job).returncode == 0, "once more is no error"


def test_a_stopped_worker_gives_its_task_back_and_the_job_is_done(
    farm: Farm, clip: Path, tmp_path: Path
) -> None:
    job = farm.run("submit", clip, tmp_path / "out", "--profile", SMALL, "--preset", "slower").stdout.strip()
    until(
        lambda: any(
            line["event"] == "task started" and "video" in line["task"] for line in farm.log("worker-1")
        ),
        "worker-1 encodes a chunk",
    )
    assert farm.stop("worker-1") == 0
    assert farm.ended(job)["state"] == "done"
    judge(tmp_path / "out", clip)
    report = json.loads((tmp_path / "out" / "job.json").read_text())
    assert {task["attempts"] for task in report["tasks"]} == {1}, "a task given back costs no attempt"


def test_a_killed_worker_loses_its_task_to_another(farm: Farm, clip: Path, tmp_path: Path) -> None:
    job = farm.run("submit", clip, tmp_path / "out", "--profile", SMALL, "--preset", "slower").stdout.strip()
    until(
        lambda: any(
            line["event"] == "task started" and "video" in line["task"] for line in farm.log("worker-1")
        ),
        "worker-1 encodes a chunk",
    )
    worker = farm.processes.pop("worker-1")
    children = psutil.Process(worker.pid).children(recursive=True)
    worker.kill()
    worker.wait()
    until(lambda: not psutil.wait_procs(children, timeout=0.2)[1], "the children died with it")
    assert farm.ended(job)["state"] == "done"
    judge(tmp_path / "out", clip)
    report = json.loads((tmp_path / "out" / "job.json").read_text())
    assert sorted(task["attempts"] for task in report["tasks"]) == [1, 1, 1, 2]


def test_a_new_scheduler_takes_up_the_jobs_of_the_old_one(farm: Farm, clip: Path, tmp_path: Path) -> None:
    job = farm.run("submit", clip, tmp_path / "out", "--profile", SMALL).stdout.strip()
    until(lambda: farm.job(job).get("state") == "encoding", "the job is encoding")
    assert farm.stop("scheduler") == 0
    farm.start("scheduler", "scheduler")
    assert farm.ended(job)["state"] == "done"


def test_dropped_redis_connections_cost_no_job(
    farm: Farm, valkey: redis.Redis, clip: Path, tmp_path: Path
) -> None:
    job = farm.run("submit", clip, tmp_path / "out", "--profile", SMALL).stdout.strip()
    ended = threading.Event()

    def drop() -> None:
        while not ended.wait(0.3):
            valkey.client_kill_filter(_type="normal", skipme=True)

    dropper = threading.Thread(target=drop)
    dropper.start()
    try:
        states = ("done", "failed", "cancelled")
        until(lambda: valkey.hget(keys.job(job), "state") in states, "the job ends")
    finally:
        ended.set()
        dropper.join()
    assert farm.job(job)["state"] == "done"
    judge(tmp_path / "out", clip)


def test_two_schedulers_run_and_one_takes_over_from_the_other(
    farm: Farm, valkey: redis.Redis, clip: Path, tmp_path: Path
) -> None:
    farm.start("scheduler-2", "scheduler")
    until(lambda: valkey.hlen(keys.SCHEDULERS) == 2, "both are known")
    leader = str(valkey.get(keys.LEADER))
    assert f"-{farm.processes['scheduler'].pid}-" in leader
    job = farm.run("submit", clip, tmp_path / "out", "--profile", SMALL, "--preset", "slower").stdout.strip()
    until(lambda: farm.job(job).get("state") == "encoding", "the job is encoding")
    killed = farm.processes.pop("scheduler")
    killed.kill()
    killed.wait()
    until(lambda: valkey.get(keys.LEADER) not in (None, leader), "the other one leads")
    assert farm.ended(job)["state"] == "done"
    judge(tmp_path / "out", clip)


def test_a_task_that_does_not_move_gets_a_twin_elsewhere(farm: Farm, clip: Path, tmp_path: Path) -> None:
    job = farm.run("submit", clip, tmp_path / "out", "--profile", SMALL, "--preset", "slower").stdout.strip()
    worker = psutil.Process(farm.processes["worker-1"].pid)

    def encoding() -> psutil.Process | None:
        video = any(
            line["event"] == "task started" and "video" in line["task"] for line in farm.log("worker-1")
        )
        children = [child for server in worker.children() for child in server.children()]
        return children[0] if video and children else None

    child = until(encoding, "worker-1 encodes a chunk")
    child.suspend()
    assert farm.ended(job)["state"] == "done"
    judge(tmp_path / "out", clip)
    until(lambda: not child.is_running(), "the slow one was ended")
    assert any("~" in line.get("task", "") for line in farm.log("worker-2") if line["event"] == "task done")
    report = json.loads((tmp_path / "out" / "job.json").read_text())
    assert {task["attempts"] for task in report["tasks"]} == {1}


def test_with_all_keys_gone_resubmitting_encodes_only_what_is_missing(
    farm: Farm, valkey: redis.Redis, clip: Path, tmp_path: Path
) -> None:
    arguments = ("submit", clip, tmp_path / "out", "--profile", SMALL, "--key", "film", "--preset", "slower")
    job = farm.run(*arguments).stdout.strip()
    until(lambda: len(list((tmp_path / "out").glob("tasks/*/*.json"))) >= 2, "two tasks are done")
    valkey.flushall()
    before = {path.stem for path in (tmp_path / "out").glob("tasks/*/*.json")}
    assert farm.run(*arguments).stdout.strip() == job
    assert farm.ended(job)["state"] == "done"
    judge(tmp_path / "out", clip)
    report = json.loads((tmp_path / "out" / "job.json").read_text())
    assert {task["id"] for task in report["tasks"] if task["attempts"] == 0} >= before
    assert valkey.hkeys(keys.attempts(job)), "and the rest was encoded"


def test_retry_encodes_only_what_had_failed(farm: Farm, clip: Path, tmp_path: Path) -> None:
    job = farm.run("submit", clip, tmp_path / "out", "--profile", SMALL, "--preset", "slower").stdout.strip()
    until(lambda: len(list((tmp_path / "out").glob("tasks/*/*.json"))) >= 2, "two tasks are done")
    folder = next((tmp_path / "out").glob("240p/*"))
    farm_store(farm).fail(job, EncodeError("as if the decoder had crashed three times"))
    assert farm.ended(job)["error"] == "as if the decoder had crashed three times"
    kept = {path: path.stat().st_mtime_ns for path in folder.glob("*.m4s")}
    assert kept, "segments stay for a retry"
    assert farm.run("retry", job, "--watch").returncode == 0
    judge(tmp_path / "out", clip)
    assert farm.job(job)["retries"] == 1
    report = json.loads((tmp_path / "out" / "job.json").read_text())
    again = {task["id"] for task in report["tasks"] if task["attempts"]}
    assert 0 < len(again) < len(report["tasks"])
    assert farm.run("retry", job).returncode == 1


def test_a_source_that_changes_under_a_job_fails_it(farm: Farm, clip: Path, tmp_path: Path) -> None:
    source = tmp_path / "film.mp4"
    source.write_bytes(clip.read_bytes())
    job = farm.run(
        "submit", source, tmp_path / "out", "--profile", SMALL, "--preset", "veryslow"
    ).stdout.strip()
    until(lambda: farm.job(job).get("state") == "encoding", "the job is encoding")
    source.write_bytes(clip.read_bytes() + b"\0")
    ended = farm.ended(job)
    assert (ended["state"], ended["error_kind"]) == ("failed", "source")
    assert "changed" in ended["error"]
    until(lambda: not (tmp_path / "out").exists(), "what was stored is of no use and gone")


def farm_store(farm: Farm) -> TaskStore:
    return TaskStore(connect(farm.redis_url), 1000, 1000)


def test_a_relative_path_in_a_message_is_refused(farm: Farm) -> None:
    broker = RedisBroker(url=farm.redis_url)
    document = json.dumps({"source": "film.mp4", "destination": "/tmp/out"})
    message = broker.enqueue(dramatiq.Message("jobs", "submit", args=(document,), kwargs={}, options={}))
    job = farm.ended(message.message_id)
    assert job["error_kind"] == "spec"
    assert "source" in job["error"]
    assert "absolute" in job["error"]


def test_logs_carry_job_and_task_as_json(farm: Farm, clip: Path, tmp_path: Path) -> None:
    job = farm.run("submit", clip, tmp_path / "out", "--profile", SMALL).stdout.strip()
    tasks = farm.ended(job)["tasks"]
    done = [
        line for name in ("worker-1", "worker-2") for line in farm.log(name) if line["event"] == "task done"
    ]
    assert {line["job"] for line in done} == {job}
    names = {line["task"] for line in done}
    assert len(names) == len(done) == tasks
    assert names > {"audio-0"}
