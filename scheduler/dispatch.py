"""Filling the queues: a small window of tasks for the live slots; all else stays in the store."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from encoders.codecs import AUDIO_QUEUE, CODECS
from gopfarm.plan import Task, VideoTask
from gopfarm.settings import Settings
from gopfarm.store import Board, Fleet, TaskStore, WaitingJob
from gopfarm.tenants import TenantPolicy, policy_of
from scheduler.fair import choose, raised_shares, urgencies
from scheduler.window import Window

#: The queues of workers.
QUEUES = tuple(sorted({AUDIO_QUEUE} | {codec.queue for codec in CODECS.values()}))

#: Seconds that a round gives out tasks for at most: a large farm that was idle is filled in several rounds,
#: and the lead is kept, and leases are looked after, between them.
_ROUND_SECONDS = 1.0


def queue_of(task: Task) -> str:
    """Return the queue of the workers that can run a task."""
    return video_queue(task.renditions[0].encoder) if isinstance(task, VideoTask) else AUDIO_QUEUE


def video_queue(encoder: str) -> str:
    """Return the queue of the workers that have a video encoder."""
    return CODECS[encoder].queue


@dataclass(frozen=True)
class Round:
    """What a round of dispatching saw and did.

    ``waiting`` are the jobs that had tasks to give out at its start, ``queued`` the number of tasks that were
    given out, ``slots`` the live slots by queue. ``cut_short``: there was more to give out than time.
    """

    waiting: tuple[WaitingJob, ...]
    queued: int
    slots: Counter[str]
    cut_short: bool = False


class Dispatcher:
    """Moves tasks from the store to the queues, never more than the live slots can soon take.

    A worker holds one message per slot; another message per slot waits in the queue. All else stays in the
    store, where priority and fairness still count. A task that waits in a queue is taken back for a more
    urgent one, which is then next as soon as a slot is free.
    """

    def __init__(self, store: TaskStore, board: Board, fleet: Fleet, settings: Settings) -> None:
        self._board = board
        self._fleet = fleet
        self._settings = settings
        self._window = Window(store, board, settings.tenants)
        self._busy: set[str] = set()

    def fill(self) -> Round:
        """Fill the window of every queue that has live slots."""
        slots = self._fleet.slots()
        queues = [queue for queue in QUEUES if slots[queue] > 0]
        messages = {queue: self._board.messages(queue) for queue in queues}
        self._window.keep({message for waiting in messages.values() for message in waiting})
        jobs = self._board.jobs_with_tasks(QUEUES)
        queued, until = 0, time.monotonic() + _ROUND_SECONDS
        if jobs:
            turn = self._turn(jobs)
            for queue in queues:
                room = slots[queue] - len(messages[queue])
                while (room > 0 or turn.make_room(queue)) and turn.give_out(queue):
                    room = max(0, room - 1)
                    queued += 1
                    if time.monotonic() > until:
                        return Round(tuple(jobs), queued, slots, cut_short=True)
        return Round(tuple(jobs), queued, slots)

    def _turn(self, jobs: Sequence[WaitingJob]) -> _Turn:
        runs = self._board.runs_of_tenants({job.tenant for job in jobs})
        shares = self._board.shares()
        busy = self._board.busy_tenants()
        for tenant, share in raised_shares(shares, busy, self._busy).items():
            self._board.raise_share(tenant, share)
            shares[tenant] = share
        self._busy = busy
        urgency = urgencies(jobs, self._board.now(), self._settings.aging_seconds)
        return _Turn(self._window, jobs, urgency, runs, shares, self._settings.tenants)


class _Turn:
    """One round of giving out: what was known at its start, kept up to date as tasks go out.

    Args:
        window: Where tasks go.
        jobs: Those that have tasks.
        urgency: The urgency of each job.
        runs: How many tasks each tenant has been given.
        shares: The work that each tenant has been given, see ``choose``.
        policies: Limits by tenant.
    """

    def __init__(
        self,
        window: Window,
        jobs: Sequence[WaitingJob],
        urgency: dict[str, int],
        runs: dict[str, int],
        shares: dict[str, float],
        policies: Mapping[str, TenantPolicy],
    ) -> None:
        self._window = window
        self._jobs = {job.id: job for job in jobs}
        self._urgency = urgency
        self._runs = Counter(runs)
        self._shares = shares
        self._policies = policies

    def give_out(self, queue: str) -> bool:
        """Queue the task whose turn it is; False if there is none."""
        while (job := self._next(queue)) is not None:
            entry = self._window.send(job, queue, self._urgency[job.id])
            if entry is None:
                del job.waiting[queue]
                continue
            job.waiting[queue] -= 1
            self._urgency[job.id] = job.priority  # it has just been served
            self._runs[job.tenant] += 1
            self._shares[job.tenant] = self._shares.get(job.tenant, 0.0) + entry.charged
            return True
        return False

    def make_room(self, queue: str) -> bool:
        """Take a task back from a full queue for a more urgent one; False if none waits."""
        job = self._next(queue)
        entry = self._window.recall_below(queue, self._urgency[job.id]) if job is not None else None
        if entry is None:
            return False
        self._runs[entry.tenant] -= 1
        self._shares[entry.tenant] = self._shares.get(entry.tenant, 0.0) - entry.charged
        if (owner := self._jobs.get(entry.given.job)) is not None:
            owner.waiting[queue] = owner.waiting.get(queue, 0) + 1
        return True

    def _next(self, queue: str) -> WaitingJob | None:
        return choose(
            [job for job in self._jobs.values() if job.waiting.get(queue) and self._may_have(job.tenant)],
            self._urgency,
            self._shares,
            self._runs,
        )

    def _may_have(self, tenant: str) -> bool:
        most = policy_of(tenant, self._policies).max_running
        return most is None or self._runs[tenant] < most
