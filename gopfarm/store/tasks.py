"""The tasks of encoding jobs: who runs what, under which lease, and with what outcome.

A run is one execution of a task: its id is the task's, or for a speculative twin the task's with ``~``.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, cast

from gopfarm.errors import FarmError, WorkerLostError
from gopfarm.plan import Task
from gopfarm.redact import redact
from gopfarm.results import TaskResult
from gopfarm.store import keys
from gopfarm.store.client import now
from gopfarm.store.jobs import JobStore
from gopfarm.store.packing import squeeze, unpack_task
from gopfarm.tracing import JobTrace

#: Seconds after which a task that was queued but never started is queued again. A task whose message got lost
#: is found much earlier; this is for messages that wait.
QUEUED_LEASE_SECONDS = 900.0

#: Runs whose lease has ended that are taken back at a time: other duties wait meanwhile.
_MAX_EXPIRED = 1000

#: End of a twin's id.
TWIN = "~"


@dataclass(frozen=True)
class StartedTask:
    """A task that a worker has just been given, and the trace of its job."""

    task: Task
    attempt: int
    trace: JobTrace = field(default=JobTrace(""), compare=False)


@dataclass(frozen=True)
class Given:
    """A task that was sent to its queue, with its message and the seconds that it is expected to take."""

    job: str
    run: str
    queue: str
    message: str
    seconds: float


@dataclass(frozen=True)
class Wanted:
    """A task that is to be given out: the next one of a job for a queue.

    Args:
        job, queue: From where to where.
        weight: That of the job's tenant.
        place: Where in the queue it goes: ``END``, ``FRONT``, behind a message, or behind that of an earlier
            task of the same call (see ``behind``).
    """

    END: ClassVar[str] = ""
    FRONT: ClassVar[str] = "<"

    job: str
    queue: str
    weight: float = 1.0
    place: str = END

    @staticmethod
    def behind(number: int) -> str:
        """Return the place behind the task of that number in the same call, counted from 1."""
        return f"^{number}"


@dataclass(frozen=True)
class Renewal:
    """What keeps a lease: whose it is, and how far the run is.

    Args:
        job, run, token: Who runs what.
        done: Frames or samples done.
        plan: Hash of the plan that the task belongs to: a retried job may have another by now.
    """

    job: str
    run: str
    token: str
    done: int
    plan: str


@dataclass(frozen=True)
class Outlook:
    """How many tasks of a job wait for a queue, and the expected seconds of the first ones of them."""

    waiting: int
    seconds: tuple[float, ...]


def outlook_of(waiting: int, seconds: str) -> Outlook:
    """Read what the script ``outlook`` tells."""
    return Outlook(int(waiting), tuple(map(float, seconds.split())))


@dataclass(frozen=True)
class GivenOut:
    """What was given out for each that was wanted (None: none waited), and what jobs have left, as asked."""

    given: list[Given | None]
    left: dict[tuple[str, str], Outlook]


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
    """The job store with what workers and the dispatcher need of it.

    A worker names itself by a token, "worker#nonce", new for each run: what it asks twice, because an answer
    got lost, happens once.
    """

    def active_jobs(self) -> list[str]:
        """Return the jobs that may have tasks to give out."""
        return sorted(cast("set[str]", self._redis.smembers(keys.ACTIVE)))

    def waiting(self, job_id: str, queue: str) -> int:
        """Return how many tasks of a job for a queue are not given out yet."""
        return self._redis.zcard(keys.pending(job_id, queue))

    def give_out(self, job_id: str, queue: str) -> Given | None:
        """Send the next waiting task of a job to a queue; None if none waits."""
        return self.give_out_many([Wanted(job_id, queue)], {}).given[0]

    def give_out_many(self, wanted: Sequence[Wanted], look: Mapping[tuple[str, str], int]) -> GivenOut:
        """Send a task for each that is wanted to its queue, in this order, and charge the tenants for them.

        Args:
            wanted: From which jobs, for which queues.
            look: Of which jobs, by job and queue, to tell what they have left: so many of their next tasks.
        """
        order = [item for one in wanted for item in (one.job, one.queue, one.weight, one.place)]
        pairs = [item for (job, queue), most in look.items() for item in (job, queue, most)]
        given, left = self._scripts.run("give_out", QUEUED_LEASE_SECONDS, len(wanted), *order, *pairs)
        return GivenOut(
            [
                Given(one.job, got[0], one.queue, got[1], float(got[2])) if got else None
                for one, got in zip(wanted, given, strict=True)
            ],
            {name: outlook_of(*row) for name, row in zip(look, left, strict=True)},
        )

    def give_twin(self, job_id: str, task_id: str) -> bool:
        """Send a task that is being run to a second worker; False if it is done or had a twin before."""
        return bool(self._scripts.run("give_twin", job_id, task_id, QUEUED_LEASE_SECONDS))

    def recall(self, given: Given, charged: float = 0.0) -> bool:
        """Take back a task from its queue, and what was charged for it; False if a worker has fetched it."""
        return bool(self._scripts.run("recall", given.job, given.run, given.message, charged))

    def requeue_lost(self, job_id: str, run: str, message: str) -> bool:
        """Let a run wait again whose message was fetched by a process that was never heard of."""
        return bool(self._scripts.run("requeue_lost", job_id, run, message))

    def queued(self, job_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """Return, by job, the message of every run that is queued."""
        with self._redis.pipeline(transaction=False) as pipe:
            for job_id in job_ids:
                pipe.hgetall(keys.queued(job_id))
            return dict(zip(job_ids, pipe.execute(), strict=True))

    def task(self, job_id: str, run: str) -> Task | None:
        """Return a task by the id of its runs; None if there is no such task."""
        with self._redis.pipeline() as pipe:
            pipe.hget(keys.tasks(job_id), run.removesuffix(TWIN))
            pipe.hgetall(keys.common(job_id))
            document, common = pipe.execute()
        return unpack_task(document, common) if document else None

    # Workers.

    def start(
        self, job_id: str, run: str, token: str, lease_seconds: float, message: str = ""
    ) -> StartedTask | str:
        """Give a run to a worker; otherwise say why it is not to be run.

        ``message`` is the one that the worker was sent, where it knows it.
        """
        attempt, text, *rest = self._scripts.run("start", job_id, run, token, lease_seconds, message)
        if not attempt:
            return str(text)
        common, trace = rest
        names_and_values = iter(common)
        task = unpack_task(text, dict(zip(names_and_values, names_and_values, strict=True)))
        return StartedTask(task, attempt, JobTrace.of(job_id, trace))

    def renew_many(self, renewals: Sequence[Renewal], lease_seconds: float) -> list[bool]:
        """Keep the leases of runs and note their progress; False for each that is not wanted any more."""
        arguments = [item for one in renewals for item in (one.job, one.run, one.token, one.done, one.plan)]
        return list(map(bool, self._scripts.run("renew", lease_seconds, *arguments)))

    def renew(self, job_id: str, run: str, token: str, lease_seconds: float, done: int, plan: str) -> bool:
        """Keep the lease of one run, see ``renew_many``."""
        return self.renew_many([Renewal(job_id, run, token, done, plan)], lease_seconds)[0]

    def finish(self, job_id: str, run: str, token: str, result: TaskResult, done: int, plan: str) -> Finish:
        """Deliver a result. Any worker may: all attempts at a task of a plan write the same bytes."""
        return Finish(self._scripts.run("finish", job_id, run, token, squeeze(result), done, plan))

    def give_back(
        self, job_id: str, run: str, token: str, max_attempts: int, error: FarmError | None
    ) -> GivenBack:
        """Give a run back after a failed attempt, or, without an error, unharmed and uncounted."""
        allowed = max_attempts if error is not None else 0
        return self._give_back(job_id, run, token, allowed, error)

    def take_expired(self, max_attempts: int) -> list[tuple[str, str, GivenBack]]:
        """Take back runs whose lease has ended, a good many at most; return job, run and outcome of each."""
        due = self._redis.zrangebyscore(keys.LEASES, 0, now(self._redis), start=0, num=_MAX_EXPIRED)
        members = cast("list[str]", due)
        lost = WorkerLostError("its worker was lost")
        outcomes = []
        for member in members:
            job_id, _, run = member.partition(" ")
            outcomes.append((job_id, run, self._give_back(job_id, run, "", max_attempts, lost)))
        return outcomes

    def _give_back(
        self, job_id: str, run: str, token: str, allowed: int, error: FarmError | None
    ) -> GivenBack:
        kind, reason = (error.kind, redact(str(error))) if error else ("", "")
        final = reason if allowed <= 1 else f"task {run} was tried {allowed} times; at last: {reason}"
        outcome = self._scripts.run("give_back", job_id, run, token, allowed, kind, reason, final)
        return GivenBack(outcome)

    def busy_runs(self, job_id: str) -> int:
        """Return how many runs of a job's tasks some worker has."""
        return self._redis.hlen(keys.owners(job_id))
