"""The life of a job: every change of state is one atomic step in Redis."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import cast

import redis

from gopfarm import tracing
from gopfarm.errors import FarmError, SpecError
from gopfarm.plan import Plan, VideoTask
from gopfarm.profile import EncoderChoice
from gopfarm.redact import redact
from gopfarm.results import TaskResult
from gopfarm.spec import JobSpec
from gopfarm.store import keys
from gopfarm.store.client import now
from gopfarm.store.models import PRIORITIES, TRANSITIONS, JobState
from gopfarm.store.packing import pack_tasks, squeeze
from gopfarm.store.reading import JobReader
from gopfarm.store.scripts import Scripts, pairs
from gopfarm.tracing import TraceContext

#: Stands for "any number" where scripts take a limit.
_NO_LIMIT = -1

#: How much of a submission that was refused is remembered, in characters.
_REJECTED_LENGTH = 4096

#: What a failed job stored is kept no longer than this share of the time for which the job is remembered.
_MOST_KEPT = 0.5


class Created(enum.StrEnum):
    """What became of a submission."""

    CREATED = "created"
    KNOWN = "known"
    FULL = "full"


class JobStore(JobReader):
    """Jobs and what moves them.

    Args:
        client: A connection that decodes responses.
        job_ttl_seconds: How long ended jobs are remembered.
        keep_failed_seconds: How long a failed job keeps what it has stored, so that a retry need not make it
            again.
    """

    def __init__(self, client: redis.Redis, job_ttl_seconds: float, keep_failed_seconds: float = 0.0) -> None:
        super().__init__(client)
        self._ttl = job_ttl_seconds
        self._keep = min(keep_failed_seconds, job_ttl_seconds * _MOST_KEPT)
        self._scripts = Scripts(client)

    def create(
        self,
        job_id: str,
        spec: JobSpec,
        limit: int | None = None,
        head_start: float = 0.0,
        encoder: EncoderChoice = "auto",
        trace: TraceContext | None = None,
        submitted: float | None = None,
    ) -> Created:
        """Remember a new job, unless the id is known or its tenant has ``limit`` jobs that have not ended.

        Among those that wait it is put before others by the seconds of its ``head_start``. ``encoder`` is
        what its profile names: it tells which workers the job will want, before there is a plan. Without a
        ``trace`` (see ``tracing.begin``) it gets a new one. ``submitted`` is when it was sent, in seconds
        since 1970.
        """
        fields: dict[str, object] = {
            "spec": spec.model_dump_json(),
            "tenant": spec.tenant,
            "priority": spec.priority,
            "publish": spec.publish,
            "encoder": encoder,
            "ttl": self._ttl,
            "keep": self._keep,
            "trace": trace or tracing.begin(None),
            "submitted": submitted,
        }
        most = _NO_LIMIT if limit is None else limit
        return Created(self._scripts.run("create", job_id, most, head_start, *pairs(fields)))

    def reject(
        self,
        job_id: str,
        document: str,
        error: FarmError,
        spec: JobSpec | None = None,
        trace: TraceContext | None = None,
        submitted: float | None = None,
    ) -> None:
        """Remember a submission that becomes no job, so that its sender can find out why.

        One that has a valid ``spec`` can be retried.
        """
        fields: dict[str, object] = {
            "rejected": redact(document[:_REJECTED_LENGTH]),
            "spec": spec.model_dump_json() if spec else None,
            "tenant": spec.tenant if spec else "default",
            "priority": spec.priority if spec else 0,
            "publish": spec.publish if spec else None,
            "keep": self._keep,
            "ttl": self._ttl,
            "error_kind": error.kind,
            "error": redact(str(error)),
            "trace": trace or tracing.begin(None),
            "submitted": submitted,
        }
        self._scripts.run("reject", job_id, *pairs(fields))

    def move(self, job_id: str, to: JobState, **fields: object) -> bool:
        """Move a job to a state, if the state machine allows it from where the job is."""
        origins = ",".join(TRANSITIONS[to])
        return bool(self._scripts.run("transition", job_id, to.value, origins, *pairs(fields)))

    def fail(self, job_id: str, error: FarmError) -> bool:
        """End a job as failed, with the reason; False if it had ended before."""
        return self.move(job_id, JobState.FAILED, error_kind=error.kind, error=redact(str(error)))

    def cancel(self, job_id: str) -> bool:
        """End a job as cancelled; False if it had ended before or is being published."""
        return self.move(job_id, JobState.CANCELLED)

    def retry(self, job_id: str, limit: int | None = None, head_start: float = 0.0) -> str:
        """Send a job that failed or was cancelled through again.

        Returns:
            ``retried``; ``full`` if its tenant has ``limit`` jobs that have not ended; else the state that it
            is in, '' if there is no such job.
        """
        return str(self._scripts.run("retry", job_id, _NO_LIMIT if limit is None else limit, head_start))

    def set_priority(self, job_id: str, priority: int, head_start: float = 0.0, weight: float = 1.0) -> str:
        """Change the priority of a job that has not ended; a retry keeps it, the spec stays as it is.

        Args:
            job_id: The job.
            priority: From 0 to 9.
            head_start: By how many seconds the job is put before others for it while it waits.
            weight: That of the job's tenant: tasks that wait in queues are taken back, and what the tenant
                was charged for them.

        Returns:
            ``changed``; the state of a job that has ended; '' if there is no such job.
        """
        if priority not in PRIORITIES:
            raise SpecError(f"priority {priority} is not one of 0 to {PRIORITIES[-1]}")
        return str(self._scripts.run("set_priority", job_id, priority, head_start, weight))

    def start_encoding(
        self,
        job_id: str,
        plan: Plan,
        queues: Mapping[str, str],
        ranks: Mapping[str, int],
        costs: Mapping[str, float],
        finished: Mapping[str, TaskResult],
    ) -> bool:
        """Save the plan and open its tasks for dispatch; False if the job is not being planned any more.

        Args:
            job_id: The job.
            plan: Its plan.
            queues: The queue of each task.
            ranks: Where each task stands among those of its job: the lowest is given out first.
            costs: The seconds that each task is expected to take.
            finished: The results of tasks whose segments lie at the destination already.
        """
        packed = pack_tasks(plan.tasks)
        tasks = [
            item
            for task in plan.tasks
            for item in (
                task.id,
                packed.documents[task.id],
                queues[task.id],
                ranks[task.id],
                costs[task.id],
                sum(segment.length for segment in task.segments),
                squeeze(finished[task.id]) if task.id in finished else "",
            )
        ]
        names = ",".join(sorted(set(queues.values())))
        main = next((queues[task.id] for task in plan.tasks if isinstance(task, VideoTask)), names)
        common = pairs(dict(packed.common))
        head = (plan.hash, squeeze(plan), names, main, float(plan.seconds), len(packed.common))
        return bool(self._scripts.run("start_encoding", job_id, *head, *common, *tasks))

    # Playlists that grow.

    def claim_growing(self, seconds: float) -> str | None:
        """Return a job whose playlists are to be looked at now, and put it off for all others."""
        return cast("str | None", self._scripts.run("claim_growing", seconds))

    def put_off_growing(self, job_id: str, seconds: float) -> None:
        """Have a job's playlists looked at later, if they still grow."""
        self._redis.zadd(keys.GROWING, {job_id: now(self._redis) + seconds}, xx=True)

    def note_shown(self, job_id: str, segments: int, master: str) -> bool:
        """Note how many segments viewers see, at which address; True the first time, which is an event."""
        return bool(self._scripts.run("note_shown", job_id, segments, master))

    def forget_shown(self, job_id: str) -> None:
        """Have a job's playlists written anew at the next look."""
        self._redis.hdel(keys.job(job_id), "shown")

    # Removing what a job left behind.

    def clean_up(self, job_id: str) -> None:
        """Have the unpublished files of an ended job removed (once more)."""
        self._redis.zadd(keys.CLEANUP, {job_id: now(self._redis)})

    def claim_cleanup(self, seconds: float) -> str | None:
        """Return a job whose unpublished files are to be removed now, and put it off for all others."""
        for job_id in self._redis.zrangebyscore(keys.CLEANUP, 0, now(self._redis), start=0, num=1):
            self.put_off_cleanup(str(job_id), seconds)
            return str(job_id)
        return None

    def to_be_cleaned(self) -> list[str]:
        """Return the ended jobs whose unpublished files are still there."""
        return cast("list[str]", self._redis.zrange(keys.CLEANUP, 0, -1))

    def put_off_cleanup(self, job_id: str, seconds: float) -> None:
        """Have a job's files removed later, if they are still to be removed."""
        self._redis.zadd(keys.CLEANUP, {job_id: now(self._redis) + seconds}, xx=True)

    def cleaned(self, job_id: str) -> None:
        """Note that a job's unpublished files are gone."""
        self._redis.zrem(keys.CLEANUP, job_id)
