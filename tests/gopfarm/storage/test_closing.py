"""Closing a source while a read of it hangs, as a cancelled task does."""

from __future__ import annotations

import threading

import pytest

from gopfarm.child.parent import AbandonedError
from gopfarm.errors import ServiceError
from gopfarm.facts import SourceRef
from gopfarm.storage.source import RangedSource


def test_closing_does_not_wait_for_a_read_and_frees_nothing_under_it() -> None:
    begun, released = threading.Event(), threading.Event()
    freed: list[bool] = []

    def fetch(start: int, length: int) -> bytes:
        begun.set()
        assert released.wait(60)
        assert not freed
        return bytes(length)

    source = RangedSource(SourceRef("s3://b/k", 1 << 21, "e"), fetch, b"", lambda: freed.append(True))
    reader = threading.Thread(target=source.read, args=(10,))
    reader.start()
    assert begun.wait(60)
    source.close()
    assert source.closed
    assert not freed
    released.set()
    reader.join(60)
    assert freed == [True]
    source.close()
    assert freed == [True]


def test_a_source_that_was_closed_is_not_asked_for_again() -> None:
    asked: list[int] = []

    def fetch(start: int, length: int) -> bytes:
        asked.append(start)
        source.close()
        raise ServiceError("away")

    source = RangedSource(SourceRef("s3://b/k", 1 << 21, "e"), fetch, b"")
    with pytest.raises(AbandonedError):
        source.read(10)
    assert len(asked) == 1
