"""When work will be done: list scheduling, as the farm does it, played through. Pure arithmetic."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence


def finish_seconds(seconds: Iterable[float], free_at: Iterable[float]) -> float:
    """Return when the last of some tasks ends, each given to the slot that is free first.

    Args:
        seconds: How long each task takes, in the order in which they are given out.
        free_at: When each slot has nothing else to do, in seconds from now; at least one.
    """
    slots = list(free_at)
    heapq.heapify(slots)
    last = 0.0
    for task in seconds:
        end = slots[0] + task
        heapq.heapreplace(slots, end)
        last = max(last, end)
    return last


def turnaround_seconds(jobs: Iterable[tuple[float, Sequence[float]]], slots: int) -> list[float]:
    """Return how long each of some jobs takes from its arrival to the end of its last task.

    Jobs are served in the order of their arrival: a slot that is free gets the next task of the oldest.

    Args:
        jobs: When each arrives, in seconds and in this order, and how long its tasks take, in the order in
            which they are given out.
        slots: Slots of the farm, all free at first.
    """
    free = [0.0] * slots
    found = []
    for arrival, tasks in jobs:
        last = arrival
        for task in tasks:
            end = max(free[0], arrival) + task
            heapq.heapreplace(free, end)
            last = max(last, end)
        found.append(last - arrival)
    return found
