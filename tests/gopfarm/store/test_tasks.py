from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from gopfarm.broker import FarmBroker
from gopfarm.errors import EncodeError, SourceError
from gopfarm.store import Finish, Given, GivenBack, JobState, StartedTask, TaskStore, keys
from tests.gopfarm.store.jobs import PLAN, QUEUE, begin, end_leases, give_out, result_of, store_on

TASK = PLAN.tasks[1]
IDS = [task.id for task in PLAN.tasks]
SHORT_LEASE = 0.05


@pytest.fixture
def store(valkey: redis.Redis) -> TaskStore:
    store = store_on(valkey)
    begin(store, "j")
    return store


def take(store: TaskStore) -> Given:
    """Give out tasks until the wanted one is."""
    return give_out(store, "j", TASK.id)


def waiting(store: TaskStore) -> int:
    return store.waiting("j", QUEUE)


def attempts(store: TaskStore) -> int:
    return store.attempts("j").get(TASK.id, 0)


# Giving out.


def test_the_most_work_is_given_out_first_and_each_task_once(store: TaskStore, valkey: redis.Redis) -> None:
    assert waiting(store) == 5
    taken = [given.run for _ in range(5) if (given := store.give_out("j", QUEUE)) is not None]
    assert taken[0] == "audio-0"
    assert set(taken) == set(IDS)
    assert store.give_out("j", QUEUE) is None
    assert valkey.scard(keys.tenant_runs("default")) == 5


def test_a_task_that_is_given_out_lies_in_its_queue_as_dramatiq_wants_it(
    store: TaskStore, valkey_url: str
) -> None:
    given = store.give_out("j", QUEUE)
    assert given is not None
    message = next(FarmBroker(valkey_url, {}).consume(QUEUE, timeout=10))
    assert (message.actor_name, message.args, message.kwargs) == ("encode", ("j", given.run), {})
    assert message.options["redis_message_id"] == given.message


def test_nothing_is_given_out_of_a_job_that_is_not_encoding(store: TaskStore, valkey: redis.Redis) -> None:
    store.cancel("j")
    assert store.give_out("j", QUEUE) is None
    assert valkey.zcard(keys.LEASES) == 0


def test_a_task_that_lies_in_its_queue_for_too_long_waits_again(
    store: TaskStore, valkey: redis.Redis
) -> None:
    take(store)
    before = waiting(store)
    assert store.take_expired(3) == []
    valkey.zadd(keys.LEASES, {keys.lease("j", TASK.id): 1})
    assert store.take_expired(3) == [("j", TASK.id, GivenBack.RETRY)]
    assert waiting(store) == before + 1
    assert attempts(store) == 0


def test_a_task_whose_message_got_lost_waits_again(store: TaskStore, valkey: redis.Redis) -> None:
    given = take(store)
    assert not store.requeue_lost("j", given.run, given.message), "it lies in the queue"
    valkey.lpop(keys.queue(QUEUE), 10)
    assert store.requeue_lost("j", given.run, given.message)
    assert not store.requeue_lost("j", given.run, given.message)
    assert attempts(store) == 0
    assert TASK.id in valkey.zrange(keys.pending("j", QUEUE), 0, -1)
    again = take(store)
    valkey.lpop(keys.queue(QUEUE), 10)
    store.start("j", TASK.id, "w1", 15)
    assert not store.requeue_lost("j", again.run, again.message), "a worker has it"


def test_a_task_is_taken_back_from_its_queue_unless_a_worker_has_fetched_it(
    store: TaskStore, valkey: redis.Redis
) -> None:
    given = take(store)
    before = waiting(store)
    assert store.recall(given)
    assert waiting(store) == before + 1
    assert given.message not in valkey.lrange(keys.queue(QUEUE), 0, -1)
    assert not valkey.hexists(f"{keys.queue(QUEUE)}.msgs", given.message)
    assert not store.recall(given)
    fetched = take(store)
    valkey.lrem(keys.queue(QUEUE), 1, fetched.message)
    assert not store.recall(fetched)
    assert isinstance(store.start("j", TASK.id, "w1", 15), StartedTask)


# Starting.


