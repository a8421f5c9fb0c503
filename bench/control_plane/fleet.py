"""Workers whose slots only pretend to encode: many of them in one event loop, and a few such loops.

What each says to Redis is what a real one says, by the same store and broker, but one thread speaks for all
the workers of a loop, one call after the other. What is due while another one is being served waits for it:
how late the loop was is told apart from the time that the control plane took.
"""

from __future__ import annotations

import random
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import dramatiq

from bench.control_plane.clock import Clock
from bench.control_plane.work import MEASURED, result_of, seconds_of
from encoders.codecs import AUDIO_QUEUE
from gopfarm.broker import DELAYED_POLL_SECONDS, FarmBroker, poll_pause
from gopfarm.plan import Task, plan_hash_of
from gopfarm.store import ANNOUNCE_SECONDS, Fleet, Renewal, StartedTask, TaskStore, WorkerView, connect

#: The one queue of the fleet.
QUEUE = AUDIO_QUEUE

_TTL_SECONDS = 86400
_LEASE_SECONDS = 15.0
_RENEW_SECONDS = 1.0


@dataclass
class Run:
    """A task at a slot."""

    job: str
    run: str
    token: str
    task: Task
    message: str
    seconds: float


@dataclass(frozen=True)
class Start:
    """That a slot started a task. Times are seconds.

    Args:
        at: When, by the monotonic clock.
        job: Of which job.
        latency: Since the loop came to the end of the task before, or the slot came up.
        lag: How late the loop was then.
    """

    at: float
    job: str
    latency: float
    lag: float


@dataclass
class Tally:
    """What was seen.

    All starts, in their order; how many messages were refused, and how many runs were not wanted any more
    when they were renewed.
    """

    starts: list[Start] = field(default_factory=list)
    refused: int = 0
    unwanted: int = 0


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
        self.free: deque[tuple[float, float]] = deque()  # since when each is free, and how late that was
        self.runs: dict[str, Run] = {}
        self.empty_since = time.monotonic()
        self.polling = False


class PretendingFleet:
    """The workers of one loop.

    Args:
        url: Address of Redis.
        numbers: The numbers of the workers.
        slots: How many slots each has.
        scale: A task is pretended to take so many times what is expected, besides the measured spread; 0 is
            no time at all.
        seed: Of what is drawn.
    """

    def __init__(self, url: str, numbers: Sequence[int], slots: int, scale: float, seed: int) -> None:
        self._client = connect(url)
        self._store = TaskStore(self._client, _TTL_SECONDS)
        self._fleet = Fleet(self._client)
        self._scale = scale
        self._random = random.Random(seed)
        self._clock = Clock(seed)
        self._workers = [Worker(number, url, slots) for number in numbers]
        self.tally = Tally()

    def announce(self) -> None:
        """Tell the farm of all workers and their slots."""
        for worker in self._workers:
            self._announce(worker)

    def open(self, slots_per_second: float) -> None:
        """Let the slots take tasks, one worker after the other, as machines of a large fleet start."""
        opening = time.monotonic()
        for number, worker in enumerate(self._workers):
            moment = opening + number * worker.slots / slots_per_second
            self._clock.every(ANNOUNCE_SECONDS, opening, partial(self._announce, worker))
            self._clock.every(_RENEW_SECONDS, moment, partial(self._renew, worker))
            self._clock.every(DELAYED_POLL_SECONDS, moment, partial(self._poll_delayed, worker))
            self._clock.at(moment, partial(self._open, worker))

    def run(self, until: Callable[[], bool], check_seconds: float = 0.5) -> None:
        """Let the slots work until something is so, which is asked every so often."""
        self._clock.run(until, check_seconds)

    def close(self) -> None:
        """Leave the farm."""
        for worker in self._workers:
            self._fleet.leave(worker.id)
            worker.broker.close()
        self._client.close()

    # What keeps a worker alive.

    def _announce(self, worker: Worker) -> None:
        slots = {QUEUE: worker.slots}
        self._fleet.announce(
            WorkerView(id=worker.id, host="bench", pid=1, slots=slots, encoders=("libx264",), seen=0)
        )

    def _poll_delayed(self, worker: Worker) -> None:
        """Look for delayed messages: there are none, but it is the sign of life of a busy process."""
        worker.broker.do_fetch(f"{QUEUE}.DQ", 1)

    def _renew(self, worker: Worker) -> None:
        runs = list(worker.runs.values())
        if not runs:
            return
        renewals = [Renewal(run.job, run.run, run.token, 1, plan_hash_of(run.task)) for run in runs]
        wanted = self._store.renew_many(renewals, _LEASE_SECONDS)
        for run, is_wanted in zip(runs, wanted, strict=True):
            if not is_wanted:
                self.tally.unwanted += 1
                self._store.give_back(run.job, run.run, run.token, 1, None)
                self._let_go(worker, run, time.monotonic(), 0.0)

    # What slots do.

    def _open(self, worker: Worker, due: float) -> None:
        worker.empty_since = now = time.monotonic()
        worker.free.extend([(now, now - due)] * worker.slots)
        self._fetch(worker)

    def _fetch(self, worker: Worker) -> None:
        """Fetch as many messages as there are free slots; if none come, again after a consumer's pause."""
        worker.polling = False
        while worker.free:
            bodies = worker.broker.do_fetch(QUEUE, len(worker.free))
            if not bodies:
                now = time.monotonic()
                worker.polling = True
                self._clock.at(now + poll_pause(now - worker.empty_since), lambda due: self._fetch(worker))
                return
            worker.empty_since = time.monotonic()
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
        now, (free_since, lag) = time.monotonic(), worker.free.popleft()
        self.tally.starts.append(Start(now, job, now - free_since, lag))
        seconds = self._scale and self._scale * seconds_of(started.task) * self._random.choice(MEASURED)
        held = Run(job, run, token, started.task, name, seconds)
        worker.runs[token] = held
        self._clock.at(now + seconds, partial(self._end, worker, held))

    def _end(self, worker: Worker, run: Run, due: float) -> None:
        if run.token not in worker.runs:
            return  # it was not wanted any more
        now = time.monotonic()
        result = result_of(run.task, run.seconds)
        self._store.finish(run.job, run.run, run.token, result, 1, plan_hash_of(run.task))
        self._let_go(worker, run, now, now - due)

    def _let_go(self, worker: Worker, run: Run, free_since: float, lag: float) -> None:
        del worker.runs[run.token]
        worker.broker.do_ack(QUEUE, run.message)
        worker.free.append((free_since, lag))
        worker.empty_since = free_since
        if not worker.polling:
            self._fetch(worker)
