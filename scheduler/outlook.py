"""What remains of a job, in time and money: for plans, and for jobs that run. Pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

from gopfarm.plan import Plan
from gopfarm.store.pace import Remaining
from scheduler.cost import expected_seconds
from scheduler.simulation import finish_seconds

#: Seconds that a slot waits for its next task, besides what the cost model counts.
HANDOVER_SECONDS = 0.05

_HOUR = 3600


@dataclass(frozen=True)
class Expected:
    """What is expected: seconds until the last task ends, seconds that slots are busy, and what these cost.

    ``price`` is in whatever GOPFARM_SLOT_HOUR_PRICE is in; None where that is not set.
    """

    seconds: float
    slot_seconds: float
    price: float | None = None


def of_plan(plan: Plan, slots: int, hour_price: float | None) -> Expected:
    """Return what a whole plan is expected to take on so many idle slots of the reference machine."""
    tasks = [expected_seconds(task, plan.facts) for task in plan.tasks]
    return _expected(tasks, 1.0, slots, 0.0, hour_price)


def of_job(left: Remaining, slots: int, hour_price: float | None) -> Expected:
    """Return what is still expected of a job that gets so many slots.

    What is done tells how fast the workers are, and how hard this film is. ``price`` is that of the
    whole job, with what it has cost so far.
    """
    return _expected(left.left, left.pace, slots, left.took, hour_price)


def _expected(
    tasks: tuple[float, ...] | list[float], pace: float, slots: int, spent: float, hour_price: float | None
) -> Expected:
    lengths = sorted((seconds * pace + HANDOVER_SECONDS for seconds in tasks), reverse=True)
    ends = finish_seconds(lengths, [0.0] * max(1, min(slots, len(lengths))))
    busy = sum(lengths)
    price = None if hour_price is None else round((busy + spent) * hour_price / _HOUR, 6)
    return Expected(round(ends, 1), round(busy, 1), price)
