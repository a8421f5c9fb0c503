"""Tenants who want the farm at once share it by their weights; the urgent overtake; nobody starves."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.chaos.logs import DONE, STARTED
from tests.fair.farm import SLOTS, FairFarm, fair_farm
from tests.fair.shares import shares

#: Five tenants, of whom none is entitled to as much as another.
WEIGHTS = {"club": 1.0, "museum": 1.5, "school": 2.0, "town": 2.5, "university": 3.0}

#: Jobs for each unit of weight: 200 in all, and 40 in the small version.
MANY, FEW = 20, 4

#: A tenant's share may be so far from what its weight entitles it to, as a part of that.
TOLERANCE = 0.10

#: With few tasks a share cannot be finer than these: a task more or less in each slot is as near as can be.
TASKS_OFF = float(SLOTS)

URGENT, LOW = 9, 0


def submit_all(farm: FairFarm, for_each_unit: int) -> None:
    """Submit the jobs of all tenants, those of one tenant after another's, and wait until all are known."""
    for tenant, weight in WEIGHTS.items():
        for _ in range(int(weight * for_each_unit)):
            farm.submit(tenant)
    farm.until(lambda: len(farm.lines("job submitted")) == len(farm.tenants), "all jobs are known")


def others_done_between_plan_and_start(farm: FairFarm, job: str) -> int:
    """Return how many tasks ended while a planned job still waited for its first slot."""
    planned = farm.first("job planned", job)
    started = farm.first(STARTED, job)
    assert planned is not None
    assert started is not None
    return sum(planned.at < line.at < started.at for line in farm.lines(DONE))


@pytest.mark.slow
def test_200_jobs_of_five_tenants_get_slot_time_by_weight_and_an_urgent_one_overtakes(tmp_path: Path) -> None:
    with fair_farm(tmp_path, WEIGHTS) as farm:
        submit_all(farm, MANY)
        ordinary = dict(farm.tenants)
        farm.start_worker()
        farm.until(lambda: len(farm.lines(STARTED)) > len(ordinary) // 2, "half of the tasks have begun")
        urgent = farm.submit("club", URGENT)
        farm.until(lambda: len(farm.lines(DONE)) == len(farm.tenants), "all tasks are done")
        assert others_done_between_plan_and_start(farm, urgent) <= SLOTS
        measured = shares(farm.logs.lines(), ordinary, WEIGHTS)
    for tenant, share in measured.items():
        print(
            f"{tenant:<11} {share.tasks:>3} tasks  {share.seconds:6.1f} s of slots  "
            f"{share.share:6.1%} of {share.entitled:6.1%}, {share.off:.1%} off",
            file=sys.stderr,
        )
    assert max(share.off for share in measured.values()) <= TOLERANCE, measured


def test_jobs_of_five_tenants_are_begun_by_weight_and_an_urgent_one_overtakes(tmp_path: Path) -> None:
    with fair_farm(tmp_path, WEIGHTS) as farm:
        submit_all(farm, FEW)
        ordinary = dict(farm.tenants)
        farm.start_worker()
        farm.until(lambda: len(farm.lines(STARTED)) > len(ordinary) // 2, "half of the tasks have begun")
        urgent = farm.submit("club", URGENT)
        farm.until(lambda: len(farm.lines(DONE)) == len(farm.tenants), "all tasks are done")
        assert others_done_between_plan_and_start(farm, urgent) <= SLOTS
        measured = shares(farm.logs.lines(), ordinary, WEIGHTS)
    tasks = sum(share.tasks for share in measured.values())
    assert tasks > len(ordinary) // 2, "too little was measured"
    for tenant, share in measured.items():
        assert abs(share.tasks - tasks * share.entitled) <= TASKS_OFF, (tenant, measured)


def test_a_job_of_low_priority_gets_its_turn_under_a_stream_of_urgent_ones(tmp_path: Path) -> None:
    # Some ten seconds after it came it is more urgent than any that comes; the stream would last much longer.
    waiting, most, overtaking = 3 * SLOTS, 150, 3
    with fair_farm(tmp_path, {}, aging_seconds=1) as farm:
        for _ in range(waiting):
            farm.submit("default", URGENT)
        farm.start_worker()
        farm.until(lambda: farm.lines(STARTED), "the farm is at work")
        low = farm.submit("default", LOW)

        def fed() -> bool:
            """Keep urgent jobs waiting until the low one has begun, or there were more than enough."""
            begun = {line.task[0] for line in farm.lines(STARTED)}
            if low in begun or len(farm.tenants) > most:
                return True
            for _ in range(waiting - (len(farm.tenants) - 1 - len(begun))):
                farm.submit("default", URGENT)
            return False

        farm.until(fed, "the low one has its turn")
        order = [line.task[0] for line in farm.lines(STARTED)]
    assert low in order, f"it did not begin before {len(order)} urgent ones had"
    arrived = farm.first("job submitted", low)
    assert arrived is not None
    before = [line for line in farm.lines(STARTED) if line.at > arrived.at and line.task[0] != low]
    assert len(before) >= overtaking, "urgent ones go first"
