"""What the store tells about jobs: nothing here changes anything."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import cast

import redis

from gopfarm import tracing
from gopfarm.errors import SpecError
from gopfarm.plan import Plan
from gopfarm.results import TaskResult
from gopfarm.serial import from_json
from gopfarm.spec import JobSpec
from gopfarm.storage import shown
from gopfarm.store import keys
from gopfarm.store.client import REDIS_FAULTS
from gopfarm.store.models import Failure, Growing, JobState, JobView
from gopfarm.store.pace import Remaining, remaining
from gopfarm.store.packing import expand
from gopfarm.tracing import JobTrace


class JobReader:
    """Jobs as they are now.

    Args:
        client: A connection that decodes responses.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

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

    def tenant(self, job_id: str) -> str | None:
        """Return whose a job is; None if there is no such job."""
        return cast("str | None", self._redis.hget(keys.job(job_id), "tenant"))

    def tenants(self, job_ids: Iterable[str]) -> dict[str, str | None]:
        """Return whose some jobs are, in one round trip; None for each that does not exist."""
        names = list(dict.fromkeys(job_ids))
        with self._redis.pipeline(transaction=False) as pipe:
            for job_id in names:
                pipe.hget(keys.job(job_id), "tenant")
            return dict(zip(names, pipe.execute(), strict=True))

    def plan(self, job_id: str) -> Plan | None:
        """Return a job's plan; None if it has none yet."""
        document = cast("str | None", self._redis.get(keys.plan(job_id)))
        return from_json(Plan, expand(document)) if document else None

    def results(self, job_id: str) -> list[TaskResult]:
        """Return the results of the tasks that are done."""
        documents = cast("list[str]", self._redis.hvals(keys.results(job_id)))
        return [from_json(TaskResult, expand(document)) for document in documents]

    def results_of(self, job_id: str, task_ids: Sequence[str]) -> list[TaskResult]:
        """Return the results of those of some tasks that are done."""
        if not task_ids:
            return []
        documents = cast("list[str | None]", self._redis.hmget(keys.results(job_id), list(task_ids)))
        return [from_json(TaskResult, expand(document)) for document in documents if document]

    def growing(self, job_id: str) -> Growing | None:
        """Return how far a progressive job is; None if there is no such job."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.hmget(keys.job(job_id), "state", "plan_hash", "shown", "at:encoding")
            pipe.time()
            (state, plan_hash, shown, since), (seconds, _) = pipe.execute()
        if state is None:
            return None
        waited = max(0.0, seconds - float(since)) if since else 0.0
        return Growing(JobState(state), plan_hash, int(shown or 0), waited)

    def all_growing(self) -> set[str]:
        """Return the jobs whose playlists are looked at."""
        return set(cast("list[str]", self._redis.zrange(keys.GROWING, 0, -1)))

    def progress(self, job_id: str) -> dict[str, int]:
        """Return the frames or samples done so far by each run of a task that was started."""
        found = cast("dict[str, str]", self._redis.hgetall(keys.progress(job_id)))
        return {run: int(value) for run, value in found.items()}

    def remaining(self, job_id: str) -> Remaining | None:
        """Return what is left of a job's tasks, and how fast they go; None if it has none."""
        return remaining(self._redis, job_id)

    def attempts(self, job_id: str) -> dict[str, int]:
        """Return how often each task was started."""
        found = cast("dict[str, str]", self._redis.hgetall(keys.attempts(job_id)))
        return {task: int(value) for task, value in found.items()}

    def live_jobs(self) -> list[str]:
        """Return the jobs that have not ended."""
        return sorted(cast("set[str]", self._redis.smembers(keys.LIVE)))

    def live_plans(self) -> list[tuple[str, str | None]]:
        """Return the destination, and the plan's hash if there is one, of every job that has not ended."""
        with self._redis.pipeline(transaction=False) as pipe:
            for job_id in self.live_jobs():
                pipe.hmget(keys.job(job_id), "spec", "plan_hash")
            found = pipe.execute()
        return [(json.loads(spec)["destination"], plan_hash) for spec, plan_hash in found if spec]

    def view(self, job_id: str) -> JobView | None:
        """Return a job as users see it; None if there is no such job."""
        return self.views([job_id])[0]

    def views(self, job_ids: Sequence[str], failures: int | None = None) -> list[JobView | None]:
        """Return jobs as users see them, in one round trip; None for each that does not exist.

        Args:
            job_ids: The jobs.
            failures: How many of the failed attempts at the tasks of each are told, the last ones; all if
                None.
        """
        first = 0 if failures is None else -failures
        with self._redis.pipeline(transaction=False) as pipe:
            for job_id in job_ids:
                pipe.hgetall(keys.job(job_id))
                pipe.hlen(keys.tasks(job_id))
                pipe.hlen(keys.results(job_id))
                pipe.lrange(keys.failures(job_id), first, -1)
            found = pipe.execute()
        return [self._view(job_id, *found[4 * i : 4 * i + 4]) for i, job_id in enumerate(job_ids)]

    @staticmethod
    def _view(
        job_id: str, fields: dict[str, str], tasks: int, done: int, failures: list[str]
    ) -> JobView | None:
        if not fields:
            return None
        spec = json.loads(fields.get("spec", "{}"))
        state = JobState(fields["state"])
        # The parts of a job that has ended are gone: its record has the numbers.
        tasks, done = int(fields.get("tasks", tasks)), int(fields.get("tasks_done", done))
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
            failures=tuple(Failure.model_validate_json(failure) for failure in failures),
            retries=int(fields.get("retries", 0)),
            plan_hash=fields.get("plan_hash"),
            tasks=tasks,
            tasks_done=done,
            progress=1.0 if state is JobState.DONE else share,
            master=fields.get("master"),
            trace_id=JobTrace.of(job_id, [fields.get(name) for name in JobTrace.FIELDS]).trace_id,
        )

    def trace(self, job_id: str) -> JobTrace:
        """Return the trace that a job belongs to, with what logs call the job."""
        values = cast("list[str | None]", self._redis.hmget(keys.job(job_id), JobTrace.FIELDS))
        return JobTrace.of(job_id, values)

    def about(self, job_id: str) -> AbstractContextManager[None]:
        """Have log lines inside the block name a job, and spans belong to it.

        Where Redis cannot tell more, lines name it by its id alone.
        """
        try:
            return tracing.about(self.trace(job_id))
        except REDIS_FAULTS:
            return tracing.about(JobTrace(job_id))
