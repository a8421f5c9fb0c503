from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations

import pytest
import redis

from gopfarm.broker import FarmBroker
from gopfarm.plan import Plan
from gopfarm.store import Fleet, JobState, JobView, TaskStore, WorkerView
from scheduler.dispatch import Candidate, Dispatcher, choose, queue_of
from scheduler.planner import make_plan
from tests.gopfarm.store.jobs import PLAN, SPEC, begin, result_of, store_on
from tests.scheduler.facts import SHORT, STANDARD

CPU, GPU = "encode.cpu", "encode.nvenc"


# The order.


def candidate(name: str, priority: int = 5, tenant: str = "t", age: float = 0.0) -> Candidate:
    job = JobView(
        id=name,
        state=JobState.ENCODING,
        tenant=tenant,
        priority=priority,
        source="s",
        destination="d",
        times={"queued": 1000.0 - age},
    )
    return Candidate(job, CPU)


@pytest.mark.parametrize(
    ("first", "others", "running"),
    [
        (
            candidate("urgent", priority=9),
            [candidate("old", age=900), candidate("idle", tenant="u")],
            {"t": 50},
        ),
        (
            candidate("idle", tenant="u"),
            [candidate("old", age=900), candidate("older", age=990)],
            {"t": 2, "u": 1},
        ),
        (candidate("old", age=9), [candidate("new", age=1), candidate("newest", tenant="u")], {}),
    ],
    ids=["priority comes first", "then the tenant with less running", "then age"],
)
def test_the_next_task_is_chosen_by_priority_then_share_then_age(
    first: Candidate, others: list[Candidate], running: dict[str, int]
) -> None:
    for order in permutations([first, *others]):
        assert choose(list(order), Counter(running)) == first


def test_nothing_is_chosen_from_nothing() -> None:
    assert choose([], Counter()) is None


# The window.


class Farm:
    def __init__(self, client: redis.Redis, url: str) -> None:
        self.store: TaskStore = store_on(client)
        self.fleet = Fleet(client)
        self.broker = FarmBroker(url, {})
        for queue in (CPU, GPU):
            self.broker.declare_queue(queue)
        self.dispatcher = Dispatcher(self.store, self.fleet, self.broker)

    def worker(self, name: str, slots: dict[str, int]) -> None:
        self.fleet.announce(WorkerView(id=name, host="h", pid=1, slots=slots, encoders=("libx264",), seen=0))

    def job(self, name: str, priority: int = 5, tenant: str = "default", plan: Plan = PLAN) -> None:
        begin(self.store, name, SPEC.model_copy(update={"priority": priority, "tenant": tenant}), plan)

    def fetch(self, queue: str = CPU) -> list[tuple[str, str]]:
        """Take all messages of a queue, as workers would."""
        consumer = self.broker.consume(queue, prefetch=100, timeout=1)
        found = []
        while (message := next(consumer)) is not None:
            found.append((message.args[0], message.args[1]))
            consumer.ack(message)
        consumer.close()
        return found


@pytest.fixture
def farm(valkey: redis.Redis, valkey_url: str) -> Iterator[Farm]:
    farm = Farm(valkey, valkey_url)
    yield farm
    farm.broker.close()


def test_without_workers_nothing_is_queued(farm: Farm) -> None:
    farm.job("j")
    assert farm.dispatcher.fill() == 0
    assert farm.store.waiting("j") == 5


def test_no_more_messages_wait_than_there_are_slots(farm: Farm) -> None:
    farm.worker("a", {CPU: 2})
    farm.worker("b", {CPU: 1})
    farm.job("j1")
    farm.job("j2")
    assert farm.dispatcher.fill() == 3
    assert farm.dispatcher.fill() == 0
    assert farm.broker.waiting(CPU) == 3
    farm.fetch()
    assert farm.dispatcher.fill() == 3
    assert farm.broker.waiting(CPU) == 3


def test_every_task_is_queued_once_and_the_longest_first(farm: Farm) -> None:
    farm.worker("a", {CPU: 2})
    farm.job("j")
    queued: list[tuple[str, str]] = []
    while farm.dispatcher.fill():
        queued += farm.fetch()
    assert sorted(queued) == sorted(("j", task.id) for task in PLAN.tasks)
    assert queued[0] == ("j", "audio-0")


def test_tasks_go_to_the_queue_of_their_encoder(farm: Farm) -> None:
    plan = make_plan(SHORT, STANDARD, "h264_nvenc", "av 18")
    assert [queue_of(task) for task in plan.tasks] == [CPU, GPU, GPU]
    farm.worker("a", {CPU: 4, GPU: 4})
    farm.job("j", plan=plan)
    farm.dispatcher.fill()
    assert farm.fetch(CPU) == [("j", "audio-0")]
    assert {task for _, task in farm.fetch(GPU)} == {"video-00000", "video-00001"}


def test_an_urgent_job_passes_all_that_is_not_queued_yet(farm: Farm) -> None:
    farm.worker("a", {CPU: 2})
    farm.job("film")
    farm.dispatcher.fill()
    farm.job("news", priority=9)
    farm.fetch()
    farm.dispatcher.fill()
    assert {job for job, _ in farm.fetch()} == {"news"}


def test_a_tenant_with_many_jobs_does_not_starve_another(farm: Farm) -> None:
    farm.worker("a", {CPU: 4})
    for number in range(3):
        farm.job(f"big-{number}", tenant="big")
    farm.job("small", tenant="small")
    farm.dispatcher.fill()
    assert Counter(job.partition("-")[0] for job, _ in farm.fetch()) == {"big": 2, "small": 2}


def test_what_a_tenant_has_running_counts_against_its_share(farm: Farm) -> None:
    farm.worker("a", {CPU: 2})
    farm.job("old", tenant="busy")
    farm.dispatcher.fill()
    for job, task in farm.fetch():
        farm.store.start(job, task, "a", 15)
    farm.job("new", tenant="other")
    farm.dispatcher.fill()
    assert [job for job, _ in farm.fetch()] == ["new", "new"]


def test_jobs_that_ended_give_nothing_out(farm: Farm) -> None:
    farm.worker("a", {CPU: 8})
    farm.job("cancelled")
    farm.store.cancel("cancelled")
    farm.job("done")
    for task in PLAN.tasks:
        farm.store.finish("done", "a", result_of(task.id), 1)
    assert farm.dispatcher.fill() == 0


def test_a_job_that_ends_while_the_window_is_filled_does_no_harm(farm: Farm) -> None:
    farm.worker("a", {CPU: 4})
    farm.job("live")
    view = farm.store.view("live")
    assert view is not None
    farm.job("dying", priority=9)
    farm.store._redis.hset("gopfarm:job:dying", "state", "cancelled")  # before its tasks are taken
    assert farm.dispatcher.fill() == 4
    assert {job for job, _ in farm.fetch()} == {"live"}


def test_a_plan_without_sound_is_dispatched_too(farm: Farm) -> None:
    farm.worker("a", {CPU: 8})
    silent = make_plan(replace(SHORT, audio=()), STANDARD, "libx264", "av 18")
    farm.job("j", plan=silent)
    assert farm.dispatcher.fill() == len(silent.tasks) == 2
