from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random

import pytest
import redis

from gopfarm.broker import FarmBroker
from gopfarm.plan import Plan
from gopfarm.settings import Settings
from gopfarm.store import Board, Fleet, TaskStore, WaitingJob, WorkerView
from gopfarm.tenants import TenantPolicy
from scheduler.dispatch import Dispatcher, queue_of
from scheduler.fair import choose
from scheduler.shape import Shape
from tests.gopfarm.store.jobs import PLAN, SPEC, begin, result_of, store_on
from tests.scheduler.facts import SHORT, plan_of, source_facts, video_facts

CPU, GPU = "encode.cpu", "encode.nvenc"


# The window.


class Farm:
    def __init__(self, client: redis.Redis, url: str, settings: Settings) -> None:
        self.store: TaskStore = store_on(client)
        self.fleet = Fleet(client)
        self.broker = FarmBroker(url, {})
        for queue in (CPU, GPU):
            self.broker.declare_queue(queue)
        self.board = Board(client)
        self.dispatcher = Dispatcher(self.store, self.board, self.fleet, settings)

    def worker(self, name: str, slots: dict[str, int]) -> None:
        self.fleet.announce(WorkerView(id=name, host="h", pid=1, slots=slots, encoders=("libx264",), seen=0))

    def job(
        self,
        name: str,
        priority: int = 5,
        tenant: str = "default",
        plan: Plan = PLAN,
        seconds: Sequence[float] | None = None,
    ) -> None:
        """Bring a job to where it gives tasks out, each expected to take its number of seconds, or one."""
        spec = SPEC.model_copy(update={"priority": priority, "tenant": tenant})
        queues = {task.id: queue_of(task) for task in plan.tasks}
        costs = dict(zip(queues, seconds or [1.0] * len(queues), strict=True))
        begin(self.store, name, spec, plan, queues=queues, costs=costs)

    def fetch(self, queue: str = CPU, prefetch: int = 100) -> list[tuple[str, str]]:
        """Take all messages of a queue, as workers would."""
        consumer = self.broker.consume(queue, prefetch=prefetch, timeout=1)
        found = []
        while (message := next(consumer)) is not None:
            found.append((message.args[0], message.args[1]))
            consumer.ack(message)
        consumer.close()
        return found


SILENT = plan_of(replace(SHORT, audio=()))

TENANTS = {
    "heavy": TenantPolicy(weight=3),
    "capped": TenantPolicy(max_running=2),
}


@pytest.fixture
def farm(valkey: redis.Redis, valkey_url: str) -> Iterator[Farm]:
    farm = Farm(valkey, valkey_url, Settings(tenants=TENANTS))
    yield farm
    farm.broker.close()


def test_without_workers_nothing_is_queued(farm: Farm) -> None:
    farm.job("j")
    assert farm.dispatcher.fill().queued == 0
    assert farm.store.waiting("j", CPU) == 5


def test_no_more_messages_wait_than_there_are_slots(farm: Farm) -> None:
    farm.worker("a", {CPU: 2})
    farm.worker("b", {CPU: 1})
    farm.job("j1")
    farm.job("j2")
    assert farm.dispatcher.fill().queued == 3
    assert farm.dispatcher.fill().queued == 0
    assert farm.broker.waiting(CPU) == 3
    farm.fetch()
    assert farm.dispatcher.fill().queued == 3
    assert farm.broker.waiting(CPU) == 3


def test_every_task_is_queued_once_and_the_longest_first(farm: Farm) -> None:
    farm.worker("a", {CPU: 2})
    farm.job("j")
    queued: list[tuple[str, str]] = []
    while farm.dispatcher.fill().queued:
        queued += farm.fetch()
    assert sorted(queued) == sorted(("j", task.id) for task in PLAN.tasks)
    assert queued[0] == ("j", "audio-0")


def test_tasks_go_to_the_queue_of_their_encoder(farm: Farm) -> None:
    plan = plan_of(SHORT, encoder="h264_nvenc")
    assert [queue_of(task) for task in plan.tasks] == [CPU, GPU, GPU]
    farm.worker("a", {CPU: 4, GPU: 4})
    farm.job("j", plan=plan)
    farm.dispatcher.fill()
    assert farm.fetch(CPU) == [("j", "audio-0")]
    assert {task for _, task in farm.fetch(GPU)} == {"video-00000", "video-00001"}


