"""The job store: every change of state is one atomic step in Redis.

Redis Cluster is not supported: a script touches the keys of a job and the farm's own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import redis

from gopfarm.errors import FarmError, SpecError
from gopfarm.plan import Plan, Task, VideoTask
from gopfarm.redact import redact
from gopfarm.results import TaskResult
from gopfarm.serial import from_json, to_json
from gopfarm.spec import JobSpec
from gopfarm.storage import shown
from gopfarm.store import keys
from gopfarm.store.models import TRANSITIONS, JobState, JobView
from gopfarm.store.scripts import load_scripts

#: Seconds after which a task that was queued but never started is queued again.
QUEUED_LEASE_SECONDS = 900.0

#: Seconds that workers get to notice that a job ended before its unpublished files are removed.
_CLEANUP_DELAY_SECONDS = 3.0

#: Page size of ``recent``.
_MAX_PAGE = 1000


def task_cost(task: Task) -> float:
    """Return how much work a task is, in arbitrary units: it only orders the tasks of one job.

    An audio track is one long task that nothing can share, so it goes first, and so do the subtitles: they
    take little work, but the whole source may have to be read for them.
    """
    if not isinstance(task, VideoTask):
        return float("1e18")
    pixels = sum(rendition.width * rendition.height for rendition in task.renditions)
    return float(pixels * (task.end - task.start))


class JobStore:
    """Jobs, their tasks and their leases.

    Args:
        client: A connection that decodes responses.
        job_ttl_seconds: How long ended jobs are remembered.
    """

    def __init__(self, client: redis.Redis, job_ttl_seconds: float) -> None:
        self._redis = client
        self._ttl = int(job_ttl_seconds)
        self._scripts = load_scripts(client)

    def _run(self, script: str, names: Sequence[str], arguments: Iterable[object]) -> Any:
        return self._scripts[script](keys=list(names), args=[_argument(value) for value in arguments])

    # The life of a job.

    def create(self, job_id: str, spec: JobSpec) -> bool:
        """Remember a new job; False if the id is known already (then nothing changes)."""
        fields = {"spec": spec.model_dump_json(), "tenant": spec.tenant, "priority": spec.priority}
        return self._create(job_id, fields)

    def reject(self, job_id: str, document: str, error: FarmError) -> None:
        """Remember a submission that is not a valid spec, so that its sender can find out why."""
        fields = {"rejected": redact(document[:4096]), "tenant": "default", "priority": 0}
        self._create(job_id, fields)
        if not self._redis.hexists(keys.job(job_id), "spec"):  # else it is the id of a real job
            self.fail(job_id, error)

    def _create(self, job_id: str, fields: Mapping[str, object]) -> bool:
        arguments = [job_id, time.time(), keys.job(""), *_pairs(fields)]
        return bool(self._run("create", [keys.job(job_id), keys.JOBS], arguments))

    def move(self, job_id: str, to: JobState, **fields: object) -> bool:
        """Move a job to a state, if the state machine allows it from where the job is."""
        origins = ",".join(TRANSITIONS[to])
        arguments = [time.time(), to.value, origins, *_pairs(fields)]
        moved, _ = self._run("transition", [keys.job(job_id)], arguments)
        if moved and to.ended:
            self._end(job_id)
        return bool(moved)

    def fail(self, job_id: str, error: FarmError) -> bool:
        """End a job as failed, with the reason; False if it had ended before."""
        failed = self.move(job_id, JobState.FAILED, error_kind=error.kind, error=redact(str(error)))
        if failed:
            self.want_cleanup(job_id)
        return failed

    def cancel(self, job_id: str) -> bool:
        """End a job as cancelled; False if it had ended before or is being published."""
        cancelled = self.move(job_id, JobState.CANCELLED)
        if cancelled:
            self.want_cleanup(job_id)
        return cancelled

    def _end(self, job_id: str) -> None:
        with self._redis.pipeline() as pipe:
            pipe.srem(keys.ACTIVE, job_id)
            for name in (keys.job(job_id), *(part(job_id) for part in keys.PARTS)):
                pipe.expire(name, self._ttl)
            pipe.execute()

    def start_encoding(self, job_id: str, plan: Plan) -> bool:
        """Save the plan and open its tasks for dispatch; False if the job is not being planned any more."""
        parts = (keys.plan, keys.tasks, keys.pending)
        names = [keys.job(job_id), keys.ACTIVE, *(part(job_id) for part in parts)]
        tasks = [item for task in plan.tasks for item in (task.id, to_json(task), -task_cost(task))]
        return bool(
            self._run("start_encoding", names, [job_id, time.time(), plan.hash, to_json(plan), *tasks])
        )

    # Reading.

    def spec(self, job_id: str) -> JobSpec:
        """Return a job's spec.

        Raises:
            SpecError: There is no such job.
        """
        document = cast("str | None", self._redis.hget(keys.job(job_id), "spec"))
        if document is None:
            raise SpecError(f"there is no job {job_id}")
        return JobSpec.model_validate_json(document)

    def state(self, job_id: str) -> JobState | None:
        """Return a job's state; None if there is no such job."""
        state = cast("str | None", self._redis.hget(keys.job(job_id), "state"))
        return JobState(state) if state else None

    def plan(self, job_id: str) -> Plan | None:
        """Return a job's plan; None if it has none yet."""
        document = cast("str | None", self._redis.get(keys.plan(job_id)))
        return from_json(Plan, document) if document else None

    def results(self, job_id: str) -> list[TaskResult]:
        """Return the results of the tasks that are done."""
        documents = cast("list[str]", self._redis.hvals(keys.results(job_id)))
        return [from_json(TaskResult, document) for document in documents]

    def progress(self, job_id: str) -> dict[str, int]:
        """Return the frames or samples done so far by each task that was started."""
        found = cast("dict[str, str]", self._redis.hgetall(keys.progress(job_id)))
        return {task: int(value) for task, value in found.items()}

    def attempts(self, job_id: str) -> dict[str, int]:
        """Return how often each task was started."""
        found = cast("dict[str, str]", self._redis.hgetall(keys.attempts(job_id)))
        return {task: int(value) for task, value in found.items()}

    def view(self, job_id: str) -> JobView | None:
        """Return a job as users see it; None if there is no such job."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(keys.job(job_id))
            pipe.hlen(keys.tasks(job_id))
            pipe.hlen(keys.results(job_id))
            fields, tasks, done = pipe.execute()
        if not fields:
            return None
        spec = json.loads(fields.get("spec", "{}"))
        state = JobState(fields["state"])
        share = done / tasks if tasks else 0.0
        return JobView(
            id=job_id,
            state=state,
            tenant=fields["tenant"],
            priority=int(fields["priority"]),
            source=shown(spec.get("source", "")),
            destination=shown(spec.get("destination", "")),
            metadata=spec.get("metadata", {}),
            times={
                name.removeprefix("at:"): float(value)
                for name, value in sorted(fields.items(), key=lambda item: item[1])
                if name.startswith("at:")
            },
            error_kind=fields.get("error_kind"),
            error=fields.get("error"),
            plan_hash=fields.get("plan_hash"),
            tasks=tasks,
            tasks_done=done,
            progress=1.0 if state is JobState.DONE else share,
            master=fields.get("master"),
        )

    def recent(self, limit: int = 50) -> list[JobView]:
        """Return the jobs submitted last, newest first. Forgotten ones are dropped from the index."""
        limit, found = min(limit, _MAX_PAGE), dict[str, JobView]()
        while len(found) < limit:
            ids = cast("list[str]", self._redis.zrevrange(keys.JOBS, len(found), limit - 1))
            views = {job_id: self.view(job_id) for job_id in ids}
            found |= {job_id: view for job_id, view in views.items() if view is not None}
            gone = [job_id for job_id, view in views.items() if view is None]
            if not gone:
                break
            self._redis.zrem(keys.JOBS, *gone)
        return list(found.values())

    def strays(self, limit: int, seconds: float) -> list[JobView]:
        """Return those of the latest ``limit`` jobs that nobody works on.

        They are between two steps, or in a step that no scheduler has claimed, since so many seconds.
        """
        waiting = (JobState.QUEUED, JobState.PROBING, JobState.PLANNING, JobState.STITCHING)
        oldest = time.time() - seconds
        return [
            view
            for view in self.recent(limit)
            if view.state in waiting
            and max(view.times.values()) < oldest
            and not self._redis.exists(keys.step(view.id))
        ]

    # Removing what a job left behind.

    def want_cleanup(self, job_id: str) -> None:
        """Ask for the removal of the files that an ended job did not publish."""
        self._redis.zadd(keys.CLEANUP, {job_id: time.time() + _CLEANUP_DELAY_SECONDS})

    def due_cleanups(self) -> list[str]:
        """Return jobs whose files are to be removed now."""
        return cast("list[str]", self._redis.zrangebyscore(keys.CLEANUP, 0, time.time()))

    def cleaned(self, job_id: str) -> None:
        """Note that a job's unpublished files are gone."""
        self._redis.zrem(keys.CLEANUP, job_id)


def _argument(value: object) -> str | bytes:
    return (
        value if isinstance(value, (str, bytes)) else repr(value) if isinstance(value, float) else str(value)
    )


def _pairs(fields: Mapping[str, object]) -> list[object]:
    return [item for pair in fields.items() if pair[1] is not None for item in pair]
