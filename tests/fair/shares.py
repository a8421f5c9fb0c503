"""Who had how much of the slots, read from the worker's log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.chaos.logs import DONE, STARTED, Line


@dataclass(frozen=True)
class Share:
    """What a tenant had while all had work waiting: tasks, seconds of slots, and its share of the seconds."""

    tasks: int
    seconds: float
    share: float
    entitled: float

    @property
    def off(self) -> float:
        """How far its share is from what its weight entitles it to, as a part of that."""
        return abs(self.share / self.entitled - 1)


def shares(
    lines: Sequence[Line], tenants: Mapping[str, str], weights: Mapping[str, float]
) -> dict[str, Share]:
    """Measure the shares from the first task to the moment at which some tenant's last one begins.

    Args:
        lines: Logs in the order of time.
        tenants: Tenant by job; every job has one task, and all of them were submitted before the first began.
        weights: By tenant.
    """
    left = Counter(tenants.values())
    begun: dict[str, float] = {}
    spans: list[tuple[str, float, float]] = []
    end = 0.0
    for line in lines:
        job = line.task[0]
        if job not in tenants:
            continue
        if line.event == STARTED:
            begun[job] = line.at
            left[tenants[job]] -= 1
            if left[tenants[job]] == 0 and not end:
                end = line.at
        elif line.event == DONE and job in begun:
            spans.append((tenants[job], begun[job], line.at))
    counted = [(tenant, min(done, end) - start) for tenant, start, done in spans if start < end]
    tasks = Counter(tenant for tenant, _ in counted)
    seconds = {name: sum(span for tenant, span in counted if tenant == name) for name in weights}
    whole, weight = sum(seconds.values()), sum(weights.values())
    return {
        name: Share(tasks[name], seconds[name], seconds[name] / whole, weights[name] / weight)
        for name in weights
    }
