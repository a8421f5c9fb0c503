"""Jobs page by page, newest first: stable while jobs come and go, and bounded in its work."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import cast

import redis

from gopfarm.errors import SpecError
from gopfarm.storage import shown
from gopfarm.store import keys
from gopfarm.store.models import JobState, JobView
from gopfarm.store.reading import JobReader

#: Jobs that one request looks at, at most: a filter that fits few of them ends a page early.
LOOKED_AT = 2000

#: Jobs looked at in one round trip.
_BATCH = 200

#: Failed attempts that lists tell of each job, the last ones: there may be thousands.
_FAILURES = 3


@dataclass(frozen=True)
class Filter:
    """Which jobs are wanted; None and '' want all.

    ``text`` is looked for in the id, the source and the destination, whatever its case.
    """

    tenants: Collection[str] | None = None
    states: Collection[JobState] | None = None
    text: str = ""

    def fits(self, job_id: str, state: str, tenant: str, spec: str | None) -> bool:
        """Tell whether a job is wanted. ``spec`` is needed only where there is a ``text``."""
        if self.tenants is not None and tenant not in self.tenants:
            return False
        if self.states is not None and state not in self.states:
            return False
        if not self.text:
            return True
        document = json.loads(spec or "{}")
        # Only what is shown is searched: else the answers would tell a signature letter by letter.
        texts = (job_id, *(shown(document.get(name, "")) for name in ("source", "destination")))
        return any(self.text.casefold() in text.casefold() for text in texts)


@dataclass(frozen=True)
class Page:
    """Some jobs, newest first, and where the next page begins; None if there is no more.

    A page may have fewer jobs than were asked for, or none, and still not be the last.
    """

    jobs: tuple[JobView, ...]
    next: str | None


@dataclass(frozen=True)
class _Place:
    """A job in the index: when it was submitted, in seconds since 1970, and its id."""

    time: float
    job_id: str

    def cursor(self) -> str:
        text = json.dumps([self.time, self.job_id])
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _place_of(cursor: str) -> _Place:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        time, job_id = json.loads(raw)
        if not isinstance(job_id, str) or not isinstance(time, float) or time != time:
            raise ValueError
    except (ValueError, TypeError):  # also of base64, of UTF-8, and of JSON that is no list
        raise SpecError("the cursor is not one that was given with a page") from None
    return _Place(time, job_id)


class Listing:
    """The index of all jobs.

    Args:
        client: A connection that decodes responses.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._reader = JobReader(client)

    def page(self, wanted: Filter, limit: int, cursor: str | None = None) -> Page:
        """Return the jobs that are wanted, newest first, from a cursor on.

        Raises:
            SpecError: The cursor is none of ours.
        """
        found: list[str] = []
        looked, place = 0, _place_of(cursor) if cursor else None
        for batch in self._batches(place):
            for fits, place in zip(self._fitting(batch, wanted), batch, strict=True):
                looked += 1
                if fits:
                    found.append(place.job_id)
                if len(found) == limit:
                    return self._page(found, place)
            if looked >= LOOKED_AT:
                return self._page(found, place)
        return self._page(found, None)

    def newest(self, wanted: Filter, limit: int) -> list[JobView]:
        """Return the newest jobs that are wanted, however many must be looked at for that."""
        found, cursor = list[JobView](), None
        while len(found) < limit:
            page = self.page(wanted, min(limit - len(found), _BATCH), cursor)
            found.extend(page.jobs)
            cursor = page.next
            if cursor is None:
                break
        return found

    def _batches(self, after: _Place | None) -> Iterator[list[_Place]]:
        """Yield the index in pieces, newest first, from behind a place that need not exist any more."""
        while True:
            newest: float | str = "+inf" if after is None else after.time
            found: list[_Place] = []
            offset = 0
            while not found:  # more than once only if a whole batch was submitted in one microsecond
                read = cast(
                    "list[tuple[str, float]]",
                    self._redis.zrevrangebyscore(
                        keys.JOBS, newest, "-inf", start=offset, num=_BATCH, withscores=True
                    ),
                )
                if not read:
                    return
                offset += len(read)
                places = [_Place(time, job_id) for job_id, time in read]
                found = [
                    place
                    for place in places
                    if after is None or (place.time, place.job_id) < (after.time, after.job_id)
                ]
            yield found
            after = found[-1]

    def _fitting(self, places: list[_Place], wanted: Filter) -> list[bool]:
        """Tell of each job whether it is wanted. Some may have been forgotten, and not yet by the index."""
        names = ["state", "tenant", *(["spec"] if wanted.text else [])]
        with self._redis.pipeline(transaction=False) as pipe:
            for place in places:
                pipe.hmget(keys.job(place.job_id), names)
            rows = cast("list[list[str | None]]", pipe.execute())
        return [
            row[0] is not None and wanted.fits(place.job_id, row[0], row[1] or "", (*row, None)[2])
            for place, row in zip(places, rows, strict=True)
        ]

    def _page(self, job_ids: list[str], place: _Place | None) -> Page:
        views = self._reader.views(job_ids, failures=_FAILURES) if job_ids else []
        jobs = tuple(view for view in views if view is not None)
        return Page(jobs, place.cursor() if place is not None else None)
