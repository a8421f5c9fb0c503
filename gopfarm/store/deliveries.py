"""The webhooks that tell of events: written in Redis, so that none gets lost.

``lua/lib/events.lua`` writes a delivery with the event that asks for it. It is claimed under a lease, tried,
and settled; whoever dies in between loses nothing.
"""

from __future__ import annotations

import enum
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import redis
from pydantic import BaseModel, ConfigDict

from gopfarm.store import keys
from gopfarm.store.models import JobState, JobView
from gopfarm.store.scripts import Scripts

#: Due deliveries that one claim looks at: with more, those of hosts without room step back for a second.
_LOOKED_AT = 1000

#: Redis writes the time of a failed attempt to a tenth of a millisecond.
_ROUNDING_SECONDS = 0.0001


class Outcome(enum.StrEnum):
    """What became of a try to deliver."""

    DELIVERED = "delivered"
    RETRY = "retry"
    DEAD = "dead"


class DeliveryView(BaseModel):
    """A webhook's delivery as operators see it. Times are seconds since 1970.

    ``state`` is waiting, delivered or dead; ``due`` is when it is tried next, while it waits.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    job: str
    event: str
    time: float
    progress: float
    host: str
    state: str
    tries: int
    tried: float | None = None
    due: float | None = None
    error: str | None = None


@dataclass(frozen=True)
class Delivery:
    """A delivery that was claimed: to be tried now, and then settled.

    Args:
        id: The same for every try: ``<job>:<number>``.
        job: The job's id.
        event, time, progress: What happened, when, and how far the job was.
        host: The receiver, as claims count it.
        attempt: Number of this try, from 1.
        seen: The job's changing fields as they were when it happened.
    """

    id: str
    job: str
    event: str
    time: float
    progress: float
    host: str
    attempt: int
    seen: Mapping[str, Any]

    def view_of(self, job: JobView) -> JobView:
        """Return the job as it was when the event happened, from how it is now."""
        seen = self.seen
        times = {name[3:]: float(value) for name, value in seen.items() if name.startswith("at:")}
        return job.model_copy(
            update={
                "state": JobState(seen["state"]),
                "times": dict(sorted(times.items(), key=lambda item: item[1])),
                "error_kind": seen.get("error_kind"),
                "error": seen.get("error"),
                "plan_hash": seen.get("plan_hash"),
                "master": seen.get("master"),
                "tasks": int(seen["tasks"]),
                "tasks_done": int(seen["tasks_done"]),
                "progress": self.progress,
                "priority": int(seen.get("priority", job.priority)),
                "retries": int(seen.get("retries", 0)),
                "failures": tuple(
                    failure for failure in job.failures if failure.at <= self.time + _ROUNDING_SECONDS
                ),
            }
        )


@dataclass(frozen=True)
class Backlog:
    """How many webhooks wait and how many were given up; the age of the oldest that waits, in seconds."""

    waiting: int
    dead: int
    oldest_seconds: float


class DeliveryStore:
    """Deliveries, for whoever makes them and for operators.

    Args:
        client: A connection that decodes responses.
        ttl_seconds: How long a delivery is remembered once it is delivered or given up.
    """

    def __init__(self, client: redis.Redis, ttl_seconds: float) -> None:
        self._redis = client
        self._ttl = int(ttl_seconds)
        self._scripts = Scripts(client)

    # For whoever delivers.

    def claim(
        self, most: int, lease_seconds: float, host_room: int, room: Mapping[str, int]
    ) -> list[Delivery]:
        """Take deliveries that are due; each is due again after the lease unless it is settled.

        Args:
            most: At most so many.
            lease_seconds: How long trying one may take.
            host_room: At most so many of one host, where ``room`` does not say otherwise.
            room: How many of which host.
        """
        pairs = [item for pair in room.items() for item in pair]
        arguments: list[str | int | float] = [most, lease_seconds, _LOOKED_AT, host_room, *pairs]
        taken = cast("list[Any]", self._scripts.run("claim_deliveries", *arguments))
        claimed = (self._claimed(str(taken[i]), int(taken[i + 1])) for i in range(0, len(taken), 2))
        return [delivery for delivery in claimed if delivery is not None]

    def _claimed(self, delivery_id: str, attempt: int) -> Delivery | None:
        record = self._record(delivery_id)
        if not record:
            return None
        return Delivery(
            id=delivery_id,
            job=record["job"],
            event=record["event"],
            time=float(record["time"]),
            progress=float(record["progress"]),
            host=record["host"],
            attempt=attempt,
            seen=json.loads(record["seen"]),
        )

    def settle(
        self, delivery: Delivery, outcome: Outcome, error: str = "", pause_seconds: float = 0.0
    ) -> bool:
        """Note what became of a try; False if a later one has taken over, which then decides."""
        arguments: list[str | int | float] = [
            delivery.id,
            delivery.attempt,
            outcome.value,
            pause_seconds,
            error,
            self._ttl,
        ]
        return bool(self._scripts.run("settle_delivery", *arguments))

    def backlog(self) -> Backlog:
        """Return how much waits and how much was given up, as far as that is remembered."""
        now = time.time()
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.zcard(keys.DELIVERIES)
            pipe.zcount(keys.DEAD, f"({now}", "+inf")
            pipe.zrange(keys.DELIVERIES_BY_AGE, 0, 0, withscores=True)
            waiting, dead, oldest = pipe.execute()
        age = max(0.0, now - oldest[0][1]) if oldest else 0.0
        return Backlog(waiting, dead, age)

    # For operators.

    def delivery(self, delivery_id: str) -> DeliveryView | None:
        """Return one delivery; None if it is not known (any more)."""
        return next(iter(self._views([delivery_id])), None)

    def waiting(self, limit: int) -> list[DeliveryView]:
        """Return the deliveries that are still to be made, oldest event first."""
        return self._views(cast("list[str]", self._redis.zrange(keys.DELIVERIES_BY_AGE, 0, limit - 1)))

    def dead(self, limit: int) -> list[DeliveryView]:
        """Return the deliveries that were given up, latest first; forgotten ones leave the index.

        Of more than ``limit``, those that are remembered longest.
        """
        ids = cast("list[str]", self._redis.zrevrange(keys.DEAD, 0, limit - 1))
        views = self._views(ids)
        gone = set(ids) - {view.id for view in views}
        if gone:
            self._redis.zrem(keys.DEAD, *gone)
        return sorted(views, key=lambda view: view.tried or 0.0, reverse=True)

    def of_job(self, job_id: str) -> list[DeliveryView]:
        """Return a job's deliveries in the order of its events, those that were made included."""
        count = int(cast("str | None", self._redis.hget(keys.job(job_id), "events")) or 0)
        return self._views([f"{job_id}:{number}" for number in range(1, count + 1)])

    def replay(self, delivery_id: str) -> bool:
        """Make a delivery due now, with all tries before it again; False if it is not known."""
        return bool(self._scripts.run("replay_delivery", delivery_id))

    def _record(self, delivery_id: str) -> dict[str, str]:
        return cast("dict[str, str]", self._redis.hgetall(keys.delivery(delivery_id)))

    def _views(self, ids: Sequence[str]) -> list[DeliveryView]:
        """Return those of some deliveries that are known, in one round trip."""
        with self._redis.pipeline(transaction=False) as pipe:
            for delivery_id in ids:
                pipe.hgetall(keys.delivery(delivery_id))
                pipe.zscore(keys.DELIVERIES, delivery_id)
            found = pipe.execute()
        rows = zip(ids, found[::2], found[1::2], strict=True)
        return [_view(delivery_id, record, due) for delivery_id, record, due in rows if record]


def _view(delivery_id: str, record: Mapping[str, str], due: float | None) -> DeliveryView:
    return DeliveryView(
        id=delivery_id,
        job=record["job"],
        event=record["event"],
        time=float(record["time"]),
        progress=float(record["progress"]),
        host=record["host"],
        state=record["state"],
        tries=int(record["tries"]),
        tried=float(record["tried"]) if "tried" in record else None,
        due=due,
        error=record.get("error") or None,
    )
