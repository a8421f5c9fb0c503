"""The message broker: dramatiq on Redis, with every option that matters set on purpose."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Mapping
from typing import Any

import dramatiq
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
from dramatiq.common import dq_name
from dramatiq.middleware import CurrentMessage, Retries

from gopfarm.store.client import connect
from gopfarm.store.timing import name_script

#: Queue of submissions and of the scheduler's other messages. Actor ``submit`` on it is a public contract.
JOBS_QUEUE = "jobs"

#: Longest pause of a consumer that finds its queue empty.
IDLE_POLL_SECONDS = 0.25

#: That of one for delayed messages, of which only queue ``jobs`` may have any. It is also the sign of life of
#: a process whose slots are all busy, which fetches nothing else.
DELAYED_POLL_SECONDS = 1.0

#: It looks again after this share of the time that the queue has been empty by then, since messages follow
#: each other: a job's next step is soon to come, or not for long.
_IDLE_SHARE = 0.1
_SHORTEST_POLL_SECONDS = 0.005

#: How often (ms) dramatiq's threads look whether they are to stop.
STOP_POLL_MS = 100


def poll_pause(empty_seconds: float, longest: float = IDLE_POLL_SECONDS) -> float:
    """Return the seconds until a queue is looked at again that has been empty for so long."""
    return min(longest, max(_SHORTEST_POLL_SECONDS, _IDLE_SHARE * empty_seconds))


class FarmConsumer(_RedisConsumer):
    """A consumer that fetches the next message as soon as there is room for it, and none on hold.

    dramatiq's looks for room every so often, so that a slot which has become free would stay so for a while.
    Its own pause gives up the consumer, and takes three seconds to start another.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)  # type: ignore[no-untyped-call]
        self._stop_poll = self.timeout / 1000
        self.timeout = 0  # dramatiq sleeps no longer than that: we wait where we can be woken
        self._longest_pause = (
            DELAYED_POLL_SECONDS if dq_name(self.queue_name) == self.queue_name else IDLE_POLL_SECONDS
        )
        self._woken = threading.Event()
        self._empty_since = self._look_at = time.monotonic()

    def __next__(self) -> Any:
        """Return the next message; None if none came for a while."""
        self._woken.clear()
        if self._is_full():
            self._woken.wait(self._stop_poll)
        elif not self.message_cache:
            self._woken.wait(max(0.0, min(self._stop_poll, self._look_at - time.monotonic())))
        if self._is_full() or (not self.message_cache and time.monotonic() < self._look_at):
            return None
        message = super().__next__()  # type: ignore[no-untyped-call]
        now = time.monotonic()
        if message is not None:
            self._empty_since = now
        self._look_at = now + poll_pause(now - self._empty_since, self._longest_pause)
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
        self._empty_since = self._look_at = time.monotonic()
        self._woken.set()


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
        for script in self.scripts.values():
            name_script(script.sha, "dramatiq")
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


def send(broker: RedisBroker, queue: str, actor: str, *arguments: object, **options: object) -> str:
    """Send a message to an actor of whatever process consumes the queue; return the message's id."""
    message: dramatiq.Message[None] = dramatiq.Message(
        queue_name=queue, actor_name=actor, args=arguments, kwargs={}, options=options
    )
    return broker.enqueue(message).message_id
