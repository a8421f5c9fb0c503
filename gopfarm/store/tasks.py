"""The tasks of encoding jobs: who runs what, under which lease, and with what outcome."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import cast

from gopfarm.errors import FarmError
from gopfarm.plan import Task
from gopfarm.redact import redact
from gopfarm.results import TaskResult
from gopfarm.serial import task_from_json, to_json
from gopfarm.store import keys
from gopfarm.store.client import now
from gopfarm.store.jobs import QUEUED_LEASE_SECONDS, JobStore, task_cost
from gopfarm.store.models import JobState


@dataclass(frozen=True)
class StartedTask:
    """A task that a worker has just been given."""

    task: Task
    attempt: int


class Finish(enum.StrEnum):
    """What became of a delivered result."""

    LAST = "last"
    DONE = "done"
    DUPLICATE = "duplicate"
    UNWANTED = "unwanted"


class GivenBack(enum.StrEnum):
    """What became of a task that was given back."""

    RETRY = "retry"
    FAILED = "failed"
    UNWANTED = "unwanted"


class TaskStore(JobStore):
    """The job store with what workers and the dispatcher need of it."""

    def active_jobs(self) -> list[str]:
        """Return the jobs that may have tasks to give out."""
        return sorted(cast("set[str]", self._redis.smembers(keys.ACTIVE)))

    def waiting(self, job_id: str) -> int:
        """Return how many tasks of a job are not given out yet."""
        return self._redis.zcard(keys.pending(job_id))

    def given_out(self) -> list[str]:
        """Return the job of every task that is queued or running."""
        members = cast("list[str]", self._redis.zrange(keys.LEASES, 0, -1))
        return [member.partition(" ")[0] for member in members]

    def take_pending(self, job_id: str) -> Task | None:
        """Take a job's next task to queue it; None if it has none, or is not encoding."""
        names = [keys.job(job_id), keys.pending(job_id), keys.LEASES]
        task_id = self._run("take_pending", names, [job_id, QUEUED_LEASE_SECONDS])
        return None if task_id is None else self.task(job_id, task_id)

    def next_pending(self, job_id: str) -> Task | None:
        """Return the task that ``take_pending`` would take."""
        first = cast("list[str]", self._redis.zrange(keys.pending(job_id), 0, 0))
        return self.task(job_id, first[0]) if first else None

    def task(self, job_id: str, task_id: str) -> Task | None:
        """Return one task of a job."""
        document = cast("str | None", self._redis.hget(keys.tasks(job_id), task_id))
        return task_from_json(document) if document else None

    def start(self, job_id: str, task_id: str, worker: str, lease_seconds: float) -> StartedTask | str:
        """Give a task to a worker; otherwise say why it is not to be run."""
        parts = (keys.job, keys.tasks, keys.owners, keys.attempts, keys.results)
        names = [*(part(job_id) for part in parts), keys.LEASES, keys.pending(job_id)]
        attempt, text = self._run("start", names, [job_id, task_id, worker, lease_seconds])
        return StartedTask(task_from_json(text), attempt) if attempt else str(text)

    def renew(self, job_id: str, task_id: str, worker: str, lease_seconds: float, done: int) -> bool:
        """Keep a task's lease and note its progress; False when the task is not wanted any more."""
        names = [keys.job(job_id), keys.owners(job_id), keys.progress(job_id), keys.LEASES]
        arguments = [job_id, task_id, worker, lease_seconds, done]
        return bool(self._run("renew", names, arguments))

    def finish(self, job_id: str, worker: str, result: TaskResult, done: int) -> Finish:
        """Deliver a result. Any worker may: all attempts at a task write the same bytes."""
        parts = (keys.job, keys.tasks, keys.owners, keys.results, keys.progress)
        names = [*(part(job_id) for part in parts), keys.LEASES, keys.pending(job_id)]
        arguments = [job_id, result.task, worker, to_json(result), done]
        return Finish(self._run("finish", names, arguments))

    def give_back(
        self, job_id: str, task: Task, worker: str, max_attempts: int, error: FarmError | None
    ) -> GivenBack:
        """Give a task back after a failed attempt, or, without an error, unharmed and uncounted."""
        allowed = max_attempts if error is not None else 0
        return self._give_back(job_id, task, worker, allowed, error)

    def take_expired(self, max_attempts: int) -> list[tuple[str, str, GivenBack]]:
        """Take back the tasks whose lease has ended; return job, task and outcome of each."""
        members = cast("list[str]", self._redis.zrangebyscore(keys.LEASES, 0, now(self._redis)))
        outcomes = []
        for member in members:
            job_id, _, task_id = member.partition(" ")
            task = self.task(job_id, task_id)
            if task is None:
                self._redis.zrem(keys.LEASES, member)
                continue
            error = FarmError(f"task {task_id} was tried {max_attempts} times; at last its worker was lost")
            outcomes.append((job_id, task_id, self._give_back(job_id, task, "", max_attempts, error)))
        return outcomes

    def _give_back(
        self, job_id: str, task: Task, worker: str, allowed: int, error: FarmError | None
    ) -> GivenBack:
        parts = (keys.job, keys.owners, keys.attempts, keys.pending)
        names = [*(part(job_id) for part in parts), keys.LEASES, keys.results(job_id)]
        kind, message = (error.kind, redact(str(error))) if error else ("", "")
        arguments = [job_id, task.id, worker, -task_cost(task), allowed, kind, message]
        outcome = GivenBack(self._run("give_back", names, arguments))
        if outcome is GivenBack.FAILED:
            self._end(job_id)
            self.want_cleanup(job_id)
        return outcome

    def busy_tasks(self, job_id: str) -> int:
        """Return how many tasks of a job some worker is running."""
        return self._redis.hlen(keys.owners(job_id))

    def all_done(self, job_id: str) -> bool:
        """Tell whether a job that is encoding has a result for each of its tasks."""
        tasks = self._redis.hlen(keys.tasks(job_id))
        done = self._redis.hlen(keys.results(job_id))
        return self.state(job_id) is JobState.ENCODING and 0 < tasks == done
