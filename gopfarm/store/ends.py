"""The jobs that have ended, each told once: for who counts them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import redis

from gopfarm.store import keys
from gopfarm.store.events import ENDS
from gopfarm.store.models import JobState
from gopfarm.store.scripts import Scripts

#: Events that are read at a time.
_MAX_EVENTS = 1000


@dataclass(frozen=True)
class EndedJob:
    """A job that has ended. Times are seconds since 1970.

    ``begun`` is when its first task was started, ``media_seconds`` for how long it plays: None where it did
    not come that far. ``refused`` is a submission that became no job.
    """

    id: str
    tenant: str
    state: JobState
    error_kind: str | None
    submitted: float
    ended: float
    begun: float | None
    media_seconds: float | None
    refused: bool = False


class Ended:
    """The jobs that have ended since this was asked last, by whichever scheduler.

    Args:
        client: A connection that decodes responses.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._scripts = Scripts(client)

    def take(self) -> list[EndedJob]:
        """Return them, each to one caller only.

        An end after which the job was sent through again already is not among them: its record is of the
        later time.
        """
        last = cast("str | None", self._redis.get(keys.EVENTS_COUNTED)) or "0"
        answer = cast("list[Any]", self._redis.xread({keys.EVENTS: last}, count=_MAX_EVENTS))
        entries = answer[0][1] if answer else []
        if not entries:
            return []
        ends = [(fields["job"], fields["event"]) for _, fields in entries if fields["event"] in ENDS]
        with self._redis.pipeline(transaction=False) as pipe:
            for job_id, _ in ends:
                pipe.hgetall(keys.job(job_id))
            records = pipe.execute()
        if not self._scripts.run("count_ends", last, entries[-1][0]):
            return []  # another scheduler has them, which takes over just now
        return [
            _ended_job(job_id, fields)
            for (job_id, event), fields in zip(ends, records, strict=True)
            if fields and event == f"job.{fields['state']}"
        ]


def _ended_job(job_id: str, fields: Mapping[str, str]) -> EndedJob:
    return EndedJob(
        id=job_id,
        tenant=fields["tenant"],
        state=JobState(fields["state"]),
        error_kind=fields.get("error_kind"),
        submitted=float(fields["at:queued"]),
        ended=float(fields[f"at:{fields['state']}"]),
        begun=float(fields["begun"]) if "begun" in fields else None,
        media_seconds=float(fields["media_seconds"]) if "media_seconds" in fields else None,
        refused="rejected" in fields,
    )
