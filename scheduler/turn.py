"""One round of giving out: whose turn it is, again and again, and the tasks that go out for it."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Sequence

from gopfarm.store import Board, WaitingJob
from scheduler.standings import Order, Standing
from scheduler.window import Pick, Window

#: Tasks that are given out by one script at most: Redis does nothing else meanwhile.
_BATCH = 100

#: Of a job that was given so many tasks at once, so many times more are looked at for the next time.
_LOOK_AHEAD = 2


class Turn:
    """What was known at the beginning of a round, kept up to date as tasks go out.

    Tasks go out in batches. That changes nothing in their order: a job is only picked while the expected
    seconds of its next task are known, so what each pick costs is counted before the next one is made.

    Args:
        board: Tells what jobs have.
        window: Where tasks go.
        jobs: Those that have tasks, by id. One that has none any more is taken out.
        queues: All queues.
        standing: Whose turn it is.
        now: The time, in seconds since 1970.
    """

    def __init__(
        self,
        board: Board,
        window: Window,
        jobs: dict[str, WaitingJob],
        queues: Sequence[str],
        standing: Standing,
        now: float,
    ) -> None:
        self._board = board
        self._window = window
        self._jobs = jobs
        self._queues = queues
        self._standing = standing
        self._now = now
        self._orders = {queue: Order(queue, jobs.values(), standing) for queue in queues}
        self._batch: list[Pick] = []

    def give_out(self, queue: str, room: int, time_is_up: Callable[[], bool]) -> int:
        """Give out tasks for a queue until it has no more room, and for more urgent ones take others back.

        Args:
            queue: The queue.
            room: How many tasks it has room for.
            time_is_up: Asked after every batch.

        Returns:
            How many were given out.
        """
        given = 0
        while True:
            while len(self._batch) < _BATCH:
                if room <= 0:
                    if not self._make_room(queue):
                        break
                    room = 1
                if not self._pick(queue):
                    break
                room -= 1
            if not self._batch:
                return given
            wanted = len(self._batch)
            done = self._send()
            given, room = given + done, room + wanted - done
            if time_is_up():
                return given

    def _pick(self, queue: str) -> bool:
        """Add the task whose turn it is to the batch; False if there is none, or the batch must go first."""
        while (job := self._orders[queue].first()) is not None:
            if not job.ahead.get(queue):
                if self._batch:
                    return False
                self._look(job)
                continue
            seconds = job.ahead[queue].popleft()
            urgency, weight = self._standing.urgency[job.id], self._standing.weight(job.tenant)
            self._batch.append(Pick(job, queue, urgency, seconds, weight))
            job.waiting[queue] -= 1
            self._standing.give(job.tenant, 1, seconds)
            if urgency != job.priority:
                self._standing.urgency[job.id] = job.priority  # it has just been served
                self._put([job])
            self._refresh([job.tenant])
            return True
        return False

    def _send(self) -> int:
        """Give out the batch; return how many tasks were there to be given out."""
        batch, self._batch = self._batch, []
        counts = Counter((pick.job.id, pick.queue) for pick in batch)
        sent = self._window.send(batch, {name: _LOOK_AHEAD * count for name, count in counts.items()})
        for pick, entry in zip(batch, sent.entries, strict=True):
            # What was expected has changed meanwhile: a task came back, or the job has ended.
            if entry is None:
                self._standing.give(pick.job.tenant, -1, -pick.seconds)
            elif entry.given.seconds != pick.seconds:
                self._standing.give(pick.job.tenant, 0, entry.given.seconds - pick.seconds)
        served = {pick.job.id: pick.job for pick in batch}
        for (job_id, queue), outlook in sent.left.items():
            served[job_id].since = self._now
            served[job_id].expect(queue, outlook)
        self._settle(served.values())
        return len(batch) - sent.entries.count(None)

    def _make_room(self, queue: str) -> bool:
        """Take a task back from a full queue for a more urgent one; False if none waits."""
        job = self._orders[queue].first()
        entry = self._window.recall_below(queue, self._standing.urgency[job.id]) if job is not None else None
        if entry is None:
            return False
        self._standing.give(entry.tenant, -1, -entry.given.seconds)
        if (owner := self._jobs.get(entry.given.job)) is not None:
            owner.waiting[queue] = owner.waiting.get(queue, 0) + 1
            owner.ahead.setdefault(queue, deque()).clear()
            self._put([owner])
        self._refresh([entry.tenant])
        return True

    def _look(self, job: WaitingJob) -> None:
        """See what a job has by now."""
        job.waiting, job.ahead = {}, {}
        for seen in self._board.outlook([job.id], self._queues):
            job.waiting, job.ahead = seen.waiting, seen.ahead
        self._settle([job])

    def _settle(self, jobs: Collection[WaitingJob]) -> None:
        """Note that jobs may have more or less than was believed."""
        self._put(jobs)
        self._refresh({job.tenant for job in jobs})
        for job in jobs:
            if not job.waiting:
                self._jobs.pop(job.id, None)

    def _put(self, jobs: Iterable[WaitingJob]) -> None:
        for job in jobs:
            for order in self._orders.values():
                order.put(job)

    def _refresh(self, tenants: Iterable[str]) -> None:
        for tenant in tenants:
            for order in self._orders.values():
                order.refresh(tenant)
