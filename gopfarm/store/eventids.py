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
    if _ID.fullmatch(text) is None or not _may_have_one_after(*event_order(text)):
        raise SpecError("the id of an event is two numbers with a dash between, such as 1760000000000-0")
    return text


def _may_have_one_after(first: int, second: int) -> bool:
    """Tell whether an id is one of Redis', and not the very last: it refuses to read on behind that."""
    return max(first, second) <= _MAX_PART and min(first, second) < _MAX_PART


def event_order(text: str) -> tuple[int, int]:
    """Return what an id is compared by: as text, 10-0 would come before 9-0."""
    first, _, second = text.partition("-")
    return int(first), int(second or 0)
