"""What is expected of plans and of running jobs."""

from __future__ import annotations

import pytest

from gopfarm.store.pace import Remaining
from scheduler.cost import expected_seconds
from scheduler.outlook import of_job, of_plan
from tests.gopfarm.store.jobs import PLAN


def test_a_plan_takes_the_work_of_its_tasks_shared_among_the_slots() -> None:
    work = sum(expected_seconds(task, PLAN.facts) for task in PLAN.tasks)
    alone, shared = of_plan(PLAN, 1, None), of_plan(PLAN, 2, None)
    assert alone.slot_seconds == shared.slot_seconds == pytest.approx(work, rel=0.1)
    assert alone.seconds == alone.slot_seconds
    assert alone.seconds / 2 <= shared.seconds < alone.seconds * 0.7
    assert of_plan(PLAN, 1000, None).seconds >= max(expected_seconds(task, PLAN.facts) for task in PLAN.tasks)


def test_a_price_is_told_where_a_slot_has_one() -> None:
    assert of_plan(PLAN, 2, None).price is None
    free, dear = of_plan(PLAN, 2, 0.0), of_plan(PLAN, 2, 3.6)
    assert free.price == 0
    assert dear.price == pytest.approx(dear.slot_seconds / 1000, rel=0.01)


def test_what_is_left_goes_as_fast_as_what_is_done_went() -> None:
    left = Remaining(finished=10.0, took=20.0, left=(10.0, 10.0, 5.0, 5.0), running=2)
    assert of_job(left, 2, None).seconds == pytest.approx(30, abs=0.2)
    assert of_job(left, 1, None).seconds == pytest.approx(60, abs=0.3)


def test_before_a_task_is_done_the_model_is_believed() -> None:
    left = Remaining(finished=0.0, took=0.0, left=(10.0,), running=1)
    assert of_job(left, 1, None).seconds == pytest.approx(10, abs=0.1)


def test_the_price_of_a_job_counts_what_it_has_cost_already() -> None:
    left = Remaining(finished=10.0, took=20.0, left=(8.0,), running=1)
    assert of_job(left, 1, 100.0).price == pytest.approx(1.0, rel=0.01)


def test_a_job_whose_tasks_are_done_is_about_to_be_done() -> None:
    assert of_job(Remaining(5.0, 5.0, (), 0), 1, None).seconds == 0
