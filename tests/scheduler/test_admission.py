"""Which jobs are planned next, and how far ahead."""

from __future__ import annotations

import pytest
import redis

from gopfarm.settings import Settings
from gopfarm.store import Board, Fleet, StepStore, TaskStore
from scheduler.admission import PREPARED_AT_A_TIME, Admission
from tests.gopfarm.store.jobs import QUEUE, SPEC, begin, store_on


class Farm:
    def __init__(self, client: redis.Redis) -> None:
        self.store: TaskStore = store_on(client)
        self.board = Board(client)
        self.steps = StepStore(client, "s")
        self.fleet = Fleet(client)
        self.admission = Admission(self.board, self.steps, self.fleet, Settings())

    def submit(self, name: str, priority: int = 5, tenant: str = "default") -> None:
        self.store.create(name, SPEC.model_copy(update={"priority": priority, "tenant": tenant}))

    def fill(self, slots: int = 1) -> int:
        return self.admission.fill(self.board.jobs_with_tasks([QUEUE]), slots)


@pytest.fixture
def farm(valkey: redis.Redis) -> Farm:
    return Farm(valkey)


def test_no_more_jobs_are_called_than_schedulers_can_prepare(farm: Farm) -> None:
    for number in range(12):
        farm.submit(f"j{number:02}")
    assert farm.fill() == PREPARED_AT_A_TIME
    assert farm.fill() == 0
    farm.fleet.announce_scheduler("a")
    farm.fleet.announce_scheduler("b")
    assert farm.fill() == PREPARED_AT_A_TIME
    assert farm.steps.waiting() == [f"j{number:02}" for number in range(8, 12)]


def test_an_urgent_job_is_planned_first(farm: Farm) -> None:
    for number in range(9):
        farm.submit(f"j{number}")
    farm.submit("news", priority=9)
    farm.fill()
    assert "news" not in farm.steps.waiting()


def test_with_enough_planned_only_urgent_jobs_and_new_tenants_are(farm: Farm) -> None:
    for number in range(20):
        begin(farm.store, f"planned{number}")
    farm.submit("more")
    assert farm.fill(slots=1) == 0
    farm.submit("news", priority=9)
    farm.submit("first", tenant="new")
    assert farm.fill(slots=1) == 2
    assert farm.steps.waiting() == ["more"]
    assert farm.fill(slots=100) == 1