def test_an_urgent_job_passes_all_that_no_worker_has_fetched(farm: Farm) -> None:
    farm.worker("a", {CPU: 2})
    farm.job("film")
    farm.dispatcher.fill()
    waiting = farm.store.waiting("film", CPU)
    farm.job("news", priority=9)
    farm.dispatcher.fill()
    assert {job for job, _ in farm.fetch()} == {"news"}
    assert farm.store.waiting("film", CPU) == waiting + 2, "what it was given before waits again"
    assert farm.store.attempts("film") == {}


def test_an_urgent_task_is_the_next_however_many_wait(farm: Farm) -> None:
    farm.worker("a", {CPU: 12})
    for number in range(3):
        farm.job(f"film-{number}")
    farm.dispatcher.fill()
    for name, priority in (("news", 9), ("later", 7), ("more", 9)):
        farm.job(name, priority=priority, plan=SILENT)
        assert farm.dispatcher.fill().queued == 2
    order = [job.partition("-")[0] for job, _ in farm.fetch()]
    assert order == ["news"] * 2 + ["more"] * 2 + ["later"] * 2 + ["film"] * 6


def test_equals_are_not_taken_back_for_each_other(farm: Farm) -> None:
    farm.worker("a", {CPU: 2})
    farm.job("film")
    farm.dispatcher.fill()
    before = farm.broker.client.lrange(f"dramatiq:{CPU}", 0, -1)
    farm.job("other", tenant="other")
    assert farm.dispatcher.fill().queued == 0
    assert farm.broker.client.lrange(f"dramatiq:{CPU}", 0, -1) == before


def test_slots_are_shared_by_weight(farm: Farm) -> None:
    farm.worker("a", {CPU: 1})
    for number in range(8):
        farm.job(f"h{number}", tenant="heavy")
        farm.job(f"o{number}", tenant="other")
    order = []
    for _ in range(24):
        assert farm.dispatcher.fill().queued == 1
        ((job, task),) = farm.fetch()
        farm.store.start(job, task, "a", 15)
        farm.store.finish(job, task, "a", result_of(task), 1, PLAN.hash)
        order.append(job[0])
    assert Counter(order) == {"h": 18, "o": 6}
    assert all(3 * order[:n].count("o") - order[:n].count("h") in range(-3, 4) for n in range(24)), order


def test_who_was_idle_does_not_catch_up_on_it(farm: Farm) -> None:
    farm.worker("a", {CPU: 1})
    farm.job("long-1", tenant="long")
    farm.job("long-2", tenant="long")
    for _ in range(6):
        farm.dispatcher.fill()
        farm.fetch()
    farm.job("late", tenant="late")
    order = []
    for _ in range(4):
        farm.dispatcher.fill()
        order += [job.partition("-")[0] for job, _ in farm.fetch()]
    assert Counter(order) == {"long": 2, "late": 2}


def test_a_tenant_gets_no_more_at_a_time_than_its_limit(farm: Farm) -> None:
    farm.worker("a", {CPU: 4})
    farm.job("j", tenant="capped")
    assert farm.dispatcher.fill().queued == 2
    ran = farm.fetch()
    assert farm.dispatcher.fill().queued == 0
    for job, task in ran[:1]:
        farm.store.start(job, task, "a", 15)
        farm.store.finish(job, task, "a", result_of(task), 1, PLAN.hash)
    assert farm.dispatcher.fill().queued == 1


def test_a_tenant_with_many_jobs_does_not_starve_another(farm: Farm) -> None:
    farm.worker("a", {CPU: 4})
    for number in range(3):
        farm.job(f"big-{number}", tenant="big")
    farm.job("small", tenant="small")
    farm.dispatcher.fill()
    assert Counter(job.partition("-")[0] for job, _ in farm.fetch()) == {"big": 2, "small": 2}


def test_a_tenant_that_has_nothing_running_goes_first(farm: Farm) -> None:
    farm.worker("a", {CPU: 2})
    farm.job("old", tenant="busy")
    farm.dispatcher.fill()
    for job, task in farm.fetch():
        farm.store.start(job, task, "a", 15)
    farm.job("new", tenant="other")
    farm.dispatcher.fill()
    assert [job for job, _ in farm.fetch()] == ["new", "old"]


def test_jobs_that_ended_give_nothing_out(farm: Farm) -> None:
    farm.worker("a", {CPU: 8})
    farm.job("cancelled")
    farm.store.cancel("cancelled")
    farm.job("done")
    for task in PLAN.tasks:
        farm.store.finish("done", task.id, "a", result_of(task.id), 1, PLAN.hash)
    assert farm.dispatcher.fill().queued == 0


