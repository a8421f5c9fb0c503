"""Workers whose slots only pretend to encode: thousands of them in one event loop.

What each says to Redis is what a real one says, by the same store and broker; but one thread speaks for all
of them, one call after the other. A slot that is due while another one is being served waits for it, so
latencies are those of the control plane and of this loop together: an upper bound.
"""

from __future__ import annotations

import random
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from heapq import heappop, heappush

import dramatiq
from dramatiq.common import compute_backoff

from bench.control_plane.work import MEASURED, result_of, seconds_of
from encoders.codecs import AUDIO_QUEUE
from gopfarm.broker import IDLE_POLL_MS, FarmBroker
from gopfarm.plan import Task, plan_hash_of
from gopfarm.store import ANNOUNCE_SECONDS, Fleet, Renewal, StartedTask, TaskStore, WorkerView, connect

#: The one queue of the fleet.
QUEUE = AUDIO_QUEUE

_TTL_SECONDS = 86400
_LEASE_SECONDS = 15.0
_RENEW_SECONDS = 1.0

#: Slots that come up each second.
_SLOTS_OPENED_PER_SECOND = 300


@dataclass
class Run:
    """A task at a slot."""

    job: str
    run: str
    token: str
    task: Task
    message: str
    seconds: float


@dataclass
class Tally:
    """What was seen.

    Of each start, in their order, the job and how long its slot had waited (seconds); of each end of a task
    how much later than it was due this fleet came to it (seconds, a part of what the slot waits after it);
    how many messages were refused, and how many runs were lost to another worker or with their job.
    """

    starts: list[tuple[str, float]] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    refused: int = 0
    lost: int = 0


class Worker:
    """A worker process with some slots.

    Args:
        number: Its number.
        url: Address of Redis.
        slots: How many slots it has.
    """

    def __init__(self, number: int, url: str, slots: int) -> None:
        self.id = f"bench-{number}"
        self.slots = slots
        self.broker = FarmBroker(url, {QUEUE: slots})
        self.free: deque[float] = deque()
        self.runs: dict[str, Run] = {}
        self.misses = 0
        self.polling = False


