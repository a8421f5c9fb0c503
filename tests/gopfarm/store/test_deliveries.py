from __future__ import annotations

import time
from typing import Any

import pytest
import redis
from redis.connection import AbstractConnection

from gopfarm.errors import EncodeError, FarmError, SourceError
from gopfarm.store import JobState, TaskStore, keys
from gopfarm.store.deliveries import Delivery, DeliveryStore, Outcome
from tests.gopfarm.store.jobs import PLAN, SPEC, TTL_SECONDS, begin, open_tasks, result_of, store_on

HOOKED = SPEC.model_copy(update={"webhook": "https://Hooks.example.com/x?key=1"})
ALL = HOOKED.model_copy(
    update={"webhook_events": ("job.done", "job.failed", "job.cancelled", "job.progress")}
)
LEASE_SECONDS = 30.0


@pytest.fixture
def store(valkey: redis.Redis) -> TaskStore:
    return store_on(valkey)


@pytest.fixture
def deliveries(valkey: redis.Redis) -> DeliveryStore:
    return DeliveryStore(valkey, TTL_SECONDS)


def claim(deliveries: DeliveryStore, most: int = 100, room: dict[str, int] | None = None) -> list[Delivery]:
    return deliveries.claim(most, LEASE_SECONDS, 100, room or {})


def end(store: TaskStore, job_id: str, spec: object = HOOKED) -> None:
    assert store.create(job_id, spec)  # type: ignore[arg-type]
    assert store.cancel(job_id)


def make_due(valkey: redis.Redis, delivery_id: str) -> None:
    """Let the lease or the pause of a delivery end now."""
    valkey.zadd(keys.DELIVERIES, {delivery_id: time.time() - 1})


def test_only_who_asked_hears_of_it(store: TaskStore, deliveries: DeliveryStore) -> None:
    end(store, "silent", SPEC)
    end(store, "other", HOOKED.model_copy(update={"webhook_events": ("job.done",)}))
    end(store, "asked")
    (delivery,) = claim(deliveries)
    assert (delivery.id, delivery.event, delivery.host) == ("asked:1", "job.cancelled", "hooks.example.com")


def test_a_spec_from_before_the_choice_hears_of_the_ends(
    store: TaskStore, deliveries: DeliveryStore, valkey: redis.Redis
) -> None:
    begin(store, "j", HOOKED)
    valkey.hset(keys.job("j"), "spec", HOOKED.model_dump_json(exclude={"webhook_events"}))
    store.finish("j", PLAN.tasks[0].id, "w", result_of(PLAN.tasks[0].id), 1, PLAN.hash)
    store.fail("j", FarmError("no"))
    assert [delivery.event for delivery in claim(deliveries)] == ["job.failed"]


def test_a_delivery_keeps_the_job_as_it_was(store: TaskStore, deliveries: DeliveryStore) -> None:
    begin(store, "j", ALL)
    store.finish("j", PLAN.tasks[0].id, "w", result_of(PLAN.tasks[0].id), 1, PLAN.hash)
    store.finish("j", PLAN.tasks[1].id, "w", result_of(PLAN.tasks[1].id), 1, PLAN.hash)
    store.fail("j", SourceError("film.mp4 is truncated"))
    now = store.view("j")
    assert now is not None
    first, second, failed = claim(deliveries)
    then = first.view_of(now)
    assert (then.state, then.tasks, then.tasks_done, then.progress) == (JobState.ENCODING, 5, 1, 0.2)
    assert then.error is None
    assert "failed" not in then.times
    assert second.view_of(now).tasks_done == 2
    assert failed.view_of(now) == now


def test_a_late_delivery_knows_nothing_of_what_a_retry_did(
    store: TaskStore, deliveries: DeliveryStore
) -> None:
    begin(store, "j", HOOKED)
    task = PLAN.tasks[0].id
    store.start("j", task, "w", 15)
    store.give_back("j", task, "w", 1, EncodeError("the first time"))
    assert store.retry("j") == "retried"
    assert store.set_priority("j", 9) == "changed"
    assert store.move("j", JobState.PROBING)
    assert store.move("j", JobState.PLANNING)
    assert open_tasks(store, "j")
    store.start("j", task, "w", 15)
    store.give_back("j", task, "w", 3, EncodeError("the second time"))
    now = store.view("j")
    assert now is not None
    assert (now.retries, now.priority, len(now.failures)) == (1, 9, 2)
    (delivery,) = claim(deliveries)
    then = delivery.view_of(now)
    assert (then.state, then.retries, then.priority) == (JobState.FAILED, 0, HOOKED.priority)
    assert [failure.reason for failure in then.failures] == ["the first time"]


def test_what_was_claimed_is_not_claimed_again_within_its_lease(
    store: TaskStore, deliveries: DeliveryStore, valkey: redis.Redis
) -> None:
    end(store, "j")
    (first,) = claim(deliveries)
    assert claim(deliveries) == []
    make_due(valkey, "j:1")
    (second,) = claim(deliveries)
    assert (first.id, first.attempt, second.id, second.attempt) == ("j:1", 1, "j:1", 2)


def test_a_try_that_lost_its_lease_decides_nothing_unless_it_succeeded(
    store: TaskStore, deliveries: DeliveryStore, valkey: redis.Redis
) -> None:
    end(store, "j")
    (first,) = claim(deliveries)
    make_due(valkey, "j:1")
    (second,) = claim(deliveries)
    assert not deliveries.settle(first, Outcome.DEAD, "late")
    assert not deliveries.settle(first, Outcome.RETRY, "late", 1.0)
    assert deliveries.settle(first, Outcome.DELIVERED)
    assert not deliveries.settle(second, Outcome.RETRY, "the connection broke", 1.0), "it has arrived already"
    assert claim(deliveries) == []
    view = deliveries.delivery("j:1")
    assert view is not None
    assert (view.state, view.due) == ("delivered", None)