def test_an_attempt_counts_from_its_start(store: TaskStore) -> None:
    take(store)
    assert store.start("j", TASK.id, "w1", 15) == StartedTask(TASK, 1)
    assert attempts(store) == 1
    assert store.busy_runs("j") == 1


def test_a_second_worker_is_refused_while_the_lease_lives_and_accepted_after(
    store: TaskStore, valkey: redis.Redis
) -> None:
    take(store)
    store.start("j", TASK.id, "w1", 15)
    assert store.start("j", TASK.id, "w2", 15) == "another worker holds the task"
    assert attempts(store) == 1
    end_leases(valkey)
    assert store.start("j", TASK.id, "w2", 15) == StartedTask(TASK, 2)
    assert not store.renew("j", TASK.id, "w1", 15, 1, PLAN.hash), "the first one has lost it"
    assert store.renew("j", TASK.id, "w2", 15, 1, PLAN.hash)


def test_a_lease_that_is_renewed_does_not_end(store: TaskStore) -> None:
    take(store)
    store.start("j", TASK.id, "w1", SHORT_LEASE)
    assert store.renew("j", TASK.id, "w1", 15, 42, PLAN.hash)
    time.sleep(2 * SHORT_LEASE)
    assert store.take_expired(3) == []
    assert isinstance(store.start("j", TASK.id, "w2", 15), str)
    assert store.progress("j") == {TASK.id: 42}


def test_of_many_workers_only_one_gets_a_task(store: TaskStore) -> None:
    take(store)
    with ThreadPoolExecutor(8) as pool:
        started = list(pool.map(lambda n: store.start("j", TASK.id, f"w{n}", 15), range(24)))
    assert sum(isinstance(answer, StartedTask) for answer in started) == 1
    assert attempts(store) == 1


def test_a_task_that_is_done_or_unknown_is_not_started(store: TaskStore) -> None:
    store.finish("j", TASK.id, "w1", result_of(TASK.id), 1, PLAN.hash)
    assert store.start("j", TASK.id, "w2", 15) == "the task is done"
    assert store.start("j", "video-99999", "w2", 15) == "there is no such task"
    store.cancel("j")
    assert store.start("j", IDS[2], "w2", 15) == "the job is not encoding"


def test_a_late_message_takes_the_task_out_of_the_waiting_ones(store: TaskStore, valkey: redis.Redis) -> None:
    take(store)
    end_leases(valkey)
    store.take_expired(3)
    assert waiting(store) == 5
    store.start("j", TASK.id, "w1", 15)
    assert waiting(store) == 4, "it runs now"


# Finishing.


def test_the_last_of_all_tasks_asks_for_publishing(store: TaskStore, valkey: redis.Redis) -> None:
    outcomes = [store.finish("j", task_id, "w", result_of(task_id), 7, PLAN.hash) for task_id in IDS]
    assert outcomes == [Finish.DONE] * 4 + [Finish.LAST]
    assert valkey.zscore(keys.PUBLISHING, "j") is not None
    assert len(valkey.lrange(keys.queue("jobs"), 0, -1)) == 1, "publishing is asked for in the same step"
    assert {result.task for result in store.results("j")} == set(IDS)


def test_a_second_delivery_changes_nothing(store: TaskStore) -> None:
    take(store)
    store.start("j", TASK.id, "w1", 15)
    assert store.finish("j", TASK.id, "w1", result_of(TASK.id), 7, PLAN.hash) is Finish.DONE
    assert store.finish("j", TASK.id, "w2", result_of(TASK.id), 9, PLAN.hash) is Finish.DUPLICATE
    assert store.progress("j") == {TASK.id: 7}
    assert store.busy_runs("j") == 0


def test_a_result_counts_even_if_its_worker_had_lost_the_lease(store: TaskStore, valkey: redis.Redis) -> None:
    take(store)
    store.start("j", TASK.id, "w1", 15)
    end_leases(valkey)
    store.take_expired(3)
    before = waiting(store)
    assert store.finish("j", TASK.id, "w1", result_of(TASK.id), 7, PLAN.hash) is Finish.DONE
    assert waiting(store) == before - 1, "nobody does it again"
    assert keys.lease("j", TASK.id) not in valkey.zrange(keys.LEASES, 0, -1)