class PretendingFleet:
    """The workers, and the clock by which they act.

    Args:
        url: Address of Redis.
        workers, slots: How many workers, each with how many slots.
        scale: A task is pretended to take so many times what is expected, besides the measured spread; 0 is
            no time at all.
        seed: Of what is drawn.
    """

    def __init__(self, url: str, workers: int, slots: int, scale: float, seed: int = 1) -> None:
        self._client = connect(url)
        self._store = TaskStore(self._client, _TTL_SECONDS)
        self._fleet = Fleet(self._client)
        self._scale = scale
        self._random = random.Random(seed)
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._count = 0
        self.workers = [Worker(number, url, slots) for number in range(workers)]
        self.tally = Tally()

    def announce(self, slots: bool) -> None:
        """Tell the farm of all workers, with their slots, or without, as workers do whose disk is full."""
        for worker in self.workers:
            self._announce(worker, slots)

    def open(self) -> None:
        """Let the slots take tasks, one worker after the other, as machines of a large fleet start."""
        for number, worker in enumerate(self.workers):
            moment = time.monotonic() + number * worker.slots / _SLOTS_OPENED_PER_SECOND
            self._at(moment, partial(self._open, worker))

    def run(self, until: Callable[[], bool], check_seconds: float = 0.5) -> None:
        """Act until something is so, which is asked every so often."""
        checked = time.monotonic()
        while True:
            now = time.monotonic()
            if now - checked >= check_seconds:
                checked = now
                if until():
                    return
            if not self._events or self._events[0][0] > now:
                time.sleep(min(0.002, max(0.0, self._events[0][0] - now)) if self._events else 0.002)
                continue
            due, _, act = heappop(self._events)
            act(due)

    def close(self) -> None:
        """Leave the farm."""
        for worker in self.workers:
            self._fleet.leave(worker.id)
            worker.broker.close()
        self._client.close()

    def busy(self) -> int:
        """Return how many slots are busy."""
        return sum(len(worker.runs) for worker in self.workers)

    # What a worker does.

    def _open(self, worker: Worker, due: float) -> None:
        worker.free.extend([due] * worker.slots)
        self._every(ANNOUNCE_SECONDS, partial(self._announce, worker))
        self._every(_RENEW_SECONDS, partial(self._renew, worker))
        self._every(IDLE_POLL_MS / 1000, partial(self._poll_delayed, worker))
        self._fetch(worker)

    def _announce(self, worker: Worker, slots: bool = True) -> None:
        offered = {QUEUE: worker.slots} if slots else {}
        self._fleet.announce(
            WorkerView(id=worker.id, host="bench", pid=1, slots=offered, encoders=("libx264",), seen=0)
        )

    def _poll_delayed(self, worker: Worker) -> None:
        """Look for delayed messages: there are none, but it is the sign of life of a busy process."""
        worker.broker.do_fetch(f"{QUEUE}.DQ", 1)

    def _renew(self, worker: Worker) -> None:
        renewals = [
            Renewal(run.job, run.run, run.token, 1, plan_hash_of(run.task)) for run in worker.runs.values()
        ]
        if not renewals:
            return
        wanted = self._store.renew_many(renewals, _LEASE_SECONDS)
        for run, is_wanted in zip(list(worker.runs.values()), wanted, strict=True):
            if not is_wanted:
                self.tally.lost += 1
                self._store.give_back(run.job, run.run, run.token, 1, None)
                self._let_go(worker, run, time.monotonic())

    def _fetch(self, worker: Worker) -> None:
        """Fetch as many messages as there are free slots; if none come, again after dramatiq's pauses."""
        worker.polling = False
        while worker.free:
            bodies = worker.broker.do_fetch(QUEUE, len(worker.free))
            if not bodies:
                worker.misses, pause = compute_backoff(worker.misses, max_backoff=IDLE_POLL_MS)
                if not worker.polling:
                    worker.polling = True
                    self._at(time.monotonic() + pause / 1000, lambda due: self._fetch(worker))
                return
            worker.misses = 0
            for body in bodies:
                self._start(worker, dramatiq.Message.decode(body))

    def _start(self, worker: Worker, message: dramatiq.Message[None]) -> None:
        job, run = message.args
        token = f"{worker.id}#{uuid.uuid4().hex[:8]}"
        name = message.options["redis_message_id"]
        started = self._store.start(job, run, token, _LEASE_SECONDS, message.message_id)
        if not isinstance(started, StartedTask):
            self.tally.refused += 1
            worker.broker.do_ack(QUEUE, name)
            return
        now, free_since = time.monotonic(), worker.free.popleft()
        self.tally.starts.append((job, now - free_since))
        seconds = (
            seconds_of(started.task) * self._scale * self._random.choice(MEASURED) if self._scale else 0.0
        )
        worker.runs[token] = held = Run(job, run, token, started.task, name, seconds)
        self._at(now + seconds, lambda due: self._end(worker, held, due))

    def _end(self, worker: Worker, run: Run, due: float) -> None:
        if run.token not in worker.runs:
            return  # it was not wanted any more
        self.tally.lags.append(time.monotonic() - due)
        self._store.finish(
            run.job, run.run, run.token, result_of(run.task, run.seconds), 1, plan_hash_of(run.task)
        )
        self._let_go(worker, run, due)

    def _let_go(self, worker: Worker, run: Run, free_since: float) -> None:
        del worker.runs[run.token]
        worker.broker.do_ack(QUEUE, run.message)
        worker.free.append(free_since)
        if not worker.polling:
            self._fetch(worker)

    # The clock.

    def _at(self, moment: float, act: Callable[[float], None]) -> None:
        self._count += 1
        heappush(self._events, (moment, self._count, act))

    def _every(self, period: float, act: Callable[[], None]) -> None:
        def again(due: float) -> None:
            act()
            self._at(max(due + period, time.monotonic()), again)

        self._at(time.monotonic() + self._random.uniform(0, period), again)
