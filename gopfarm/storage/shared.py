"""Blocks of sources that the tasks of a process share: what each of them reads is fetched once for all.

Every task reads the index of its film anew (some MB for two hours), the beginning, and the edges of its
chunk. A task's own readings of a picture and of its sound are seldom worth keeping, and go first.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from gopfarm.facts import SourceRef
from gopfarm.storage.blocks import RUN_BLOCKS

#: Bytes that a process keeps, for all its slots together. Between two tasks that begin in a film, its other
#: tasks read about what one of them reads: an index survives that, or is small against it.
SHARED_BYTES: Final = 64 << 20

#: Seconds to wait for another reader that is fetching the same place; then it has its own troubles.
_WAIT_SECONDS: Final = 2.0


class SharedBlocks:
    """Blocks by source, the ones used longest ago dropped first. May be used by several threads.

    A source is what ``SourceRef`` says it is, entity tag included: one that was changed is another one, and
    none of its bytes are here. Without an entity tag nothing is kept.

    Args:
        most_bytes: Bytes to keep at most.
    """

    def __init__(self, most_bytes: int = SHARED_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._blocks: OrderedDict[tuple[SourceRef, int], bytes] = OrderedDict()
        self._fetched: set[tuple[SourceRef, int]] = set()
        self._changed = threading.Condition()

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return self._bytes

    def of(self, source: SourceRef) -> SourceShelf | None:
        """Return the blocks of one source; None if nothing tells it from what it may become."""
        return SourceShelf(self, source) if source.etag else None

    def get(self, source: SourceRef, number: int) -> bytes | None:
        """Return a block of a source, None if it is not here."""
        with self._changed:
            block = self._blocks.get((source, number))
            if block is not None:
                self._blocks.move_to_end((source, number))
            return block

    def put(self, source: SourceRef, number: int, block: bytes) -> None:
        """Keep a block of a source."""
        with self._changed:
            former = self._blocks.pop((source, number), b"")
            self._blocks[source, number] = block
            self._bytes += len(block) - len(former)
            while self._bytes > self._most_bytes:
                _, dropped = self._blocks.popitem(last=False)
                self._bytes -= len(dropped)

    def fetch(self, source: SourceRef, number: int, fetch: Callable[[], None]) -> None:
        """Call ``fetch``, which puts the block here; wait first for another thread that is at this place.

        Slots begin with a job at the same moment, and all want its index.
        """
        place = source, number // RUN_BLOCKS
        with self._changed:
            self._changed.wait_for(lambda: place not in self._fetched, _WAIT_SECONDS)
            if (source, number) in self._blocks:
                return
            first = place not in self._fetched
            self._fetched.add(place)
        try:
            fetch()
        finally:
            if first:
                with self._changed:
                    self._fetched.discard(place)
                    self._changed.notify_all()

    def clear(self) -> None:
        """Forget every block."""
        with self._changed:
            self._blocks.clear()
            self._bytes = 0


class SourceShelf:
    """The shared blocks of one source."""

    def __init__(self, shared: SharedBlocks, source: SourceRef) -> None:
        self._shared = shared
        self._source = source

    def get(self, number: int) -> bytes | None:
        """Return a block, None if it is not there."""
        return self._shared.get(self._source, number)

    def put(self, number: int, block: bytes) -> None:
        """Keep a block for others."""
        self._shared.put(self._source, number, block)

    def fetch(self, number: int, fetch: Callable[[], None]) -> None:
        """Call ``fetch``, unless another reader is about to bring block ``number`` and does."""
        self._shared.fetch(self._source, number, fetch)


_shared = SharedBlocks()


def shared_blocks() -> SharedBlocks:
    """Return the blocks that this process shares."""
    return _shared
