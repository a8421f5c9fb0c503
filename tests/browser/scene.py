"""A farm that stands still, so that what the dashboard shows of it is known.

It is filled by the very calls that schedulers and workers make; nobody takes any work from it.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import redis

from gopfarm.errors import EncodeError
from gopfarm.plan import Plan
from gopfarm.results import TaskResult
from gopfarm.spec import JobSpec
from gopfarm.store import Fleet, JobState, Leadership, TaskStore, WorkerView, connect
from scheduler.shape import Grouping, Shape
from tests.gopfarm.store.jobs import QUEUE, begin, bring_to, store_on
from tests.scheduler.facts import audio_facts, plan_of, source_facts, video_facts

GPU_QUEUE = "encode.nvenc"
#: A name that would be a script if it became markup anywhere.
HOSTILE = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>.mp4"

_PULSE_SECONDS = 2.0

#: Nobody renews the leases of what seems to run.
_LEASE_SECONDS = 900.0


def plan_of_length(seconds: int, chunk_seconds: int = 10) -> Plan:
    """A film in chunks of which each has two tasks, and one track of sound."""
    facts = source_facts(
        video_facts(25 * seconds, size=(1920, 1080)), audio_facts(duration=Fraction(seconds))
    )
    return plan_of(facts, shape=Shape(Fraction(chunk_seconds), grouping=Grouping.LARGEST_APART))


def token_of(number: int) -> str:
    """How a worker names itself when it runs a task: two of them take turns."""
    return f"worker-{number % 2 + 1}#{number}"


class Scene:
    """Workers, schedulers and jobs as the store knows them. A context manager: it keeps them alive."""

    def __init__(self, client: redis.Redis, url: str) -> None:
        self.store: TaskStore = store_on(client)
        self._pulse_client = connect(url)
        self._fleet = Fleet(self._pulse_client)
        self._leadership = Leadership(self._pulse_client, "scheduler-1")
        self._workers: dict[str, WorkerView] = {}
        self._schedulers = ["scheduler-1", "scheduler-2"]
        self._stopped = threading.Event()
        self._changing = threading.Lock()
        self._thread = threading.Thread(target=self._live, name="pulse", daemon=True)

    def __enter__(self) -> Scene:
        self._pulse()
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stopped.set()
        self._thread.join()
        self._pulse_client.close()

    def _live(self) -> None:
        while not self._stopped.wait(_PULSE_SECONDS):
            self._pulse()

    def _pulse(self) -> None:
        with self._changing:
            for worker in self._workers.values():
                self._fleet.announce(worker)
            for name in self._schedulers:
                self._fleet.announce_scheduler(name)
            if self._schedulers:
                self._leadership.keep()

    def add_workers(
        self,
        count: int,
        slots: Mapping[str, int],
        encoders: tuple[str, ...] = ("libx264",),
        name: str = "worker",
    ) -> None:
        """Let workers live that are named by number."""
        for number in range(1, count + 1):
            worker = WorkerView(
                id=f"{name}-{number}",
                host=f"{name}-{number}.farm",
                pid=100 + number,
                slots=dict(slots),
                encoders=encoders,
                seen=0.0,
            )
            self._workers[worker.id] = worker
        self._pulse()

    def remove_workers(self) -> None:
        """Let all workers leave."""
        with self._changing:
            for worker_id in self._workers:
                self._fleet.leave(worker_id)
            self._workers.clear()

    def remove_schedulers(self) -> None:
        """Let all schedulers leave."""
        with self._changing:
            for name in self._schedulers:
                self._fleet.scheduler_leaves(name)
            self._schedulers.clear()
            self._leadership.leave()

    def add_job(self, job_id: str, state: JobState = JobState.QUEUED, **fields: Any) -> JobSpec:
        """Bring a job of some tenant to a state."""
        spec = spec_of(job_id, **fields)
        bring_to(self.store, job_id, state, spec)
        return spec

    def encode(
        self, job_id: str, plan: Plan, done: int = 0, running: int = 0, queued: int = 0, **fields: Any
    ) -> None:
        """Let a job encode: so many of its tasks are done, running (half done) and queued, in their order.

        The first task needed two attempts.
        """
        begin(
            self.store, job_id, spec_of(job_id, **fields), plan, costs={task.id: 4.0 for task in plan.tasks}
        )
        for number in range(done + running):
            token = token_of(number)
            run = self.start(job_id, plan, token)
            if number == 0:
                error = EncodeError(f"{HOSTILE}: it crashed")
                self.store.give_back(job_id, run, token, 3, error)
                run = self.start(job_id, plan, token)
            if number < done:
                self.finish(job_id, plan, run, token)
        for _ in range(queued):
            assert self.store.give_out(job_id, QUEUE) is not None

    def start(self, job_id: str, plan: Plan, token: str) -> str:
        """Let a worker be half done with the next task of a job; return its run."""
        given = self.store.give_out(job_id, QUEUE)
        assert given is not None
        started = self.store.start(job_id, given.run, token, _LEASE_SECONDS)
        assert not isinstance(started, str)
        length = sum(segment.length for segment in started.task.segments)
        assert self.store.renew(job_id, given.run, token, _LEASE_SECONDS, length // 2, plan.hash)
        return given.run

    def finish(self, job_id: str, plan: Plan, run: str, token: str) -> None:
        """Deliver a task's result."""
        result = TaskResult(run, (), 100, 0, 2.0, 1.9, 50_000_000)
        self.store.finish(job_id, run, token, result, 100, plan.hash)

    def publish(self, job_id: str, stream: Path, **fields: Any) -> None:
        """Let a job be done whose stream lies in a folder. The report there becomes that of the job."""
        report = json.loads((stream / "job.json").read_text())
        report["job"]["id"] = job_id
        (stream / "job.json").write_text(json.dumps(report))
        spec = spec_of(job_id, **({"destination": str(stream)} | fields))
        bring_to(self.store, job_id, JobState.STITCHING, spec)
        master = str(stream / "master.m3u8")
        assert self.store.move(job_id, JobState.DONE, plan_hash=report["plan"], master=master)


def spec_of(job_id: str, **fields: Any) -> JobSpec:
    """The spec of a job that is told from others by its id."""
    usual = {"source": f"s3://films/{job_id}.mp4", "destination": f"s3://streams/{job_id}"}
    return JobSpec.model_validate(usual | fields)


def usual_scene(scene: Scene) -> None:
    """What most tests look at: two pools, three tenants, five jobs in several states."""
    scene.add_workers(2, {QUEUE: 2})
    scene.add_workers(1, {GPU_QUEUE: 1}, ("h264_nvenc", "libx264"), name="gpu")
    scene.add_job("waits", tenant="school", priority=2)
    scene.add_job("broken", JobState.FAILED, tenant="school", source=f"s3://films/{HOSTILE}")
    scene.add_job("stopped", JobState.CANCELLED, tenant="school")
    # Names without a place to break, as uploads have them.
    scene.add_job("long-name", source=f"s3://films/{'x' * 200}.mp4", tenant="t" * 60)
    time.sleep(0.01)  # so that which is the newest does not depend on the clock's grain
    scene.encode("film", plan_of_length(120), done=6, running=3, queued=2, tenant="news", priority=7)
