"""Webhooks from the change in Redis to a real receiver, over TLS."""

from __future__ import annotations

import threading
import time

import pytest
import redis
import trustme

from gopfarm import metrics
from gopfarm.spec import JobSpec
from gopfarm.store import JobState, TaskStore, keys
from gopfarm.store.deliveries import DeliveryStore, Outcome
from scheduler import courier as courier_module
from scheduler.courier import TRIES, Courier, pause_before
from scheduler.notify import sign
from tests.farm.processes import until
from tests.gopfarm.store.jobs import PLAN, begin, result_of
from tests.scheduler.couriers import delivery, end_job, in_state, running, settings_for
from tests.scheduler.receiver import NAME, Receiver, serving


def test_an_ended_job_is_told_and_signed(
    valkey: redis.Redis, store: TaskStore, deliveries: DeliveryStore, receiver: Receiver
) -> None:
    end_job(store, "j", receiver)
    with running(valkey, settings_for(receiver)):
        until(in_state(deliveries, "j:1", "delivered"), "it is delivered")
    (got,) = receiver.got
    assert got.path == "/hook?token=sesame"
    assert (got.headers["Gopfarm-Event"], got.headers["Gopfarm-Delivery"]) == ("job.cancelled", "j:1")
    signed_at = int(got.headers["Gopfarm-Signature"].removeprefix("t=").partition(",")[0])
    assert got.headers["Gopfarm-Signature"] == sign(got.body, "hush", signed_at)
    view = store.view("j")
    assert view is not None
    assert got.document["job"] == view.model_dump(mode="json")
    assert (got.document["event"], got.document["id"]) == ("job.cancelled", "j:1")


def test_secrets_are_changed_without_a_gap(
    valkey: redis.Redis, store: TaskStore, deliveries: DeliveryStore, receiver: Receiver
) -> None:
    end_job(store, "j", receiver)
    with running(valkey, settings_for(receiver, webhook_secret="new old")):
        until(in_state(deliveries, "j:1", "delivered"), "it is delivered")
    (got,) = receiver.got
    time_part, *signatures = got.headers["Gopfarm-Signature"].split(",")
    now = int(time_part.removeprefix("t="))
    assert signatures == [sign(got.body, secret, now).split(",")[1] for secret in ("new", "old")]


def test_a_scheduler_that_dies_between_claim_and_post_loses_nothing(
    valkey: redis.Redis, store: TaskStore, deliveries: DeliveryStore, receiver: Receiver
) -> None:
    end_job(store, "j", receiver)
    assert len(deliveries.claim(10, 1.0, 10, {})) == 1  # by one that is never heard of again
    with running(valkey, settings_for(receiver)):
        until(in_state(deliveries, "j:1", "delivered"), "another delivers it")
    assert delivery(deliveries, "j:1").tries == 2


