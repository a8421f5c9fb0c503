"""A source that is slow must hold up nobody but the child that waits for it."""

from __future__ import annotations

import io
import threading
import time
from pathlib import Path

import pytest

from gopfarm.child.limits import Limits
from gopfarm.child.parent import AbandonedError, Child, run_in_child
from gopfarm.child.serving import Reads

LIMITS = Limits(memory_bytes=1 << 30)


class Slow(io.BytesIO):
    """A source whose reads hang until they are let go, and that notices when two threads use it at once."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.begun = threading.Event()
        self.released = threading.Event()
        self.busy = threading.Lock()

    def read(self, size: int | None = -1, /) -> bytes:
        assert self.busy.acquire(blocking=False), "two threads read at once"
        try:
            self.begun.set()
            assert self.released.wait(60)
            return super().read(size)
        finally:
            self.busy.release()


def test_a_task_that_is_not_wanted_any_more_ends_though_a_read_hangs() -> None:
    source = Slow(b"data")
    began: list[float] = []

    def wanted() -> bool:
        if source.begun.is_set():
            began.append(time.monotonic())
        return not began

    try:
        with pytest.raises(AbandonedError):
            run_in_child(
                "tests.gopfarm.child.targets:digest", b"[[0, 0, 4]]", source, 4, 60, wanted, limits=LIMITS
            )
        assert source.busy.locked(), "the read still hangs"
    finally:
        source.released.set()


def test_the_parent_hears_regularly_of_nothing_while_a_read_hangs(tmp_path: Path) -> None:
    source = Slow(b"data")
    with Child("tests.gopfarm.child.targets:digest", b"[[0, 0, 4]]", source, 4, tmp_path, LIMITS) as child:
        events = child.events(0.05)
        while not source.begun.is_set():
            assert next(events) is None
        assert [next(events) for _ in range(3)] == [None] * 3
        source.released.set()
        found = next(event for event in events if event is not None)
        assert isinstance(found, bytes)


def test_reads_are_answered_in_order_and_errors_are_passed_on() -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() >= 4:
                raise OSError("gone")
            return super().read(size)

    reads = Reads(Failing(b"0123456789"))
    try:
        reads.ask(1, 2)
        assert reads.answer() == b"12"
        reads.ask(4, 2)
        with pytest.raises(OSError, match="gone"):
            reads.answer()
        reads.ask(0, 3)
        assert reads.answer() == b"012"
    finally:
        reads.close()


def test_the_thread_that_reads_ends_with_its_child() -> None:
    before = threading.active_count()
    for _ in range(5):
        run_in_child("tests.gopfarm.child.targets:digest", b"[[0, 0, 4]]", io.BytesIO(b"data"), 4)
    deadline = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before
