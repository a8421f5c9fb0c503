"""Ids of events, which order them: those of the stream in Redis, two numbers with a dash between."""

from __future__ import annotations

import re

from gopfarm.errors import SpecError

_ID = re.compile(r"(\d{1,20})(?:-(\d{1,20}))?", re.ASCII)
_MAX_PART = 2**64 - 1


def event_id(text: str) -> str:
    """Return an event's id as somebody has given it.

    Raises:
        SpecError: It is none.
    """
    match = _ID.fullmatch(text)
    if match is None or any(int(part or 0) > _MAX_PART for part in match.groups()):
        raise SpecError("the id of an event is two numbers with a dash between, such as 1760000000000-0")
    return text


def event_order(text: str) -> tuple[int, int]:
    """Return what an id is compared by: as text, 10-0 would come before 9-0."""
    first, _, second = text.partition("-")
    return int(first), int(second or 0)
