from __future__ import annotations

import threading
import time
from itertools import pairwise

import dramatiq
import pytest
import redis

from gopfarm.broker import FarmBroker, poll_pause, send
from gopfarm.store import Board

QUEUE = "encode.cpu"


@pytest.fixture
def broker(valkey: redis.Redis, valkey_url: str) -> FarmBroker:
    broker = FarmBroker(valkey_url, {QUEUE: 2})
    broker.declare_queue(QUEUE)
    return broker


def test_a_process_holds_no_more_messages_than_it_has_slots(broker: FarmBroker) -> None:
    sent = [send(broker, QUEUE, "encode", "job", number) for number in range(6)]
    assert broker.waiting(QUEUE) == 6
    consumer = broker.consume(QUEUE, prefetch=16, timeout=10)
    held = [message for message in (next(consumer) for _ in range(8)) if message is not None]
    assert [message.message_id for message in held] == sent[:2]
    assert broker.waiting(QUEUE) == 4, "the others are for other processes"
    consumer.ack(held[0])
    refill = [message for message in (next(consumer) for _ in range(4)) if message is not None]
    assert [message.message_id for message in refill] == sent[2:3]
    assert broker.waiting(QUEUE) == 3
    consumer.close()


def test_a_running_worker_leaves_waiting_what_it_has_no_slot_for(broker: FarmBroker) -> None:
    started, release = threading.Semaphore(0), threading.Event()

    def encode(job: str, number: int) -> None:
        started.release()
        release.wait(10)

    dramatiq.actor(queue_name=QUEUE, actor_name="encode", broker=broker)(encode)
    for number in range(6):
        send(broker, QUEUE, "encode", "job", number)
    worker = dramatiq.Worker(broker, queues={QUEUE}, worker_timeout=50, worker_threads=2)
    worker.start()
    try:
        assert started.acquire(timeout=5)
        assert started.acquire(timeout=5)
        time.sleep(0.2)
        assert broker.waiting(QUEUE) == 4
    finally:
        release.set()
        worker.stop(timeout=5000)


def test_a_message_carries_actor_and_arguments(broker: FarmBroker) -> None:
    message_id = send(broker, QUEUE, "encode", "job-1", "video-00000")
    message = next(broker.consume(QUEUE, timeout=10))
    assert (message.message_id, message.actor_name, message.args) == (
        message_id,
        "encode",
        ("job-1", "video-00000"),
    )


def test_a_message_whose_answer_got_lost_is_given_again(broker: FarmBroker, valkey: redis.Redis) -> None:
    sent = send(broker, QUEUE, "encode", "job", 1)
    broker.consume(QUEUE, timeout=10)
    broker.do_fetch(QUEUE, 1)  # Redis has given it, and the connection breaks before it arrives
    former = broker.broker_id
    consumer = broker.consume(QUEUE, timeout=10)
    assert next(consumer) is None
    assert broker.broker_id != former
    valkey.zadd("dramatiq:__heartbeats__", {former: 1})  # it falls silent
    assert Board(valkey).recover_messages([QUEUE]) == 1
    message = next(consumer)
    assert message is not None
    assert message.message_id == sent
    consumer.close()


def test_a_full_process_fetches_as_soon_as_it_has_done_with_a_message(broker: FarmBroker) -> None:
    sent = [send(broker, QUEUE, "encode", "job", number) for number in range(3)]
    consumer = broker.consume(QUEUE, timeout=60_000)
    held = [next(consumer), next(consumer)]
    fetched = []
    waiting = threading.Thread(target=lambda: fetched.append(next(consumer)))
    waiting.start()
    consumer.ack(held[0])
    waiting.join()
    assert [message.message_id for message in fetched] == sent[2:]
    consumer.close()


def test_a_process_on_hold_fetches_nothing_while_there_is_any_reason_for_it(broker: FarmBroker) -> None:
    sent = send(broker, QUEUE, "encode", "job", 1)
    consumer = broker.consume(QUEUE, timeout=10)
    broker.hold("scratch")
    broker.hold("stopping")
    assert next(consumer) is None
    broker.release("scratch")
    assert next(consumer) is None
    assert broker.waiting(QUEUE) == 1
    broker.release("stopping")
    message = next(consumer)
    assert message is not None
    assert message.message_id == sent
    consumer.close()


def test_a_process_on_hold_still_hands_out_what_it_has_fetched(broker: FarmBroker) -> None:
    sent = [send(broker, QUEUE, "encode", "job", number) for number in range(2)]
    consumer = broker.consume(QUEUE, timeout=10)
    held = [next(consumer)]  # Redis gave both
    broker.hold("stopping")
    held.append(next(consumer))
    assert [message.message_id for message in held] == sent
    consumer.close()


def test_an_empty_queue_is_looked_at_ever_more_rarely(
    broker: FarmBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    monkeypatch.setattr(broker, "do_fetch", lambda *_: looks.append(time.monotonic()) or [])
    consumer = broker.consume(QUEUE, timeout=1)
    until = time.monotonic() + 1
    while time.monotonic() < until:
        assert next(consumer) is None
    pauses = [after - before for before, after in pairwise(looks)]
    assert len(looks) < 60, "the pauses grow with the time"
    assert min(pauses[-5:]) > 5 * min(pauses[:5])
    consumer.close()


def test_the_pause_is_a_share_of_the_idle_time_within_bounds() -> None:
    assert [poll_pause(idle) for idle in (0, 1, 60)] == [0.005, 0.1, 0.25]
    assert poll_pause(60, longest=1.0) == 1.0
