"""The farm as a whole, for whoever looks at it: cheap, however large it is and however many look."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import cast

import redis

from gopfarm.queues import WORKER_QUEUES
from gopfarm.store import keys
from gopfarm.store.board import batched
from gopfarm.store.census import Census, CensusTaker
from gopfarm.store.deliveries import DeliveryStore
from gopfarm.store.farmview import (
    FarmView,
    QueueSlots,
    SchedulerRow,
    TenantRow,
    Throughput,
    Webhooks,
    WorkerRow,
    WorkerTask,
)
from gopfarm.store.fleet import Fleet
from gopfarm.store.models import PRIORITIES, WorkerView
from gopfarm.store.scripts import Scripts
from gopfarm.store.tasks import TWIN
from gopfarm.tenants import TenantPolicy, policy_of

#: Seconds for which a view is given to everybody who asks; more where looking would take more than this share
#: of the time, but no more than the last: Redis may only have been slow to answer once.
_FRESH_SECONDS = 1.0
_SHARE = 0.05
_MOST_SECONDS = 10.0

#: Jobs, or runs, that one script looks at: Redis does nothing else meanwhile.
_PAGE = 250

#: Runs that are told one by one: what a page can show, and no more than a view may cost.
_MAX_RUNS = 1000

_MINUTE = 60


@dataclass
class _Activity:
    """What is at work: by worker the job and id of each run, and by tenant the tasks that run and wait."""

    runs: defaultdict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    running: Counter[str] = field(default_factory=Counter)
    waiting: Counter[str] = field(default_factory=Counter)


class Overview:
    """Looks at the farm. May be used by several threads, which share what one of them has seen.

    Args:
        client: A connection that decodes responses.
        policies: Weights and limits by tenant.
        backlog: Tells from a census, and the video encoders that live workers have, what is left to do: the
            seconds of one slot, by queue.
        clock: Seconds, from any point on.
    """

    def __init__(
        self,
        client: redis.Redis,
        policies: Mapping[str, TenantPolicy],
        backlog: Callable[[Census, Collection[str]], Mapping[str, float]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = client
        self._policies = policies
        self._backlog = backlog
        self._census = CensusTaker(client)
        self._scripts = Scripts(client)
        self._fleet = Fleet(client)
        self._deliveries = DeliveryStore(client, ttl_seconds=0)  # it is only read
        self._clock = clock
        self._lock = Lock()
        self._seen: FarmView | redis.RedisError | None = None
        self._until = 0.0

    def farm(self) -> FarmView:
        """Return the farm as it is, or was a moment ago: callers share a view for about a second.

        So they do with a fault: while Redis hangs, each of those who wait would wait for it anew in turn.

        Raises:
            redis.RedisError: Redis does not answer, or did not a moment ago.
        """
        with self._lock:
            began = self._clock()
            if self._seen is None or began >= self._until:
                try:
                    self._seen = self.look()
                except redis.RedisError as fault:
                    self._seen = fault
                seen = self._clock()
                took = 0.0 if isinstance(self._seen, redis.RedisError) else seen - began
                self._until = seen + min(max(_FRESH_SECONDS, took / _SHARE), _MOST_SECONDS)
            if isinstance(self._seen, redis.RedisError):
                raise self._seen.with_traceback(None)
            return self._seen

    def look(self) -> FarmView:
        """Return the farm as it is now."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.time()
            pipe.get(keys.LEADER)
            pipe.smembers(keys.ACTIVE)
            pipe.smembers(keys.TENANTS)
            for priority in PRIORITIES:
                pipe.scard(keys.priority(priority))
            (seconds, micros), leader, active, tenants, *counts = pipe.execute()
        now, webhooks = seconds + micros / 1e6, self._deliveries.backlog()
        workers = sorted(self._fleet.workers(), key=lambda worker: worker.id)
        activity, census = self._activity(sorted(active)), self._census.take(WORKER_QUEUES)
        return FarmView(
            now=now,
            slots=self._slots(workers, census),
            workers=self._workers(workers, activity, now),
            schedulers=tuple(
                SchedulerRow(id=name, leads=name == leader) for name in self._fleet.schedulers()
            ),
            jobs={state.value: count.jobs for state, count in census.states.items()},
            tenants=self._tenants(sorted(tenants), activity),
            priorities={str(priority): count for priority, count in zip(PRIORITIES, counts, strict=True)},
            webhooks=Webhooks(
                waiting=webhooks.waiting, dead=webhooks.dead, oldest_seconds=webhooks.oldest_seconds
            ),
            throughput=self._throughput(now),
        )

    def _activity(self, jobs: Sequence[str]) -> _Activity:
        activity = _Activity()
        for page in batched(jobs, _PAGE):
            for row in cast("list[str]", self._scripts.run("activity", *page)):
                job, tenant, unfinished, *owners = row.split("\n")
                runs = list(zip(owners[::2], owners[1::2], strict=True))
                running = len({run.removesuffix(TWIN) for run, _ in runs})
                activity.running[tenant] += running
                activity.waiting[tenant] += max(0, int(unfinished) - running)
                for run, worker in runs:
                    activity.runs[worker].append((job, run))
        return activity

    def _slots(self, workers: Sequence[WorkerView], census: Census) -> dict[str, QueueSlots]:
        encoders = {encoder for worker in workers for encoder in worker.encoders}
        backlog = self._backlog(census, encoders)
        return {
            queue: QueueSlots(
                total=sum(worker.slots.get(queue, 0) for worker in workers),
                busy=count.running,
                waiting=count.waiting,
                backlog_slot_seconds=backlog[queue],
            )
            for queue, count in census.queues.items()
        }

    def _workers(
        self, workers: Sequence[WorkerView], activity: _Activity, now: float
    ) -> tuple[WorkerRow, ...]:
        told: list[tuple[str, str]] = []
        for worker in workers:
            runs = activity.runs.get(worker.id, ())
            if len(told) + len(runs) > _MAX_RUNS:
                break
            told.extend(runs)
        rows = self._how_far(told, now)
        return tuple(
            WorkerRow(
                id=worker.id,
                host=worker.host,
                slots=worker.slots,
                encoders=worker.encoders,
                seen_seconds_ago=max(0.0, now - worker.seen),
                running=len(activity.runs.get(worker.id, ())),
                tasks=tuple(rows[run] for run in activity.runs.get(worker.id, ()) if run in rows),
            )
            for worker in workers
        )

    def _how_far(self, runs: Sequence[tuple[str, str]], now: float) -> dict[tuple[str, str], WorkerTask]:
        rows = {}
        for page in batched(runs, _PAGE):
            names = [name for pair in page for name in pair]
            answers = cast("list[str]", self._scripts.run("how_far", *names))
            for (job, run), answer in zip(page, answers, strict=True):
                started, done, length = map(float, answer.split())
                rows[job, run] = WorkerTask(
                    job=job,
                    task=run,
                    elapsed=max(0.0, now - started) if started else 0.0,
                    done=min(1.0, done / max(1.0, length)),
                )
        return rows

    def _tenants(self, tenants: Sequence[str], activity: _Activity) -> tuple[TenantRow, ...]:
        with self._redis.pipeline(transaction=False) as pipe:
            for tenant in tenants:
                pipe.scard(keys.tenant_jobs(tenant))
            jobs = dict(zip(tenants, pipe.execute(), strict=True))
        everything = max(1, activity.running.total())
        return tuple(
            TenantRow(
                tenant=tenant,
                weight=policy_of(tenant, self._policies).weight,
                jobs=count,
                queued=activity.waiting[tenant],
                running=activity.running[tenant],
                share=activity.running[tenant] / everything,
            )
            for tenant, count in jobs.items()
            if count
        )

    def _throughput(self, now: float) -> Throughput:
        """Return what was done since the minute before this one began."""
        minute = int(now // _MINUTE)
        with self._redis.pipeline(transaction=False) as pipe:
            for one in (minute - 1, minute):
                pipe.hmget(keys.throughput(one), "tasks", "media_ms")
            counts = pipe.execute()
        tasks, media = (sum(int(row[place] or 0) for row in counts) for place in range(2))
        seconds = now - (minute - 1) * _MINUTE
        return Throughput(
            tasks_per_minute=_MINUTE * tasks / seconds, media_seconds_per_second=media / 1000 / seconds
        )
