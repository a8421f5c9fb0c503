"""What waits and what runs, farm-wide: what the dispatcher decides by."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, cast

import redis

from gopfarm.store import keys
from gopfarm.store.client import now
from gopfarm.store.scripts import Scripts
from gopfarm.store.tasks import TWIN, Outlook, outlook_of

T = TypeVar("T")

#: At most so many of the jobs that wait to be probed are looked at in a round, the most urgent first.
_MAX_QUEUED = 1000

#: At most so many of the oldest jobs are looked at to find those that are forgotten.
_MAX_TRIMMED = 5000

#: Jobs that one script looks at: Redis does nothing else meanwhile.
_OUTLOOK_PAGE = 500

#: How many of the next tasks of a job that has changed are looked at.
_LOOK_AHEAD = 2

#: Jobs that have changed and are told of at a time.
_MAX_CHANGED = 1000

#: A process that has not touched Redis for so many seconds is dead, and its messages are given again. All
#: long work is done in child processes, so a live process is never silent: it polls several times a second.
_DEAD_SECONDS = 15.0


@dataclass
class WaitingJob:
    """A job that has something to give out.

    ``since`` is when it was given out something last, or was submitted, in seconds since 1970; ``waiting`` is
    the number of its tasks that wait, by queue, and ``ahead`` has the expected seconds of the first of them,
    as far as they are known.
    """

    id: str
    tenant: str
    priority: int
    submitted: float
    since: float
    waiting: dict[str, int] = field(default_factory=dict)
    ahead: dict[str, deque[float]] = field(default_factory=dict)

    def expect(self, queue: str, outlook: Outlook) -> None:
        """Note what waits for a queue."""
        if outlook.waiting:
            self.waiting[queue], self.ahead[queue] = outlook.waiting, deque(outlook.seconds)
        else:
            self.waiting.pop(queue, None)
            self.ahead.pop(queue, None)


@dataclass(frozen=True)
class Survey:
    """The farm at the beginning of a round.

    Messages by queue; the jobs that have changed; and, of each tenant that has jobs which have not ended, how
    many runs it has been given out, queued or running.
    """

    messages: dict[str, int]
    changed: tuple[str, ...]
    runs: dict[str, int]


@dataclass(frozen=True)
class RunningTask:
    """A task that a worker has. Times are seconds, ``expected`` by the cost model; ``done`` is 0 to 1."""

    job: str
    task: str
    queue: str
    elapsed: float
    expected: float
    done: float
    has_twin: bool


@dataclass(frozen=True)
class JobRuns:
    """How a job's tasks do: those that run, and of each finished one its kind, expected and real seconds."""

    running: tuple[RunningTask, ...]
    finished: tuple[tuple[str, float, float], ...]


