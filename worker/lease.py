"""Holding on to a task: renewing its lease, and knowing when to let go."""

from __future__ import annotations

import threading
from collections.abc import Callable

from gopfarm.log import get_logger
from gopfarm.store import REDIS_FAULTS, TaskStore

log = get_logger(__name__)

#: Seconds between renewals; also how late the child of a cancelled job is ended at most.
_RENEW_SECONDS = 1.0


class Lease:
    """A running task's claim, renewed by a thread of its own for as long as the ``with`` block lasts.

    Nothing that the task waits for, such as a slow read from storage, can make it lose the lease.

    Args:
        store: Where the lease is kept.
        job_id, run, token, plan: Who runs what, see ``TaskStore``.
        seconds: How long the lease lasts without renewal.
        expired: Tells whether this worker wants to stop now.
    """

    def __init__(
        self,
        store: TaskStore,
        job_id: str,
        run: str,
        token: str,
        plan: str,
        seconds: float,
        expired: Callable[[], bool],
    ) -> None:
        self._store = store
        self._job_id = job_id
        self._run = run
        self._token = token
        self._plan = plan
        self._seconds = seconds
        self._expired = expired
        self._done = 0
        self._lost = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew_until_ended, name="lease", daemon=True)

    def __enter__(self) -> Lease:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._thread.join(_RENEW_SECONDS)  # a renewal that hangs must not hold up the result

    def keep(self, done: int) -> bool:
        """Note the frames or samples ``done``.

        Returns:
            False when the task is to be dropped: the job ended, another worker has it, or this one stops.
        """
        self._done = done
        return not self._lost.is_set() and not self._expired()

    def _renew_until_ended(self) -> None:
        while not self._ended.wait(_RENEW_SECONDS):
            try:
                wanted = self._store.renew(
                    self._job_id, self._run, self._token, self._seconds, self._done, self._plan
                )
            except REDIS_FAULTS as error:
                log.warning(
                    "redis is out of reach, encoding goes on",
                    job=self._job_id,
                    task=self._run,
                    reason=str(error),
                )
                continue
            if not wanted:
                self._lost.set()
                return