def test_a_result_of_an_ended_job_is_unwanted_and_its_worker_free(store: TaskStore) -> None:
    take(store)
    store.start("j", TASK.id, "w1", 15)
    store.cancel("j")
    assert store.busy_runs("j") == 1
    assert store.finish("j", TASK.id, "w1", result_of(TASK.id), 7, PLAN.hash) is Finish.UNWANTED
    assert store.busy_runs("j") == 0
    assert store.results("j") == []


def test_a_result_of_no_task_of_the_job_is_unwanted(store: TaskStore) -> None:
    assert store.finish("j", "video-99999", "w1", result_of("video-99999"), 7, PLAN.hash) is Finish.UNWANTED
    assert [store.finish("j", task_id, "w", result_of(task_id), 7, PLAN.hash) for task_id in IDS][
        -1
    ] is Finish.LAST


def test_however_many_deliver_at_once_last_is_told_once(store: TaskStore) -> None:
    deliveries = [result_of(task_id) for task_id in IDS] * 20
    with ThreadPoolExecutor(16) as pool:
        outcomes = Counter(
            pool.map(lambda result: store.finish("j", result.task, "w", result, 1, PLAN.hash), deliveries)
        )
    assert outcomes == {Finish.LAST: 1, Finish.DONE: 4, Finish.DUPLICATE: 95}


# Giving back.


def test_a_task_given_back_unharmed_does_not_count(store: TaskStore) -> None:
    take(store)
    before = waiting(store)
    for _ in range(5):
        store.start("j", TASK.id, "w1", 15)
        assert store.give_back("j", TASK.id, "w1", 3, None) is GivenBack.RETRY
    assert attempts(store) == 0
    assert waiting(store) == before + 1
    assert store.busy_runs("j") == 0


def test_a_task_whose_attempts_are_used_up_fails_its_job_with_the_reason(store: TaskStore) -> None:
    take(store)
    for number in (1, 2):
        store.start("j", TASK.id, "w1", 15)
        assert store.give_back("j", TASK.id, "w1", 3, EncodeError(f"crash {number}")) is GivenBack.RETRY
    store.start("j", TASK.id, "w1", 15)
    assert store.give_back("j", TASK.id, "w1", 3, EncodeError("crash 3")) is GivenBack.FAILED
    view = store.view("j")
    assert view is not None
    assert (view.state, view.error_kind, view.error) == (
        JobState.FAILED,
        "encode",
        f"task {TASK.id} was tried 3 times; at last: crash 3",
    )
    assert [(one.task, one.attempt, one.reason) for one in view.failures] == [
        (TASK.id, number, f"crash {number}") for number in (1, 2, 3)
    ]
    assert view.times["failed"] == pytest.approx(time.time(), abs=5)


def test_a_job_failed_by_a_task_is_forgotten_and_cleaned_like_any_other(
    store: TaskStore, valkey: redis.Redis
) -> None:
    take(store)
    store.start("j", TASK.id, "w1", 15)
    assert store.give_back("j", TASK.id, "w1", 1, SourceError("gone")) is GivenBack.FAILED
    assert all(valkey.ttl(name) > 0 for name in valkey.keys(f"{keys.job('j')}*"))
    assert store.active_jobs() == []
    assert valkey.zrange(keys.CLEANUP, 0, -1) == ["j"]


def test_who_does_not_hold_a_task_cannot_give_it_back(store: TaskStore) -> None:
    take(store)
    store.start("j", TASK.id, "w1", 15)
    assert store.give_back("j", TASK.id, "w2", 1, EncodeError("mine?")) is GivenBack.UNWANTED
    assert store.state("j") is JobState.ENCODING
    assert store.renew("j", TASK.id, "w1", 15, 1, PLAN.hash)


