"""The loops of a fleet, each in a process of its own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from math import ceil
from multiprocessing.connection import Connection
from typing import Any

from bench.control_plane.fleet import PretendingFleet, Tally

#: Slots of a worker.
_SLOTS_PER_WORKER = 50

#: Slots of a loop, and tasks that it does each second: with more it would be late. At most so many loops.
_SLOTS_PER_LOOP = 2500
_TASKS_PER_LOOP = 200
_MOST_LOOPS = 4

#: Slots that come up each second.
_SLOTS_OPENED_PER_SECOND = 300

#: Seconds between a loop's signs of life before it is opened, and after.
_ANNOUNCE_SECONDS = 2.0
_COUNT_SECONDS = 0.1


class Fleets:
    """All the workers.

    Args:
        url: Address of Redis.
        slots: How many slots they have.
        scale: See ``PretendingFleet``.
        rate: How many tasks they will do each second.
    """

    def __init__(self, url: str, slots: int, scale: float, rate: float) -> None:
        context = multiprocessing.get_context("spawn")
        per_worker = min(_SLOTS_PER_WORKER, slots)
        workers = slots // per_worker
        loops = min(_MOST_LOOPS, workers, ceil(max(slots / _SLOTS_PER_LOOP, rate / _TASKS_PER_LOOP)))
        self.slots = workers * per_worker
        self._opening, self._closing = context.Event(), context.Event()
        self._counts = [context.Value("q", 0, lock=False) for _ in range(loops)]
        self._loops = []
        for loop, count in enumerate(self._counts):
            ours, theirs = context.Pipe(duplex=False)
            numbers = range(loop, workers, loops)
            signals = (self._opening, self._closing, count, theirs)
            process = context.Process(
                target=_serve,
                args=(url, numbers, per_worker, scale, _SLOTS_OPENED_PER_SECOND / loops, *signals),
                daemon=True,
            )
            process.start()
            self._loops.append((process, ours))

    def open(self) -> None:
        """Let the slots take tasks."""
        self._opening.set()

    def started(self) -> int:
        """Return how many tasks were started until just now."""
        return sum(count.value for count in self._counts)

    def pids(self) -> list[int]:
        """Return the ids of the processes."""
        return [process.pid for process, _ in self._loops if process.pid is not None]

    def close(self) -> Tally:
        """Stop all workers; return what they saw, in the order of time."""
        self._closing.set()
        self._opening.set()
        tallies = [pipe.recv() for _, pipe in self._loops]
        for process, _ in self._loops:
            process.join()
        self._loops = []
        return Tally(
            starts=sorted((start for tally in tallies for start in tally.starts), key=lambda start: start.at),
            refused=sum(tally.refused for tally in tallies),
            unwanted=sum(tally.unwanted for tally in tallies),
        )


def _serve(
    url: str,
    numbers: Sequence[int],
    slots: int,
    scale: float,
    slots_per_second: float,
    opening: Any,
    closing: Any,
    count: Any,
    tell: Connection,
) -> None:
    """Run one loop, in its own process."""
    fleet = PretendingFleet(url, numbers, slots, scale, seed=numbers[0])

    def is_closing() -> bool:
        count.value = len(fleet.tally.starts)
        return bool(closing.is_set())

    fleet.announce()
    while not opening.wait(_ANNOUNCE_SECONDS):
        fleet.announce()
    fleet.open(slots_per_second)
    fleet.run(is_closing, _COUNT_SECONDS)
    fleet.close()
    tell.send(fleet.tally)
