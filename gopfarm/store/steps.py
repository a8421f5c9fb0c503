"""Steps of a job that one scheduler at a time may do: probing and planning, and publishing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from gopfarm.log import get_logger
from gopfarm.store import keys
from gopfarm.store.client import REDIS_FAULTS

log = get_logger(__name__)

#: Seconds after which a step whose scheduler died is free again.
STEP_SECONDS = 20.0

_RENEW_SECONDS = STEP_SECONDS / 4


@contextmanager
def step(client: redis.Redis, job_id: str) -> Iterator[bool]:
    """Claim the current step of a job; yields False if another scheduler is at it.

    The message that asked for the step is given again when its scheduler dies; whoever gets it then claims
    the step anew and does it from its beginning.
    """
    lock = client.lock(keys.step(job_id), timeout=STEP_SECONDS, blocking=False, thread_local=False)
    if not lock.acquire():
        yield False
        return
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(_RENEW_SECONDS):
            try:
                lock.reacquire()
            except REDIS_FAULTS as error:
                log.warning("the claim on a job's step was not renewed", job=job_id, reason=str(error))

    renewer = threading.Thread(target=renew, name="step", daemon=True)
    renewer.start()
    try:
        yield True
    finally:
        ended.set()
        renewer.join(1.0)
        try:
            lock.release()
        except REDIS_FAULTS as error:
            log.warning("the claim on a job's step will run out by itself", job=job_id, reason=str(error))