class Board:
    """The farm's waiting and running work.

    Args:
        client: A connection that decodes responses.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._scripts = Scripts(client)

    def now(self) -> float:
        """Return Redis' own time, in seconds since 1970."""
        return now(self._redis)

    def jobs_with_tasks(self, queues: Sequence[str]) -> list[WaitingJob]:
        """Return the jobs that have tasks waiting for one of the queues."""
        ids = sorted(cast("set[str]", self._redis.smembers(keys.ACTIVE)))
        return [job for job in self.outlook(ids, queues) if job.waiting]

    def outlook(self, ids: Sequence[str], queues: Sequence[str]) -> list[WaitingJob]:
        """Return what jobs have waiting for the queues, be it nothing; without those that are not known."""
        found = []
        for page in batched(ids, _OUTLOOK_PAGE):
            rows = self._scripts.run("outlook", _LOOK_AHEAD, len(queues), *queues, *page)
            for job_id, (tenant, priority, submitted, served, *outlooks) in zip(page, rows, strict=True):
                job = _waiting_job(job_id, (tenant, priority, submitted, served))
                if job is None:
                    continue
                for queue, outlook in zip(queues, batched(outlooks, 2), strict=True):
                    job.expect(queue, outlook_of(*outlook))
                found.append(job)
        return found

    def survey(self, queues: Sequence[str]) -> Survey:
        """Return what has to be known anew in each round. Jobs that have changed are told once."""
        messages, changed, runs = self._scripts.run("survey", _MAX_CHANGED, *queues)
        return Survey(
            dict(zip(queues, messages, strict=True)),
            tuple(changed),
            dict(zip(runs[::2], runs[1::2], strict=True)),
        )

    def wait(self, seconds: float) -> None:
        """Wait until the bell rings, which means that there may be something to do; so long at most."""
        self._redis.blpop([keys.BELL], timeout=seconds)

    def ring(self) -> None:
        """Ring the bell."""
        self._redis.rpush(keys.BELL, 1)

    def has_jobs_to_prepare(self) -> bool:
        """Tell whether jobs wait to be probed."""
        return bool(self._redis.zcard(keys.QUEUED))

    def jobs_to_prepare(self) -> list[WaitingJob]:
        """Return the jobs that wait to be probed."""
        ids = cast("list[str]", self._redis.zrange(keys.QUEUED, 0, _MAX_QUEUED - 1))
        return self.outlook(ids, ())

    def messages(self, queue: str) -> list[str]:
        """Return the ids of the messages of a queue that no process has fetched yet, the next one first."""
        return cast("list[str]", self._redis.lrange(keys.queue(queue), 0, -1))

    def has_messages(self, queue: str) -> bool:
        """Tell whether a queue has messages that no process has fetched yet."""
        return bool(self._redis.llen(keys.queue(queue)))

    def leases(self) -> int:
        """Return how many runs are queued or running."""
        return self._redis.zcard(keys.LEASES)

    def tenants(self) -> list[str]:
        """Return the tenants that have, or had not long ago, jobs that have not ended."""
        return sorted(cast("set[str]", self._redis.smembers(keys.TENANTS)))

    # Fair shares.

    def shares(self) -> dict[str, float]:
        """Return the work given to each tenant so far, in seconds divided by its weight."""
        found = cast("dict[str, str]", self._redis.hgetall(keys.SHARES))
        return {tenant: float(value) for tenant, value in found.items()}

    def raise_share(self, tenant: str, to: float) -> None:
        """Let a tenant that was idle begin where the others are: time not used is not saved up."""
        self._redis.hset(keys.SHARES, tenant, to)

    # Runs.

    def runs(self, job_id: str) -> JobRuns:
        """Return how the tasks of a job do."""
        with self._redis.pipeline(transaction=False) as pipe:
            for part in (keys.owners, keys.started, keys.progress, keys.orders, keys.seconds):
                pipe.hgetall(part(job_id))
            owners, started, progress, orders, seconds = pipe.execute()
        moment = self.now()
        running = []
        for run in owners:
            queue, _, expected, length = orders.get(run, "").split() or ("", "", 0, 0)
            if not queue:
                continue  # a twin: it has no order of its own
            running.append(
                RunningTask(
                    job=job_id,
                    task=run,
                    queue=queue,
                    elapsed=moment - float(started.get(run, moment)),
                    expected=float(expected),
                    done=int(progress.get(run, 0)) / max(1, int(length)),
                    has_twin=run + TWIN in owners,
                )
            )
        finished = tuple(
            (kind_of(task), float(orders[task].split()[2]), float(real))
            for task, real in seconds.items()
            if task in orders
        )
        return JobRuns(tuple(running), finished)

    # Repair.

    def repair_job(self, job_id: str) -> list[str]:
        """Bring the lists that a job should be on in line with what it is; return what was wrong."""
        return cast("list[str]", self._scripts.run("repair", job_id))

    def repair_tenants(self) -> int:
        """Drop what the tenants' lists hold that is no more, and forget idle tenants; return how much it was.

        An idle tenant that is behind all others begins where they are when it comes back, known or not.
        """
        dropped, idle = 0, []
        for tenant in self.tenants():
            found, left = self._scripts.run("repair_tenant", tenant)
            dropped += int(found)
            if not left:
                idle.append(tenant)
        shares = self.shares()
        floor = min((share for tenant, share in shares.items() if tenant not in idle), default=None)
        gone = [tenant for tenant in idle if floor is None or shares.get(tenant, 0.0) <= floor]
        if gone:
            self._redis.hdel(keys.SHARES, *gone)
        return dropped

    def trim_index(self) -> None:
        """Drop forgotten jobs from the index of all jobs."""
        ids = cast("list[str]", self._redis.zrange(keys.JOBS, 0, _MAX_TRIMMED - 1))
        with self._redis.pipeline(transaction=False) as pipe:
            for job_id in ids:
                pipe.exists(keys.job(job_id))
            gone = [job_id for job_id, known in zip(ids, pipe.execute(), strict=True) if not known]
        if gone:
            self._redis.zrem(keys.JOBS, *gone)

    def recover_messages(self, queues: Sequence[str]) -> int:
        """Give the messages of dead processes again: those they had fetched and not finished.

        dramatiq does this by chance, with one command in a thousand, and by a search through all keys.
        """
        return int(self._scripts.run("recover", _DEAD_SECONDS, *queues))


def batched(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield runs of items, each of a size, the last one perhaps shorter."""
    for first in range(0, len(items), size):
        yield items[first : first + size]


def kind_of(task_id: str) -> str:
    """Return the kind of a task (video, audio, subtitles), which its id begins with."""
    return task_id.partition("-")[0]


def _waiting_job(job_id: str, fields: Iterable[str | None]) -> WaitingJob | None:
    tenant, priority, submitted, served = fields
    if tenant is None or priority is None or submitted is None:
        return None
    since = max(float(submitted), float(served or 0))
    return WaitingJob(job_id, tenant, int(priority), float(submitted), since)