def test_one_that_dies_between_post_and_settling_makes_a_duplicate_with_the_same_id(
    valkey: redis.Redis,
    store: TaskStore,
    deliveries: DeliveryStore,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, lost = DeliveryStore.settle, threading.Event()

    def settle(self: DeliveryStore, *arguments: object) -> bool:
        if not lost.is_set():
            lost.set()
            raise redis.ConnectionError("gone")
        return real(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(DeliveryStore, "settle", settle)
    end_job(store, "j", receiver)
    with running(valkey, settings_for(receiver), lease_seconds=1.0):
        until(in_state(deliveries, "j:1", "delivered"), "it is delivered")
    assert [got.headers["Gopfarm-Delivery"] for got in receiver.got] == ["j:1", "j:1"]
    assert receiver.got[0].body == receiver.got[1].body


def test_several_couriers_share_the_work_and_tell_nothing_twice(
    valkey: redis.Redis, store: TaskStore, deliveries: DeliveryStore, receiver: Receiver
) -> None:
    jobs = [f"j{number}" for number in range(60)]
    for job in jobs:
        end_job(store, job, receiver)
    settings = settings_for(receiver)
    with running(valkey, settings), running(valkey, settings), running(valkey, settings):
        until(lambda: deliveries.backlog().waiting == 0, "all are delivered")
    told = [got.headers["Gopfarm-Delivery"] for got in receiver.got]
    assert sorted(told) == sorted(f"{job}:1" for job in jobs)


def test_a_receiver_that_recovers_is_told_with_one_id_throughout(
    valkey: redis.Redis, store: TaskStore, deliveries: DeliveryStore, receiver: Receiver
) -> None:
    receiver.status = 503
    end_job(store, "j", receiver)
    with running(valkey, settings_for(receiver)):
        until(lambda: delivery(deliveries, "j:1").error == "the receiver answered 503", "a try has failed")
        receiver.status = 200
        until(in_state(deliveries, "j:1", "delivered"), "it is delivered")
    assert {got.headers["Gopfarm-Delivery"] for got in receiver.got} == {"j:1"}
    assert len(receiver.got) == delivery(deliveries, "j:1").tries >= 2


def test_pauses_double_and_the_tries_span_half_a_day() -> None:
    for attempt, most in ((2, 1), (3, 2), (4, 4), (13, 2048), (14, 4096), (15, 7200), (20, 7200)):
        pauses = [pause_before(attempt) for _ in range(200)]
        assert 0.75 * most <= min(pauses) < max(pauses) <= most
    span = sum(pause_before(attempt) for attempt in range(2, TRIES + 1))
    assert 10 * 3600 < span < 15 * 3600


def test_after_the_last_try_it_is_a_dead_letter_until_it_is_replayed(
    valkey: redis.Redis, store: TaskStore, deliveries: DeliveryStore, receiver: Receiver
) -> None:
    receiver.status = 500
    end_job(store, "j", receiver)
    valkey.hset(keys.delivery("j:1"), "tries", TRIES - 1)
    with running(valkey, settings_for(receiver)):
        until(in_state(deliveries, "j:1", "dead"), "it is given up")
        (dead,) = deliveries.dead(10)
        assert (dead.tries, dead.error) == (TRIES, "the receiver answered 500")
        assert len(receiver.got) == 1
        receiver.status = 200
        assert deliveries.replay("j:1")
        until(in_state(deliveries, "j:1", "delivered"), "it is delivered")
    assert [got.headers["Gopfarm-Delivery"] for got in receiver.got] == ["j:1", "j:1"]


def test_a_receiver_that_is_gone_for_good_is_not_asked_again(
    valkey: redis.Redis, store: TaskStore, deliveries: DeliveryStore, receiver: Receiver
) -> None:
    receiver.status = 410
    end_job(store, "j", receiver)
    with running(valkey, settings_for(receiver)):
        until(in_state(deliveries, "j:1", "dead"), "it is given up")
    assert len(receiver.got) == 1


def test_receivers_that_do_not_answer_do_not_hold_up_the_others(
    valkey: redis.Redis,
    store: TaskStore,
    receiver: Receiver,
    authority: trustme.CA,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(courier_module, "TOTAL_SECONDS", 60.0)  # none is given up while this test looks
    with serving(Receiver(authority)) as slow:
        slow.held.clear()
        for number in range(100):
            end_job(store, f"slow-{number}", slow)
        for number in range(20):
            end_job(store, f"quick-{number}", receiver)
        with running(valkey, settings_for(receiver, slow)):
            until(lambda: len(receiver.got) == 20, "the quick receiver has heard all")
            assert 0 < len(slow.got) <= 4, "no more wait at the slow one than it has room for"
            slow.held.set()


def test_a_name_that_does_not_resolve_is_tried_again(
    valkey: redis.Redis, store: TaskStore, deliveries: DeliveryStore, receiver: Receiver
) -> None:
    tried = threading.Event()

    def names(host: str, port: int) -> list[str]:
        if not tried.is_set():
            tried.set()
            raise OSError("no such name")
        return ["127.0.0.1"]

    end_job(store, "j", receiver)
    courier = Courier(valkey, settings_for(receiver), names)
    courier.start()
    try:
        until(in_state(deliveries, "j:1", "delivered"), "it is delivered")
    finally:
        courier.stop()
    assert delivery(deliveries, "j:1").tries == 2


def test_a_bug_costs_a_try_and_not_the_courier(
    valkey: redis.Redis,
    store: TaskStore,
    deliveries: DeliveryStore,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, broken = courier_module.payload, threading.Event()

    def payload(*arguments: object) -> bytes:
        if not broken.is_set():
            broken.set()
            raise KeyError("token=sesame")
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(courier_module, "payload", payload)
    end_job(store, "j", receiver)
    with running(valkey, settings_for(receiver)):
        until(in_state(deliveries, "j:1", "delivered"), "it is delivered")
    assert delivery(deliveries, "j:1").tries == 2


def test_stopping_waits_for_the_try_in_hand_and_settles_it(
    valkey: redis.Redis,
    store: TaskStore,
    deliveries: DeliveryStore,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    receiver.held.clear()
    end_job(store, "j", receiver)
    monkeypatch.setattr(courier_module, "TOTAL_SECONDS", 60.0)
    with running(valkey, settings_for(receiver)):
        until(lambda: receiver.got, "the receiver has it")
        threading.Timer(0.3, receiver.held.set).start()
    assert delivery(deliveries, "j:1").state == "delivered"


def test_redis_out_of_reach_is_survived(
    valkey: redis.Redis,
    store: TaskStore,
    deliveries: DeliveryStore,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, left = DeliveryStore.claim, [3]

    def claim(self: DeliveryStore, *arguments: object) -> object:
        left[0] -= 1
        if left[0] >= 0:
            raise redis.ConnectionError("gone")
        return real(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(DeliveryStore, "claim", claim)
    monkeypatch.setattr(courier_module, "_POLL_SECONDS", 0.05)
    end_job(store, "j", receiver)
    with running(valkey, settings_for(receiver)):
        until(in_state(deliveries, "j:1", "delivered"), "it is delivered")


def test_the_figures_tell_what_waits_and_what_became_of_it(
    valkey: redis.Redis, store: TaskStore, deliveries: DeliveryStore, receiver: Receiver
) -> None:
    def count(outcome: Outcome) -> float:
        return float(metrics.WEBHOOK_DELIVERIES.labels(outcome.value)._value.get())

    before = {outcome: count(outcome) for outcome in Outcome}
    receiver.status = 410
    for name in ("gone-1", "gone-2"):
        end_job(store, name, receiver)
    end_job(store, "later", receiver)
    valkey.zadd(keys.DELIVERIES, {"later:1": time.time() + 1000})
    valkey.zadd(keys.DELIVERIES_BY_AGE, {"later:1": time.time() - 777})
    with running(valkey, settings_for(receiver)):
        until(lambda: deliveries.backlog().dead == 2, "two are given up")
    assert count(Outcome.DEAD) - before[Outcome.DEAD] == 2
    assert count(Outcome.DELIVERED) == before[Outcome.DELIVERED]
    assert deliveries.backlog().waiting == 1
    assert deliveries.backlog().oldest_seconds >= 777


def test_progress_is_told_to_who_asked_for_it(
    valkey: redis.Redis, store: TaskStore, deliveries: DeliveryStore, receiver: Receiver
) -> None:
    spec = JobSpec(
        source="s3://films/film.mp4",
        destination="s3://streams/film",
        webhook=f"https://{NAME}:{receiver.server_port}/",
        webhook_events=("job.progress", "job.done"),
    )
    begin(store, "j", spec)
    for task in PLAN.tasks:
        store.finish("j", task.id, "w", result_of(task.id), 1, PLAN.hash)
    store.move("j", JobState.STITCHING)
    store.move("j", JobState.DONE)
    with running(valkey, settings_for(receiver)):
        until(lambda: len(receiver.got) == 6, "all six have arrived")
    told = {document["id"]: document for document in (got.document for got in receiver.got)}
    assert [told[f"j:{number}"]["progress"] for number in range(1, 7)] == [0.2, 0.4, 0.6, 0.8, 1.0, 1.0]
    for document in told.values():
        job = document["job"]
        assert job["progress"] == document["progress"]
        assert job["state"] == ("done" if document["event"] == "job.done" else "encoding")
        assert job["tasks_done"] == round(document["progress"] * 5)
