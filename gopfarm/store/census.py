"""The farm counted: how much of what is to be done, for gauges. Cheap, however much it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast, get_args

import redis

from gopfarm.profile import EncoderChoice
from gopfarm.store import keys
from gopfarm.store.board import batched
from gopfarm.store.models import JobState
from gopfarm.store.scripts import Scripts

#: The states of jobs that have not ended.
LIVE_STATES = tuple(state for state in JobState if not state.ended)

#: Jobs that one script adds up: Redis does nothing else meanwhile.
_PAGE = 500

#: Backlogs are kept in whole milliseconds.
_MILLI = 1e-3


@dataclass(frozen=True)
class QueueCount:
    """What planned jobs want of a queue.

    Args:
        waiting: Tasks that have no result, and that no worker has.
        running: Tasks that have no result, and that a worker has. Twins are not counted.
        seconds: What all these are expected to take, by the cost model.
        idle_seconds: For how long the job was given out nothing that has waited longest for it; 0 if no task
            waits.
    """

    waiting: int
    running: int
    seconds: float
    idle_seconds: float


@dataclass(frozen=True)
class StateCount:
    """How many jobs are in a state, and for how many seconds at most one has been (0: none is)."""

    jobs: int
    oldest_seconds: float


@dataclass(frozen=True)
class Census:
    """The farm at a moment.

    Args:
        queues: What planned jobs want, by queue.
        states: The jobs that have not ended, by state.
        unplanned: Jobs without a plan, by the encoder that their profile names.
        planned: By the queue of a job's picture, what the jobs planned lately were expected to take at their
            planning: mean seconds of each queue.
    """

    queues: Mapping[str, QueueCount]
    states: Mapping[JobState, StateCount]
    unplanned: Mapping[EncoderChoice, int]
    planned: Mapping[str, Mapping[str, float]]


class CensusTaker:
    """Counts the farm.

    What jobs want is counted by the scripts that change it, in each job's own record, and added up here over
    those that are encoding: a job takes what it counts with it when it ends, so nothing can be left over.

    Args:
        client: A connection that decodes responses.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._scripts = Scripts(client)

    def take(self, queues: Sequence[str]) -> Census:
        """Count what jobs want of some queues."""
        choices: tuple[EncoderChoice, ...] = get_args(EncoderChoice)
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.time()
            pipe.hgetall(keys.PLANNED)
            for choice in choices:
                pipe.scard(keys.unplanned(choice))
            for state in LIVE_STATES:
                pipe.zcard(keys.state(state))
                pipe.zrange(keys.state(state), 0, 0, withscores=True)
            # Last, so that a job which is being planned just now is counted twice rather than not at all.
            pipe.smembers(keys.ACTIVE)
            (seconds, micros), planned, *counts = pipe.execute()
        now, answers = seconds + micros / 1e6, iter(counts)
        unplanned = {choice: int(next(answers)) for choice in choices}
        states = {state: _state_count(next(answers), next(answers), now) for state in LIVE_STATES}
        return Census(self._queues(sorted(next(answers)), queues, now), states, unplanned, _means(planned))

    def _queues(self, jobs: Sequence[str], queues: Sequence[str], now: float) -> dict[str, QueueCount]:
        pages = [
            cast("list[list[Any]]", self._scripts.run("census", len(queues), *queues, *page))
            for page in batched(jobs, _PAGE)
        ]
        return {
            queue: _queue_count([page[place] for page in pages], now) for place, queue in enumerate(queues)
        }


def _queue_count(rows: Sequence[Sequence[Any]], now: float) -> QueueCount:
    """Add up pages of open tasks, running ones, milliseconds, and since when a job has waited."""
    opened, running, left = (sum(row[place] for row in rows) for place in range(3))
    since = min((float(row[3]) for row in rows if row[3]), default=now)
    return QueueCount(max(0, opened - running), running, max(0, left) * _MILLI, max(0.0, now - since))


def _state_count(jobs: int, oldest: Sequence[tuple[str, float]], now: float) -> StateCount:
    return StateCount(jobs, max(0.0, now - oldest[0][1]) if oldest else 0.0)


def _means(fields: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """Read means of milliseconds, by "queue of the picture, queue"; other fields count jobs."""
    means: dict[str, dict[str, float]] = {}
    for field, value in fields.items():
        main, _, queue = field.partition(" ")
        if queue:
            means.setdefault(main, {})[queue] = int(value) * _MILLI
    return means