def test_a_job_that_ends_while_the_window_is_filled_does_no_harm(farm: Farm) -> None:
    farm.worker("a", {CPU: 4})
    farm.job("live")
    farm.job("dying", priority=9)
    farm.store._redis.hset("gopfarm:job:dying", "state", "cancelled")  # before its tasks are taken
    assert farm.dispatcher.fill().queued == 4
    assert {job for job, _ in farm.fetch()} == {"live"}


def test_a_plan_without_sound_is_dispatched_too(farm: Farm) -> None:
    farm.worker("a", {CPU: 8})
    farm.job("j", plan=SILENT)
    assert farm.dispatcher.fill().queued == len(SILENT.tasks) == 2


def chosen_one_by_one(jobs: dict[str, list[float]], tenants: dict[str, str], slots: int) -> list[str]:
    """Give out tasks as ``choose`` says, one after the other; return the jobs in that order."""
    waiting = [WaitingJob(name, tenants[name], 5, float(name), 0.0, {CPU: 1}) for name in jobs]
    shares, runs, order = Counter[str](), Counter[str](), []
    while len(order) < slots:
        job = choose([one for one in waiting if jobs[one.id]], dict.fromkeys(jobs, 5), shares, runs)
        assert job is not None
        order.append(job.id)
        shares[job.tenant] += jobs[job.id].pop(0)
        runs[job.tenant] += 1
    return order


@pytest.mark.parametrize("seed", range(4))
def test_tasks_that_go_out_in_batches_go_in_the_order_of_one_by_one(farm: Farm, seed: int) -> None:
    random = Random(seed)
    film = plan_of(source_facts(video_facts(75_000)), shape=Shape())
    jobs, tenants = {}, {}
    for number in range(6):
        tenants[str(number)] = random.choice("abc")
        jobs[str(number)] = [random.choice([0.5, 1.0, 8.0]) for _ in film.tasks]
        farm.job(str(number), tenant=tenants[str(number)], plan=film, seconds=jobs[str(number)])
    farm.worker("a", {CPU: 250})
    assert farm.dispatcher.fill().queued == 250
    seconds = {name: list(costs) for name, costs in jobs.items()}
    assert [job for job, _ in farm.fetch(prefetch=250)] == chosen_one_by_one(seconds, tenants, 250)


def test_what_came_back_is_given_out_again_without_looking_at_all_jobs(farm: Farm) -> None:
    farm.worker("a", {CPU: 8})
    farm.job("j")
    farm.dispatcher.fill()
    (job, task), *_ = farm.fetch()
    farm.store.start(job, task, "a", 15)
    assert farm.dispatcher.fill().queued == 0
    farm.store.give_back(job, task, "a", 3, None)
    assert farm.dispatcher.fill().queued == 1
    assert farm.fetch() == [(job, task)]


def test_whoever_begins_to_lead_looks_at_all_jobs(farm: Farm) -> None:
    farm.worker("a", {CPU: 8})
    farm.dispatcher.fill()
    farm.job("j")
    assert farm.board.survey([CPU]).changed == ("j",), "the one that led until now was told of it"
    assert farm.dispatcher.fill().queued == 0
    farm.dispatcher.forget()
    assert farm.dispatcher.fill().queued == len(PLAN.tasks)


# Another priority.


def test_the_tasks_of_a_job_that_becomes_more_urgent_come_next(farm: Farm) -> None:
    farm.worker("w", {CPU: 2})
    farm.job("first")
    farm.job("late")
    farm.dispatcher.fill()
    assert [job for job, _ in farm.fetch()] == ["first", "first"]
    farm.dispatcher.fill()  # two more of the first job lie in the queue
    farm.store.set_priority("late", 9)
    farm.dispatcher.fill()
    assert [job for job, _ in farm.fetch()] == ["late", "late"]
    farm.dispatcher.fill()
    assert [job for job, _ in farm.fetch()] == ["late", "late"]


def test_the_tasks_of_a_job_that_becomes_less_urgent_make_room(farm: Farm) -> None:
    farm.worker("w", {CPU: 2})
    farm.job("first", priority=7)
    farm.job("late", priority=5)
    farm.dispatcher.fill()
    farm.store.set_priority("first", 1)
    farm.dispatcher.fill()
    assert [job for job, _ in farm.fetch()] == ["late", "late"]


def test_tasks_that_lie_in_a_queue_go_to_its_front_when_their_job_becomes_urgent(farm: Farm) -> None:
    farm.worker("w", {CPU: 4})
    farm.job("first", plan=SILENT)
    farm.job("late", plan=SILENT)
    farm.dispatcher.fill()
    farm.store.set_priority("late", 9)
    farm.dispatcher.fill()
    assert [job for job, _ in farm.fetch()] == ["late", "late", "first", "first"]
