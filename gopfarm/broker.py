"""The message broker: dramatiq on Redis, with every option that matters set on purpose."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Mapping
from typing import Any

import dramatiq
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
from dramatiq.middleware import CurrentMessage, Retries

from gopfarm.store.client import connect

#: Queue of submissions and of the scheduler's other messages. Actor ``submit`` on it is a public contract.
JOBS_QUEUE = "jobs"

#: Longest pause (ms) of a consumer that finds its queue empty.
IDLE_POLL_MS = 250

#: It looks again after this share of the time that the queue has been empty by then, since messages follow
#: each other: a job's next step is soon to come, or not for long.
_IDLE_SHARE = 0.1
_SHORTEST_POLL_MS = 5.0


class FarmConsumer(_RedisConsumer):
    """A consumer that fetches the next message as soon as there is room for it, and none on hold.

    dramatiq's looks for room every so often, so that a slot which has become free would stay so for a while.
    Its own pause gives up the consumer, and takes three seconds to start another.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)  # type: ignore[no-untyped-call]
        self._room = threading.Event()
        self._longest_pause = self.timeout
        self._empty_since = time.monotonic()

    def __next__(self) -> Any:
        """Return the next message; None if none came for a while."""
        self._room.clear()
        if self._is_full():
            self._room.wait(self._longest_pause / 1000)
            if self._is_full():
                return None
        idle_ms = 1000 * (time.monotonic() - self._empty_since)
        # How long dramatiq sleeps if there is no message.
        self.timeout = min(self._longest_pause, max(_SHORTEST_POLL_MS, _IDLE_SHARE * idle_ms))
        message = super().__next__()  # type: ignore[no-untyped-call]
        if message is not None:
            self._empty_since = time.monotonic()
        return message

    def _is_full(self) -> bool:
        if self.message_cache:
            return False
        return bool(self.broker.on_hold or self.outstanding_message_count >= self.prefetch)

    def ack(self, message: Any) -> None:
        """Have done with a message."""
        try:
            super().ack(message)  # type: ignore[no-untyped-call]
        finally:
            self._has_room()

    def nack(self, message: Any) -> None:
        """Have done with a message that failed."""
        try:
            super().nack(message)  # type: ignore[no-untyped-call]
        finally:
            self._has_room()

    def _has_room(self) -> None:
        self._empty_since = time.monotonic()
        self._room.set()


class FarmBroker(RedisBroker):
    """A broker whose consumers hold as many messages as the process has slots for the queue, and no more.

    dramatiq's default fetches twice as many messages as there are threads: a long task would wait in one
    process while another stands idle.

    Args:
        url: Address of Redis.
        slots: Messages that may be held at a time, by queue.
    """

    def __init__(self, url: str, slots: Mapping[str, int]) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            client=connect(url, decode_responses=False),
            middleware=[CurrentMessage(), Retries(max_retries=0)],
            maintenance_chance=0,  # not by chance: see ``Board.recover_messages``
        )
        self._slots = dict(slots)
        self._consumed = set[str]()
        self._holds = set[str]()

    @property
    def on_hold(self) -> bool:
        """Whether no message is fetched for now."""
        return bool(self._holds)

    def hold(self, reason: str) -> None:
        """Fetch no message until this reason is gone. Those in hand may be acknowledged as ever."""
        self._holds.add(reason)

    def release(self, reason: str) -> None:
        """Fetch messages again, unless there is another reason not to."""
        self._holds.discard(reason)

    @property
    def consumer_class(self) -> type[FarmConsumer]:
        """The class of the consumers."""
        return FarmConsumer

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Any:
        """Create a consumer of a queue; a new one after each fault.

        The answer to a fetch may have got lost, and with it messages that Redis takes for ours. We go on
        under another name: the old one falls silent, and all that it held is given again.
        """
        if queue_name in self._consumed:
            self.broker_id = str(uuid.uuid4())
        self._consumed.add(queue_name)
        return super().consume(queue_name, self._slots.get(queue_name, prefetch), timeout)

    def waiting(self, queue_name: str) -> int:
        """Return how many messages of a queue no process has fetched yet."""
        return int(self.client.llen(f"{self.namespace}:{queue_name}"))


def send(broker: RedisBroker, queue: str, actor: str, *arguments: object) -> str:
    """Send a message to an actor of whatever process consumes the queue; return the message's id."""
    message: dramatiq.Message[None] = dramatiq.Message(
        queue_name=queue, actor_name=actor, args=arguments, kwargs={}, options={}
    )
    return broker.enqueue(message).message_id
