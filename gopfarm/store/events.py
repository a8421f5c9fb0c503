"""What happened to jobs: a stream in Redis, so that nothing of it gets lost.

``lua/lib/events.lua`` writes an event in the step that makes the change.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import redis
from pydantic import BaseModel, ConfigDict

from gopfarm.store import keys

#: Events read at a time.
_PAGE = 500

#: The events that tell the end of a job.
ENDS = frozenset({"job.done", "job.failed", "job.cancelled"})


class Event(BaseModel):
    """Something that happened to a job. ``id`` orders all events; ``number`` counts those of the job."""

    model_config = ConfigDict(frozen=True)

    id: str
    job: str
    tenant: str
    event: str
    time: float
    progress: float
    number: int


class EventStore:
    """The stream of events.

    Args:
        client: A connection that decodes responses.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def events(self, after: str = "0", job_id: str | None = None) -> Iterator[Event]:
        """Yield what is remembered of events, oldest first, beginning behind the event with id ``after``.

        Raises:
            redis.ResponseError: ``after`` is not an event's id.
        """
        while True:
            page = cast("list[Any]", self._redis.xrange(keys.EVENTS, min=f"({after}", count=_PAGE))
            if not page:
                return
            yield from (event for event in map(event_of, page) if job_id in (None, event.job))
            after = page[-1][0]

    def last_event(self) -> str:
        """Return the id of the latest event; ``0`` if there is none."""
        last = cast("list[Any]", self._redis.xrevrange(keys.EVENTS, count=1))
        return str(last[0][0]) if last else "0"


def event_of(entry: tuple[str, dict[str, str]]) -> Event:
    """Read an entry of the stream of events."""
    return Event.model_validate({"id": entry[0], **entry[1]})
