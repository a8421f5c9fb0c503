"""Blocks that the tasks of a process share: bounded, by source, and each fetched by one thread."""

from __future__ import annotations

import threading

import pytest

from gopfarm.facts import SourceRef
from gopfarm.storage.blocks import RUN_BLOCKS
from gopfarm.storage.shared import SharedBlocks

FILM = SourceRef("s3://b/film", 10_000, "one")


def test_the_blocks_used_longest_ago_go_first_when_the_bytes_are_too_many() -> None:
    shared = SharedBlocks(most_bytes=30)
    for number in range(3):
        shared.put(FILM, number, bytes(10))
    assert shared.get(FILM, 0) is not None
    shared.put(FILM, 3, bytes(10))
    shared.put(FILM, 3, bytes(10))
    assert [shared.get(FILM, number) is not None for number in range(4)] == [True, False, True, True]
    assert shared.size == 30


def test_a_source_that_changed_is_another_source() -> None:
    shared = SharedBlocks()
    shared.put(FILM, 0, b"old")
    assert shared.get(SourceRef(FILM.url, FILM.size, "two"), 0) is None
    assert shared.get(SourceRef(FILM.url, FILM.size + 1, FILM.etag), 0) is None
    assert shared.of(SourceRef(FILM.url, FILM.size, "")) is None


def test_threads_that_want_the_same_block_at_once_fetch_it_once() -> None:
    shared, fetched = SharedBlocks(), []
    inside, go_on = threading.Event(), threading.Event()

    def bring() -> None:
        inside.set()
        go_on.wait(10)
        fetched.append(threading.current_thread().name)
        shared.put(FILM, 1, b"block")

    threads = [threading.Thread(target=shared.fetch, args=(FILM, 1, bring)) for _ in range(4)]
    threads[0].start()
    assert inside.wait(10)
    for thread in threads[1:]:
        thread.start()
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert len(fetched) == 1


def test_another_place_does_not_wait_and_a_fetch_that_failed_lets_the_next_one_try() -> None:
    shared = SharedBlocks()

    def fail() -> None:
        shared.fetch(FILM, RUN_BLOCKS, lambda: shared.put(FILM, RUN_BLOCKS, b"there"))
        raise OSError("no answer")

    with pytest.raises(OSError, match="no answer"):
        shared.fetch(FILM, 0, fail)
    shared.fetch(FILM, 0, lambda: shared.put(FILM, 0, b"here"))
    assert (shared.get(FILM, 0), shared.get(FILM, RUN_BLOCKS)) == (b"here", b"there")