def test_a_task_that_another_has_finished_meanwhile_is_not_done_again(store: TaskStore) -> None:
    take(store)
    store.start("j", TASK.id, "w1", 15)
    store.finish("j", TASK.id, "w2", result_of(TASK.id), 1, PLAN.hash)
    before = waiting(store)
    assert store.give_back("j", TASK.id, "w1", 1, EncodeError("late")) is GivenBack.UNWANTED
    assert waiting(store) == before
    assert store.state("j") is JobState.ENCODING


# Losing a worker.


def test_a_worker_that_falls_silent_loses_its_task(store: TaskStore, valkey: redis.Redis) -> None:
    take(store)
    store.start("j", TASK.id, "w1", SHORT_LEASE)
    time.sleep(2 * SHORT_LEASE)
    assert store.take_expired(3) == [("j", TASK.id, GivenBack.RETRY)]
    assert store.take_expired(3) == []
    assert store.busy_runs("j") == 0
    assert isinstance(store.start("j", TASK.id, "w2", 15), StartedTask)
    assert not store.renew("j", TASK.id, "w1", 15, 1, PLAN.hash)


def test_a_worker_that_stood_still_goes_on_with_what_nobody_has_begun_anew(
    store: TaskStore, valkey: redis.Redis
) -> None:
    take(store)
    store.start("j", TASK.id, "w1", 15)
    end_leases(valkey)
    store.take_expired(3)
    assert store.renew("j", TASK.id, "w1", 15, 1, PLAN.hash)
    assert store.start("j", TASK.id, "w2", 15) == "another worker holds the task"
    assert TASK.id not in valkey.zrange(keys.pending("j", QUEUE), 0, -1)
    assert attempts(store) == 1


def test_a_task_that_loses_worker_after_worker_fails_its_job(store: TaskStore, valkey: redis.Redis) -> None:
    take(store)
    outcomes = []
    for _ in range(3):
        store.start("j", TASK.id, "w1", 15)
        valkey.zadd(keys.LEASES, {keys.lease("j", TASK.id): 1})
        outcomes += [outcome for _, _, outcome in store.take_expired(3)]
    assert outcomes == [GivenBack.RETRY, GivenBack.RETRY, GivenBack.FAILED]
    view = store.view("j")
    assert view is not None
    assert view.error == f"task {TASK.id} was tried 3 times; at last: its worker was lost"
    assert [(one.attempt, one.worker, one.kind) for one in view.failures] == [
        (1, "w1", "lost"),
        (2, "w1", "lost"),
        (3, "w1", "lost"),
    ]


def test_leases_of_jobs_that_are_gone_are_dropped(store: TaskStore, valkey: redis.Redis) -> None:
    take(store)
    end_leases(valkey)
    valkey.delete(*valkey.keys(f"{keys.job('j')}*"))
    assert {outcome for _, _, outcome in store.take_expired(3)} == {GivenBack.UNWANTED}
    assert valkey.zcard(keys.LEASES) == 0


def test_two_schedulers_take_an_ended_lease_once(store: TaskStore, valkey: redis.Redis) -> None:
    for _ in IDS:
        store.give_out("j", QUEUE)
    end_leases(valkey)
    with ThreadPoolExecutor(4) as pool:
        taken = [
            outcome for found in pool.map(lambda _: store.take_expired(3), range(8)) for outcome in found
        ]
    assert Counter(outcome for _, _, outcome in taken)[GivenBack.RETRY] == len(IDS)
    assert waiting(store) == len(IDS)


# Cancelling.


def test_workers_of_a_cancelled_job_are_told_to_stop(store: TaskStore) -> None:
    take(store)
    store.start("j", TASK.id, "w1", 15)
    assert store.cancel("j")
    assert not store.renew("j", TASK.id, "w1", 15, 1, PLAN.hash)
    assert store.give_back("j", TASK.id, "w1", 3, None) is GivenBack.UNWANTED
    assert store.busy_runs("j") == 0
    assert store.state("j") is JobState.CANCELLED


def test_a_dead_worker_of_a_cancelled_job_does_not_hold_up_its_cleanup(store: TaskStore) -> None:
    take(store)
    store.start("j", TASK.id, "w1", SHORT_LEASE)
    store.cancel("j")
    time.sleep(2 * SHORT_LEASE)
    store.take_expired(3)
    assert store.busy_runs("j") == 0
