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
from scheduler.fair import raised_shares, urgencies
from scheduler.standings import Standing
from scheduler.turn import Turn
from scheduler.window import Window

#: The queues of workers.
QUEUES = tuple(sorted({AUDIO_QUEUE} | {codec.queue for codec in CODECS.values()}))

#: Seconds that a round gives out tasks for at most: a large farm that was idle is filled in several rounds,
#: and the lead is kept, and leases are looked after, between them.
_ROUND_SECONDS = 1.0

#: Seconds after which all jobs are looked at again, and not only those that have changed: whoever led until
#: just now may have been told of changes last. On a farm with very many jobs, so rarely that looking at them
#: takes this share of the time at most.
_ALL_EVERY_SECONDS = 5.0
_ALL_SHARE = 0.02


def queue_of(task: Task) -> str:
    """Return the queue of the workers that can run a task."""
    return video_queue(task.renditions[0].encoder) if isinstance(task, VideoTask) else AUDIO_QUEUE


def video_queue(encoder: str) -> str:
    """Return the queue of the workers that have a video encoder."""
    return CODECS[encoder].queue


@dataclass(frozen=True)
class Round:
    """What a round of dispatching saw and did.

    ``waiting`` are the jobs that had tasks to give out at its start, with what they have left, ``queued`` the
    number of tasks that were given out, ``slots`` the live slots by queue. ``cut_short``: there was more to
    give out than time.
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

    What the jobs have to give out is kept in memory: each round asks only for those that have changed.
    """

    def __init__(self, store: TaskStore, board: Board, fleet: Fleet, settings: Settings) -> None:
        self._board = board
        self._fleet = fleet
        self._settings = settings
        self._window = Window(store, board)
        self._jobs: dict[str, WaitingJob] = {}
        self._all_due = -_ALL_EVERY_SECONDS
        self._busy: set[str] = set()

    def forget(self) -> None:
        """Look at all jobs in the next round: another scheduler led until now."""
        self._all_due = -_ALL_EVERY_SECONDS

    def fill(self) -> Round:
        """Fill the window of every queue that has live slots."""
        slots, survey = self._fleet.slots(), self._board.survey(QUEUES)
        self._window.begin_round(survey.messages)
        self._see(survey.changed)
        jobs, until = tuple(self._jobs.values()), time.monotonic() + _ROUND_SECONDS
        if not jobs:
            return Round(jobs, 0, slots)
        now = self._board.now()
        urgency = urgencies(jobs, now, self._settings.aging_seconds)
        room = {queue: slots[queue] - survey.messages[queue] for queue in QUEUES if slots[queue] > 0}
        most = max(urgency.values())
        wanting = [queue for queue in room if room[queue] > 0 or self._window.has_below(queue, most)]
        if not wanting:
            return Round(jobs, 0, slots)
        turn, queued = self._turn(survey.runs, urgency, now), 0
        for queue in wanting:
            queued += turn.give_out(queue, room[queue], lambda: time.monotonic() > until)
        return Round(jobs, queued, slots, cut_short=time.monotonic() > until)

    def _see(self, changed: Sequence[str]) -> None:
        """Read what jobs have to give out: those that have changed, or all of them when that is due."""
        began = time.monotonic()
        if began >= self._all_due:
            self._jobs = {job.id: job for job in self._board.jobs_with_tasks(QUEUES)}
            took = time.monotonic() - began
            self._all_due = began + max(_ALL_EVERY_SECONDS, took / _ALL_SHARE)
            return
        for job_id in changed:
            self._jobs.pop(job_id, None)
        for job in self._board.outlook(changed, QUEUES):
            if job.waiting:
                self._jobs[job.id] = job

    def _turn(self, runs: Mapping[str, int], urgency: dict[str, int], now: float) -> Turn:
        shares = self._board.shares()
        for tenant, share in raised_shares(shares, runs.keys(), self._busy).items():
            self._board.raise_share(tenant, share)
            shares[tenant] = share
        self._busy = set(runs)
        standing = Standing(urgency, runs, shares, self._settings.tenants)
        return Turn(self._board, self._window, self._jobs, QUEUES, standing, now)
