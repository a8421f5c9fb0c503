"""Which workers are alive, and what they can do."""

from __future__ import annotations

from collections import Counter
from typing import cast

import redis

from gopfarm.store import keys
from gopfarm.store.client import now
from gopfarm.store.models import WorkerView

#: Seconds between a worker's announcements.
ANNOUNCE_SECONDS = 3.0

#: A worker that was not heard of for so many seconds is gone.
_GONE_SECONDS = 15.0


class Fleet:
    """The workers of a farm."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._read: dict[str, tuple[str, WorkerView]] = {}  # each worker's announcement as it was read last

    def announce(self, worker: WorkerView) -> None:
        """Tell the farm that a worker is alive, as seen by Redis' clock: those of workers may differ."""
        seen = worker.model_copy(update={"seen": now(self._redis)})
        self._redis.hset(keys.WORKERS, worker.id, seen.model_dump_json())

    def leave(self, worker_id: str) -> None:
        """Tell the farm that a worker stops."""
        self._redis.hdel(keys.WORKERS, worker_id)

    def announce_scheduler(self, name: str) -> None:
        """Tell the farm that a scheduler is alive."""
        self._redis.hset(keys.SCHEDULERS, name, now(self._redis))

    def scheduler_leaves(self, name: str) -> None:
        """Tell the farm that a scheduler stops."""
        self._redis.hdel(keys.SCHEDULERS, name)

    def schedulers(self) -> list[str]:
        """Return the live schedulers, and forget those that have gone silent."""
        found = cast("dict[str, str]", self._redis.hgetall(keys.SCHEDULERS))
        oldest = now(self._redis) - _GONE_SECONDS
        gone = [name for name, seen in found.items() if float(seen) < oldest]
        if gone:
            self._redis.hdel(keys.SCHEDULERS, *gone)
        return sorted(found.keys() - gone)

    def workers(self) -> list[WorkerView]:
        """Return the live workers, and forget those that have gone silent."""
        found = cast("dict[str, str]", self._redis.hgetall(keys.WORKERS))
        oldest = now(self._redis) - _GONE_SECONDS
        read, live = {}, []
        for worker_id, document in found.items():
            known = self._read.get(worker_id)
            if known is None or known[0] != document:
                known = document, WorkerView.model_validate_json(document)
            if known[1].seen < oldest:
                self._redis.hdel(keys.WORKERS, worker_id)
            else:
                read[worker_id] = known
                live.append(known[1])
        self._read = read
        return live

    def slots(self) -> Counter[str]:
        """Return the live slots by queue."""
        slots: Counter[str] = Counter()
        for worker in self.workers():
            slots.update(worker.slots)
        return slots

    def encoders(self) -> set[str]:
        """Return the video encoders that at least one live worker has."""
        return {encoder for worker in self.workers() for encoder in worker.encoders}
