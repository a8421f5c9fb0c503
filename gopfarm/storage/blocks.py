"""A small cache of blocks over a source that is read in ranges, so that a demuxer's seeks stay cheap."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

#: Bytes of a block, the unit of caching. Demuxers look at a few bytes in many places: what lies around those
#: is read in vain.
BLOCK_BYTES = 1 << 14

#: Most blocks of one request (4 MiB). A request costs about as long as 1 MiB takes to arrive from object
#: storage: sequential reading grows to where that does not matter any more.
RUN_BLOCKS = 256

#: Most blocks that one reader keeps (8 MiB), so that an interleaved file's sound and picture stay at hand.
CACHE_BLOCKS = 512

#: Readings that go on side by side in one file, at most: those of a film and a few of its tracks.
_READINGS = 64

#: ``fetch(start, length)`` returns exactly ``length`` bytes from offset ``start``, or raises.
Fetch = Callable[[int, int], bytes]


class Shelf(Protocol):
    """Blocks of the same source that other readers of this process have fetched (see ``shared.py``)."""

    def get(self, number: int) -> bytes | None:
        """Return a block, None if it is not there."""

    def put(self, number: int, block: bytes) -> None:
        """Keep a block for others."""

    def fetch(self, number: int, fetch: Callable[[], None]) -> None:
        """Call ``fetch``, unless another reader is about to bring block ``number`` and does."""


class BlockCache:
    """Random access to ``size`` bytes that come in ranges from ``fetch``.

    A miss brings what is asked for. Where it goes on from another fetch, it brings at least half as many
    blocks as that whole run of fetches did (at most ``run_blocks``), so requests grow with sequential
    reading, also with several readings side by side. Where it is known what will be read, requests are as
    long as they may be at once, and end with it. The blocks used longest ago are dropped first. Not
    thread-safe.

    Parameters:
        size: Bytes of the whole source.
        fetch: Gets a range. What it raises goes to the caller of ``read_into``.
        shelf: Where blocks are looked for before they are fetched, and put afterwards.
        block_bytes, run_blocks, cache_blocks: See the constants of this module.
    """

    def __init__(
        self,
        size: int,
        fetch: Fetch,
        shelf: Shelf | None = None,
        *,
        block_bytes: int = BLOCK_BYTES,
        run_blocks: int = RUN_BLOCKS,
        cache_blocks: int = CACHE_BLOCKS,
    ) -> None:
        if not 1 <= run_blocks <= cache_blocks:
            raise ValueError(f"a run of {run_blocks} blocks does not fit into a cache of {cache_blocks}")
        self._size = size
        self._fetch = fetch
        self._shelf = shelf
        self._block_bytes = block_bytes
        self._run_blocks = run_blocks
        self._cache_blocks = cache_blocks
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._expected = range(0)
        #: Where runs of fetches ended, the latest last: the block after it, and how many there were.
        self._ends: OrderedDict[int, int] = OrderedDict()

    def expect(self, start: int, end: int) -> None:
        """Take it that the bytes from ``start`` up to ``end`` are about to be read, all of them in order."""
        self._expected = range(start // self._block_bytes, -(-end // self._block_bytes))

    def put(self, number: int, data: bytes) -> None:
        """Keep ``data``, which starts at block ``number`` and ends at a block's or the source's end."""
        run = self._ends.pop(number, 0)
        for at in range(0, len(data), self._block_bytes):
            block = data[at : at + self._block_bytes]
            self._keep(number, block)
            if self._shelf is not None:
                self._shelf.put(number, block)
            number, run = number + 1, run + 1
        while number in self._blocks:
            number += 1
        if number != self._expected.stop:  # beyond that, reading goes on for a few pictures at most
            self._ends[number] = run
        while len(self._ends) > _READINGS:
            self._ends.popitem(last=False)

    def read_into(self, offset: int, buffer: memoryview) -> int:
        """Fill ``buffer`` with the bytes from ``offset`` on; return how many the source had."""
        end = min(self._size, offset + len(buffer))
        at = offset
        while at < end:
            number, inside = divmod(at, self._block_bytes)
            wanted = -(-end // self._block_bytes) - number
            piece = memoryview(self._block(number, wanted))[inside : inside + end - at]
            buffer[at - offset : at - offset + len(piece)] = piece
            at += len(piece)
        return at - offset

    def clear(self) -> None:
        """Forget every block."""
        self._blocks.clear()

    def _block(self, number: int, wanted: int) -> bytes:
        """Return a block, the first of ``wanted``."""
        while not self._has(number):  # what another reader has brought may be dropped before we see it
            if self._shelf is None:
                self._bring(number, wanted)
            else:
                self._shelf.fetch(number, lambda: self._bring(number, wanted))
        self._blocks.move_to_end(number)
        return self._blocks[number]

    def _has(self, number: int) -> bool:
        """Tell whether a block is here, or was on the shelf and now is here too."""
        if number in self._blocks:
            return True
        block = self._shelf.get(number) if self._shelf is not None else None
        if block is not None:
            self._keep(number, block)
        return block is not None

    def _keep(self, number: int, block: bytes) -> None:
        self._blocks[number] = block
        while len(self._blocks) > self._cache_blocks:
            self._blocks.popitem(last=False)

    def _bring(self, number: int, wanted: int) -> None:
        run = self._run(number, wanted)
        start = number * self._block_bytes
        self.put(number, self._fetch(start, min(run * self._block_bytes, self._size - start)))

    def _run(self, number: int, wanted: int) -> int:
        """Return how many blocks to fetch from ``number`` on: none of them is at hand already."""
        if number in self._expected:
            most = max(wanted, self._expected.stop - number)
        else:
            most = max(wanted, self._ends.get(number, 0) // 2)
        most = min(most, self._run_blocks, -(-self._size // self._block_bytes) - number)
        run = 1
        while run < most and not self._has(number + run):
            run += 1
        return run
