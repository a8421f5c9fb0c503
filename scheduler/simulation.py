"""When work will be done: list scheduling, as the farm does it, played through. Pure arithmetic."""

from __future__ import annotations

import heapq
from collections.abc import Iterable


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
