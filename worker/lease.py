"""Holding on to a task: renewing its lease, and knowing when to let go."""

from __future__ import annotations

import time
from collections.abc import Callable

import redis

from gopfarm.log import get_logger
from gopfarm.store import TaskStore

log = get_logger(__name__)

#: Seconds between renewals; also how late the child of a cancelled job is ended at most.
_RENEW_SECONDS = 1.0

#: Redis being out of reach does not stop work that is under way.
REDIS_FAULTS = (redis.ConnectionError, redis.TimeoutError)


class Lease:
    """A running task's claim.

    Args:
        store: Where the lease is kept.
        job_id, task_id, worker_id: Who runs what.
        seconds: How long the lease lasts without renewal.
        expired: Tells whether this worker wants to stop now.
    """

    def __init__(
        self,
        store: TaskStore,
        job_id: str,
        task_id: str,
        worker_id: str,
        seconds: float,
        expired: Callable[[], bool],
    ) -> None:
        self._store = store
        self._job_id = job_id
        self._task_id = task_id
        self._worker_id = worker_id
        self._seconds = seconds
        self._expired = expired
        self._renewed = time.monotonic()

    def keep(self, done: int) -> bool:
        """Renew the lease if it is time to, noting the frames or samples ``done``.

        Returns:
            False when the task is to be dropped: the job ended, another worker has it, or this one stops.
        """
        if self._expired():
            return False
        if time.monotonic() - self._renewed < _RENEW_SECONDS:
            return True
        self._renewed = time.monotonic()
        try:
            return self._store.renew(self._job_id, self._task_id, self._worker_id, self._seconds, done)
        except REDIS_FAULTS as error:
            log.warning("redis is out of reach, encoding goes on", reason=str(error))
            return True
