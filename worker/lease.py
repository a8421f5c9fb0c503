"""Holding on to tasks: renewing their leases, and knowing when to let go."""

from __future__ import annotations

import threading
from collections.abc import Callable

from gopfarm.log import get_logger
from gopfarm.store import REDIS_FAULTS, Renewal, TaskStore

log = get_logger(__name__)

#: Seconds between renewals; also how late the child of a cancelled job is ended at most.
_RENEW_SECONDS = 1.0


class Leases:
    """The leases of a worker's running tasks, all renewed together by a thread of its own.

    Nothing that a task waits for, such as a slow read from storage, can make it lose its lease.

    Args:
        store: Where leases are kept.
        seconds: How long a lease lasts without renewal.
        expired: Tells whether this worker wants to stop now.
    """

    def __init__(self, store: TaskStore, seconds: float, expired: Callable[[], bool]) -> None:
        self._store = store
        self._seconds = seconds
        self._expired = expired
        self._held: dict[str, Lease] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew_until_ended, name="leases", daemon=True)

    def start(self) -> None:
        """Begin to renew."""
        self._thread.start()

    def stop(self) -> None:
        """End, once all tasks have."""
        self._ended.set()
        self._thread.join(_RENEW_SECONDS)  # a renewal that hangs is not waited for

    def hold(self, job_id: str, run: str, token: str, plan: str) -> Lease:
        """Return a lease on a run that was just started (see ``TaskStore``), renewed inside its ``with``."""
        return Lease(self, job_id, run, token, plan)

    def wants_to_stop(self) -> bool:
        """Tell whether this worker wants to stop now."""
        return self._expired()

    def add(self, lease: Lease) -> None:
        """Renew a lease from now on."""
        with self._lock:
            self._held[lease.token] = lease

    def remove(self, lease: Lease) -> None:
        """Renew a lease no more."""
        with self._lock:
            self._held.pop(lease.token, None)

    def _renew_until_ended(self) -> None:
        while not self._ended.wait(_RENEW_SECONDS):
            with self._lock:
                held = [lease for lease in self._held.values() if not lease.lost]
            if not held:
                continue
            try:
                wanted = self._store.renew_many([lease.renewal() for lease in held], self._seconds)
            except REDIS_FAULTS as error:
                log.warning("redis is out of reach, encoding goes on", tasks=len(held), reason=str(error))
                continue
            except Exception:
                log.exception("leases were not renewed")
                continue
            for lease, is_wanted in zip(held, wanted, strict=True):
                lease.lost = not is_wanted


class Lease:
    """A running task's claim.

    Args:
        leases: Who renews it.
        job_id, run, token, plan: Who runs what, see ``TaskStore``.
    """

    def __init__(self, leases: Leases, job_id: str, run: str, token: str, plan: str) -> None:
        self._leases = leases
        self._job_id = job_id
        self._run = run
        self._plan = plan
        self._done = 0
        self.token = token
        self.lost = False

    def __enter__(self) -> Lease:
        self._leases.add(self)
        return self

    def __exit__(self, *exception: object) -> None:
        self._leases.remove(self)

    def keep(self, done: int) -> bool:
        """Note the frames or samples ``done``.

        Returns:
            False when the task is to be dropped: the job ended, another worker has it, or this one stops.
        """
        self._done = done
        return not self.lost and not self._leases.wants_to_stop()

    def renewal(self) -> Renewal:
        """Return what renews it."""
        return Renewal(self._job_id, self._run, self.token, self._done, self._plan)
