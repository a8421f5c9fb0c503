"""Locks that run out by themselves: the leading scheduler, and who works on a destination."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context

import redis

from gopfarm.errors import ServiceError
from gopfarm.log import get_logger
from gopfarm.storage import place_of
from gopfarm.store import keys
from gopfarm.store.client import REDIS_FAULTS

log = get_logger(__name__)

#: Seconds after which another scheduler leads if the leader is not heard of.
LEADER_SECONDS = 5.0

#: Seconds after which a destination is free again whose holder died, and that others wait for it at most.
_DESTINATION_SECONDS = 20.0
_DESTINATION_WAIT_SECONDS = 120.0

_KEEP = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) and 1 or 0
"""
_LEAVE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class Leadership:
    """Which scheduler gives out tasks. Two that both believe to lead do no harm: each step is atomic.

    Args:
        client: A connection that decodes responses.
        name: Name of this scheduler.
    """

    def __init__(self, client: redis.Redis, name: str) -> None:
        self._redis = client
        self._name = name
        self._keep = client.register_script(_KEEP)
        self._leave = client.register_script(_LEAVE)

    def keep(self) -> bool:
        """Become the leader if there is none, or stay it; False if another leads."""
        return bool(self._keep(keys=[keys.LEADER], args=[self._name, int(LEADER_SECONDS * 1000)]))

    def leave(self) -> None:
        """Let another lead at once."""
        self._leave(keys=[keys.LEADER], args=[self._name])


@contextmanager
def destination_lock(client: redis.Redis, url: str) -> Iterator[Callable[[], bool]]:
    """Be the only one to take stock, publish or remove files at a destination, however it is spelled.

    Yields a function that tells whether the lock is still held: it runs out for who stands still for long.

    Raises:
        ServiceError: Others held it for too long.
    """
    name = keys.destination(hashlib.sha256(place_of(url).encode()).hexdigest()[:32])
    lock = client.lock(
        name,
        timeout=_DESTINATION_SECONDS,
        blocking_timeout=_DESTINATION_WAIT_SECONDS,
        thread_local=False,
    )
    if not lock.acquire():
        raise ServiceError(f"{url} is busy: another job has been publishing or removing files there for long")
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(_DESTINATION_SECONDS / 5):
            try:
                lock.reacquire()
            except REDIS_FAULTS as error:
                log.warning("the lock of a destination was not renewed", reason=str(error))

    threading.Thread(target=copy_context().run, args=(renew,), name="destination", daemon=True).start()
    try:
        yield lock.owned
    finally:
        ended.set()
        try:
            lock.release()
        except REDIS_FAULTS as error:
            log.warning("the lock of a destination will run out by itself", reason=str(error))