def test_a_failed_try_is_due_after_its_pause(
    store: TaskStore, deliveries: DeliveryStore, valkey: redis.Redis
) -> None:
    end(store, "j")
    (delivery,) = claim(deliveries)
    assert deliveries.settle(delivery, Outcome.RETRY, "the receiver answered 503", 1000.0)
    view = deliveries.delivery("j:1")
    assert view is not None
    assert view.due == pytest.approx(time.time() + 1000, abs=100)
    assert (view.state, view.tries, view.error) == ("waiting", 1, "the receiver answered 503")
    assert claim(deliveries) == []


def test_what_was_given_up_is_kept_with_its_reason_and_can_be_replayed(
    store: TaskStore, deliveries: DeliveryStore, valkey: redis.Redis
) -> None:
    end(store, "j")
    (delivery,) = claim(deliveries)
    assert deliveries.settle(delivery, Outcome.DEAD, "the receiver answered 410")
    (dead,) = deliveries.dead(10)
    assert (dead.id, dead.state, dead.error, dead.due) == ("j:1", "dead", "the receiver answered 410", None)
    assert deliveries.backlog().dead == 1
    assert 0 < valkey.ttl(keys.delivery("j:1")) <= TTL_SECONDS

    assert deliveries.replay("j:1")
    assert (deliveries.dead(10), valkey.ttl(keys.delivery("j:1"))) == ([], -1)
    (again,) = claim(deliveries)
    assert (again.id, again.attempt) == ("j:1", 1)


def test_what_was_delivered_can_be_replayed_too(store: TaskStore, deliveries: DeliveryStore) -> None:
    end(store, "j")
    (delivery,) = claim(deliveries)
    deliveries.settle(delivery, Outcome.DELIVERED)
    assert [view.state for view in deliveries.of_job("j")] == ["delivered"]
    assert deliveries.waiting(10) == []
    assert deliveries.replay("j:1")
    assert [view.state for view in deliveries.of_job("j")] == ["waiting"]
    assert len(claim(deliveries)) == 1
    assert not deliveries.replay("j:2")


def test_a_record_is_not_kept_longer_than_its_job(
    store: TaskStore, deliveries: DeliveryStore, valkey: redis.Redis
) -> None:
    end(store, "j")
    valkey.expire(keys.job("j"), 60)
    (delivery,) = claim(deliveries)
    deliveries.settle(delivery, Outcome.DEAD, "no")
    assert 0 < valkey.ttl(keys.delivery("j:1")) <= 60
    valkey.delete(keys.delivery("j:1"))
    assert deliveries.dead(10) == []
    assert deliveries.backlog().dead == 0


def test_dead_letters_leave_the_index_when_their_time_is_over(
    store: TaskStore, deliveries: DeliveryStore, valkey: redis.Redis
) -> None:
    for name in ("old", "new"):
        end(store, name)
    first, second = claim(deliveries)
    deliveries.settle(first, Outcome.DEAD, "no")
    assert deliveries.backlog().dead == 1
    valkey.zadd(keys.DEAD, {first.id: time.time() - 1})
    assert deliveries.backlog().dead == 0, "without anybody settling anything"
    deliveries.settle(second, Outcome.DEAD, "no")
    assert valkey.zrange(keys.DEAD, 0, -1) == [second.id]


def test_a_host_gets_no_more_than_its_room_and_does_not_hold_up_others(
    store: TaskStore, deliveries: DeliveryStore
) -> None:
    for number in range(1500):  # more than one claim looks at
        end(store, f"slow-{number}")
    other = HOOKED.model_copy(update={"webhook": "https://quick.example.com:8443/"})
    end(store, "quick", other)
    assert [delivery.job for delivery in claim(deliveries, 10, {"hooks.example.com": 0})] == []
    taken = claim(deliveries, 10, {"hooks.example.com": 2})
    assert [delivery.job for delivery in taken] == ["slow-1000", "slow-1001", "quick"]
    assert deliveries.backlog().waiting == 1501


def test_the_backlog_tells_how_long_the_oldest_event_waits(
    store: TaskStore, deliveries: DeliveryStore, valkey: redis.Redis
) -> None:
    assert deliveries.backlog().oldest_seconds == 0
    end(store, "j")
    end(store, "k")
    valkey.zadd(keys.DELIVERIES_BY_AGE, {"j:1": time.time() - 5000})
    backlog = deliveries.backlog()
    assert (backlog.waiting, backlog.dead) == (2, 0)
    assert backlog.oldest_seconds == pytest.approx(5000, abs=100)
    assert [view.id for view in deliveries.waiting(10)] == ["j:1", "k:1"]
    for delivery in claim(deliveries):
        deliveries.settle(delivery, Outcome.DELIVERED)
    assert deliveries.backlog().oldest_seconds == 0


def test_a_list_of_deliveries_takes_few_round_trips_however_long_it_is(
    store: TaskStore, deliveries: DeliveryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        end(store, f"j{number}")
    sent = []
    send = AbstractConnection.send_packed_command

    def counted(*arguments: Any, **options: Any) -> None:
        sent.append(arguments)
        send(*arguments, **options)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(AbstractConnection, "send_packed_command", counted)
    waiting = deliveries.waiting(100)
    tenants = store.tenants(view.job for view in waiting)
    assert len(sent) == 3
    assert [view.job for view in waiting] == [f"j{number}" for number in range(20)]
    assert all(view.due is not None for view in waiting)
    assert set(tenants.values()) == {"default"}
