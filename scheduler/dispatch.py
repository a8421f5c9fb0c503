"""Which task next: keeps a small window of tasks queued, filled by priority, fair share and age."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from encoders.codecs import AUDIO_QUEUE, CODECS
from gopfarm.broker import FarmBroker, send
from gopfarm.log import get_logger
from gopfarm.plan import Task, VideoTask
from gopfarm.store import Fleet, JobView, TaskStore

log = get_logger(__name__)


def queue_of(task: Task) -> str:
    """Return the queue of the workers that can run a task."""
    if isinstance(task, VideoTask):
        return CODECS[task.renditions[0].encoder].queue
    return AUDIO_QUEUE


@dataclass(frozen=True)
class Candidate:
    """A job that has tasks to give out."""

    job: JobView
    queue: str


def choose(candidates: list[Candidate], running: Counter[str]) -> Candidate | None:
    """Choose the job whose task goes next.

    The highest priority first; among equals the tenant with the fewest tasks queued or running (``running``
    counts them by tenant); then the oldest job.
    """
    return min(
        candidates,
        key=lambda c: (-c.job.priority, running[c.job.tenant], c.job.times.get("queued", 0.0)),
        default=None,
    )


class Dispatcher:
    """Moves tasks from the store to the queues, never more than the live slots can soon take.

    A worker holds one message per slot; another message per slot waits in the queue. All else stays in the
    store, where priority and fairness still count.
    """

    def __init__(self, store: TaskStore, fleet: Fleet, broker: FarmBroker) -> None:
        self._store = store
        self._fleet = fleet
        self._broker = broker

    def fill(self) -> int:
        """Fill the window of every queue that has live slots; return how many tasks were queued."""
        room = {queue: slots - self._broker.waiting(queue) for queue, slots in self._fleet.slots().items()}
        if not any(space > 0 for space in room.values()):
            return 0
        views = {job_id: self._store.view(job_id) for job_id in self._store.active_jobs()}
        tenants = {job_id: view.tenant for job_id, view in views.items() if view is not None}
        running = Counter(tenants[job_id] for job_id in self._store.given_out() if job_id in tenants)
        candidates = [
            Candidate(view, queue)
            for job_id, view in views.items()
            if view is not None and (queue := self._next_queue(job_id)) is not None
        ]
        queued = 0
        while chosen := choose([c for c in candidates if room.get(c.queue, 0) > 0], running):
            candidates.remove(chosen)
            task = self._store.take_pending(chosen.job.id)
            if task is None:
                continue
            send(self._broker, queue_of(task), "encode", chosen.job.id, task.id)
            queued += 1
            room[chosen.queue] -= 1
            running[chosen.job.tenant] += 1
            log.debug("task queued", job=chosen.job.id, task=task.id, queue=queue_of(task))
            following = self._next_queue(chosen.job.id)
            if following is not None:
                candidates.append(Candidate(chosen.job, following))
        return queued

    def _next_queue(self, job_id: str) -> str | None:
        task = self._store.next_pending(job_id)
        return None if task is None else queue_of(task)
