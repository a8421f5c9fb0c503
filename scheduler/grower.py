"""Keeps the playlists of progressive jobs growing."""

from __future__ import annotations

import threading

import redis

from gopfarm.child.parent import AbandonedError
from gopfarm.errors import FarmError
from gopfarm.log import get_logger
from gopfarm.store import REDIS_FAULTS, TaskStore
from scheduler.growth import Growth

log = get_logger(__name__)

#: Jobs that a scheduler looks at in parallel: a look that publishes mostly waits for storage.
_THREADS = 4

#: Seconds between questions for a job that is due.
_EVERY_SECONDS = 0.5

#: Seconds for which a job is left to whoever looks at it: another one takes it up if that scheduler dies.
_CLAIM_SECONDS = 20.0

#: Seconds after which a job is looked at again whose destination could not be used. Nothing fails by that:
#: the tasks that write there meet the same, and so does publishing.
_AWAY_SECONDS = 10.0

#: Seconds that looks in hand get to end when their scheduler stops.
_STOP_SECONDS = 10.0


class Grower:
    """Threads that look at progressive jobs in turn; every scheduler has some, since storage may be slow."""

    def __init__(self, store: TaskStore, client: redis.Redis) -> None:
        self._store = store
        self._growth = Growth(store, client)
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, name=f"grower-{number}", daemon=True)
            for number in range(_THREADS)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End after the looks in hand; one that takes long is left to another scheduler."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        while not self._stopping.wait(_EVERY_SECONDS):
            try:
                while not self._stopping.is_set() and (job_id := self._store.claim_growing(_CLAIM_SECONDS)):
                    with self._store.about(job_id):
                        pause = self._look(job_id)
                    self._store.put_off_growing(job_id, pause)
            except REDIS_FAULTS as error:
                log.warning("redis is out of reach", reason=str(error))

    def _look(self, job_id: str) -> float:
        """Look at a job; return the seconds until the next look."""
        try:
            return self._growth.look(job_id)
        except REDIS_FAULTS:
            raise
        except AbandonedError as reason:
            log.info("a look at a growing job was broken off", reason=str(reason))
        except FarmError as error:
            log.warning("playlists cannot be written now", reason=str(error))
        except Exception:
            log.exception("growing playlists met a bug")
        return _AWAY_SECONDS
