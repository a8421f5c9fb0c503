"""How fast a job's tasks go against what was expected of them, and how much of it is left."""

from __future__ import annotations

from dataclasses import dataclass

import redis

from gopfarm.store import keys
from gopfarm.store.client import now

#: Share of a task that must be done before its own pace says something: it begins slowly.
_TELLING = 0.1


@dataclass(frozen=True)
class Remaining:
    """What is left of a job, in seconds that the cost model expects of its tasks.

    ``finished`` are the expected and ``took`` the real seconds of what workers have done for this job so far,
    ``left`` the expected seconds of what is left of each task, and ``running`` how many of them are run now.
    """

    finished: float
    took: float
    left: tuple[float, ...]
    running: int

    @property
    def pace(self) -> float:
        """Real seconds for an expected one; 1 while nothing is known."""
        return self.took / self.finished if self.finished > 0 and self.took > 0 else 1.0


def remaining(client: redis.Redis, job_id: str) -> Remaining | None:
    """Return what is left of a job; None if it has no tasks. ``client`` decodes responses."""
    with client.pipeline(transaction=False) as pipe:
        pipe.hgetall(keys.orders(job_id))
        pipe.hgetall(keys.seconds(job_id))
        pipe.hkeys(keys.results(job_id))
        pipe.hgetall(keys.progress(job_id))
        pipe.hkeys(keys.owners(job_id))
        pipe.hgetall(keys.started(job_id))
        orders, seconds, results, progress, owners, started = pipe.execute()
    if not orders:
        return None
    done, running, moment = set(results), set(owners), now(client)
    finished = took = 0.0
    left = []
    for task, order in orders.items():
        _, _, expected, length = order.split()
        share = 1.0 if task in done else min(1.0, int(progress.get(task, 0)) / max(1, int(length)))
        if task not in done:
            left.append(float(expected) * (1 - share))
        if task in seconds:
            finished += float(expected)
            took += float(seconds[task])
        elif task in running and share >= _TELLING:
            finished += float(expected) * share
            took += moment - float(started.get(task, moment))
    return Remaining(finished, took, tuple(left), len(running))
