"""One run as a fault sees it: the farm, its Redis, the jobs, a clock, and a diary."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import redis

from tests.chaos.farm import WORKERS, Farm
from tests.chaos.film import Film
from tests.chaos.logs import DONE, STARTED, TWIN
from tests.chaos.places import Place
from tests.chaos.valkey import Valkey

#: Seconds between looks at the farm.
_TICK_SECONDS = 0.05

ENDED = ("done", "failed", "cancelled")


class MissedError(Exception):
    """The job was over before the fault could happen."""


class HungError(Exception):
    """What had to happen did not, within a time that is more than enough."""


class RefusedError(Exception):
    """A command of the farm did not do what it was asked to."""


@dataclass
class Job:
    """A job of the run, and the state that it has to end in.

    ``id`` is that of the latest submission; ``ids`` are all it has had.
    """

    name: str
    place: Place
    id: str = ""
    ids: list[str] = field(default_factory=list)
    expected: str = "done"
    failed_rightly: bool = False  # before it was sent through again


@dataclass(frozen=True)
class Injection:
    """A fault that has happened.

    Args:
        kind: What it was.
        victim: Whom it met.
        at: When, in seconds since 1970.
        healed: From when on the farm could work as if nothing had been.
        hands: Tasks that were in somebody's hands and in danger, as (job, task).
        victims: Worker ids of those who had them.
    """

    kind: str
    victim: str
    at: float
    healed: float
    hands: tuple[tuple[str, str], ...] = ()
    victims: tuple[str, ...] = ()


@dataclass(frozen=True)
class Storage:
    """Where a run's film lies and where its jobs publish.

    Args:
        place: Makes the destination of a job from its name.
        source: What jobs are told to transcode.
        environment: What the farm has to be told to reach both.
        proxy: The ``tests.faults.proxy.FaultProxy`` between the farm and the storage, where there is one.
    """

    place: Callable[[str], Place]
    source: str
    environment: dict[str, str] = field(default_factory=dict)
    proxy: Any = None


@dataclass
class Scene:
    """Everything that a fault may touch."""

    rng: random.Random
    film: Film
    farm: Farm
    valkey: Valkey
    jobs: list[Job]
    storage: Storage
    lease_seconds: float
    deadline: float  # on the monotonic clock: beyond it the run hangs
    injections: list[Injection] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    diary: list[tuple[float, str]] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Write down what happens now."""
        self.diary.append((time.time(), text))

    def sleep(self, seconds: float) -> None:
        """Let time pass; the dead are started again meanwhile."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.farm.tend()
            time.sleep(min(_TICK_SECONDS, left))

    def until(self, condition: Callable[[], Any], what: str, seconds: float | None = None) -> Any:
        """Wait until a condition holds and return its value.

        Raises:
            HungError: It did not hold in time.
        """
        end = self.deadline if seconds is None else min(self.deadline, time.monotonic() + seconds)
        while True:
            if value := condition():
                return value
            if time.monotonic() >= end:
                raise HungError(f"in vain waited until {what}")
            self.sleep(_TICK_SECONDS)

    def submit(self, job: Job) -> None:
        """Submit a job, or submit it again, as a backend does: with a key of its own.

        Raises:
            RefusedError: The command failed.
        """
        done = self.farm.command(
            "submit", self.storage.source, job.place.url, "--profile", self.film.ladder, "--key", job.name
        )
        if done.returncode:
            raise RefusedError(f"submit: {done.stderr.strip() or done.returncode}")
        job.id = done.stdout.strip()
        if job.id not in job.ids:
            job.ids.append(job.id)
        self.note(f"submitted {job.name} as {job.id}")

    def state(self, job: Job) -> str:
        """Return a job's state as Redis has it; empty while Redis does not say."""
        try:
            with self.valkey.client(1.0) as client:
                return str(client.hget(f"gopfarm:job:{job.id}", "state") or "")
        except redis.RedisError:
            return ""

    def ended(self) -> bool:
        """Tell whether all jobs have ended."""
        return all(self.state(job) in ENDED for job in self.jobs)

    def count(self, event: str) -> int:
        """Return for how many tasks an event was logged."""
        return len({line.task for line in self.farm.logs.lines() if line.event == event})

    def at_a_random_moment(self, share: float = 0.95) -> None:
        """Wait for a moment drawn from the life of the jobs, at most ``share`` of it.

        It is told by the farm's progress, not by the clock, so that it is the same on a slow machine.

        Raises:
            MissedError: The jobs were over before.
        """
        tasks = self.film.tasks * len(self.jobs)
        moment = self.rng.uniform(-0.12, share)
        delay = self.rng.uniform(0, 1.0)
        if moment < 0:  # while it is submitted, probed and planned
            self.note("the moment: before the first task")
        elif moment > 1 - 1 / (tasks + 1):
            self._await(DONE, tasks)
            delay = self.rng.uniform(0, 0.3)
        else:
            self._await(STARTED, 1 + int(moment * tasks))
        self.sleep(delay)
        self._not_too_late()

    def _await(self, event: str, number: int) -> None:
        self.note(f"the moment: {event!r} {number} times")
        self.until(lambda: self.count(event) >= number or self.ended(), f"{number} of {event!r}")

    def _not_too_late(self) -> None:
        if self.ended():
            raise MissedError

    def busy_worker(self) -> str:
        """Return a worker that is in the middle of a task, at a random moment of the job.

        Raises:
            MissedError: There is none any more.
        """
        self.at_a_random_moment(0.75)

        def busy() -> list[str]:
            self._not_too_late()
            return [name for name in WORKERS if self.farm.alive(name) and self.farm.in_hand(name)]

        names: list[str] = self.until(busy, "a worker is busy")
        return self.rng.choice(names)

    def hit(self, kind: str, victim: str, workers: tuple[str, ...] = ()) -> None:
        """Write down that a fault happens now, and which tasks the workers among its victims have."""
        hands = {task for name in workers for task in self.farm.in_hand(name)}
        if workers:
            hands |= self._fetched()
        victims = tuple(self.farm.worker_id(name) for name in workers)
        now = time.time()
        self.injections.append(Injection(kind, victim, now, now, tuple(sorted(hands)), victims))
        self.note(f"FAULT {kind}: {victim}" + "".join(f" [{task}]" for _, task in sorted(hands)))

    def _fetched(self) -> set[tuple[str, str]]:
        """Return the tasks whose message a worker has fetched while it was at another task."""
        begun = {line.task for line in self.farm.logs.lines() if line.event == STARTED}
        found = set()
        with suppress(redis.RedisError), self.valkey.client(1.0) as client:
            held = {str(one) for key in client.keys("dramatiq:__acks__.*") for one in client.smembers(key)}
            for key in client.keys("dramatiq:encode.*.msgs"):
                for body in client.hmget(key, sorted(held)) if held else ():
                    job, task = json.loads(body)["args"][:2] if body else ("", "")
                    found.add((str(job), str(task).removesuffix(TWIN)))
        return {task for task in found if task[1]} - begun

    def healed(self) -> None:
        """Write down that the last fault is over: from now on nothing holds the farm up."""
        last = self.injections[-1]
        self.injections[-1] = Injection(
            last.kind, last.victim, last.at, time.time(), last.hands, last.victims
        )
        self.note(f"healed: {last.kind}")
