"""Removes what jobs that were not published have left at their destinations."""

from __future__ import annotations

import threading

import redis

from gopfarm.errors import FarmError, ServiceError
from gopfarm.log import get_logger
from gopfarm.store import REDIS_FAULTS, TaskStore
from scheduler.finish import remove_unpublished

log = get_logger(__name__)

#: Seconds between looks for something to remove.
_EVERY_SECONDS = 1.0

#: Seconds for which a removal is this scheduler's: another one takes it up if this one dies.
_CLAIM_SECONDS = 300.0

#: Seconds that a removal in hand gets to end when its scheduler stops.
_STOP_SECONDS = 10.0

#: Seconds after which a removal is tried again: while workers still write, and where storage is away.
_BUSY_SECONDS = 3.0
_AWAY_SECONDS = 60.0


class Janitor:
    """A thread that removes unpublished files; every scheduler has one, since storage may be slow."""

    def __init__(self, store: TaskStore, client: redis.Redis) -> None:
        self._store = store
        self._client = client
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="janitor", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the removal in hand; one that takes long is left to another scheduler."""
        self._stopping.set()
        self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        while not self._stopping.wait(_EVERY_SECONDS):
            try:
                while not self._stopping.is_set() and (job_id := self._store.claim_cleanup(_CLAIM_SECONDS)):
                    with self._store.about(job_id):
                        self._clean(job_id)
            except REDIS_FAULTS as error:
                log.warning("redis is out of reach", reason=str(error))
            except Exception:
                log.exception("the removal of unpublished files met a bug")

    def _clean(self, job_id: str) -> None:
        try:
            if remove_unpublished(self._store, self._client, job_id):
                self._store.cleaned(job_id)
            else:
                self._store.put_off_cleanup(job_id, _BUSY_SECONDS)
        except ServiceError as error:
            log.warning("unpublished files cannot be removed now", reason=str(error))
            self._store.put_off_cleanup(job_id, _AWAY_SECONDS)
        except FarmError as error:
            log.warning("unpublished files could not be removed", reason=str(error))
            self._store.cleaned(job_id)
