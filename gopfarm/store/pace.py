"""How fast a job's tasks go against what was expected of them, and how much of it is left."""

from __future__ import annotations

from dataclasses import dataclass

import redis

from gopfarm.store import keys


@dataclass(frozen=True)
class Remaining:
    """What is left of a job, in seconds that the cost model expects of its tasks.

    ``finished`` and ``took`` are the expected and the real seconds of the tasks that are done (of those that
    a worker did for this job), ``left`` the expected seconds of what is left of each other task, and
    ``running`` how many of them are run now.
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
        pipe.hlen(keys.owners(job_id))
        orders, seconds, results, progress, running = pipe.execute()
    if not orders:
        return None
    done = set(results)
    finished = took = 0.0
    left = []
    for task, order in orders.items():
        _, _, expected, length = order.split()
        if task not in done:
            share = min(1.0, int(progress.get(task, 0)) / max(1, int(length)))
            left.append(float(expected) * (1 - share))
        elif task in seconds:
            finished += float(expected)
            took += float(seconds[task])
    return Remaining(finished, took, tuple(left), running)
