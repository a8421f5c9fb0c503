"""A small cache of blocks over a source that is read in ranges, so that a demuxer's seeks stay cheap."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

#: Bytes of a block, the unit of caching and the least that one request asks for. Demuxers read kilobytes at
#: a time; a request costs about as long as 1 MiB takes to arrive from object storage.
BLOCK_BYTES = 1 << 20

#: Most blocks of one request. Sequential reading grows to it; more would waste traffic at the end of a chunk.
RUN_BLOCKS = 4

#: Most blocks kept (16 MiB): bounds a reader's memory while an interleaved file's sound and picture, and its
#: index, stay at hand.
CACHE_BLOCKS = 16

#: ``fetch(start, length)`` returns exactly ``length`` bytes from offset ``start``, or raises.
Fetch = Callable[[int, int], bytes]


class BlockCache:
    """Random access to ``size`` bytes that come in ranges from ``fetch``.

    A miss fetches as many blocks as lie cached right before it (at least 1, at most ``run_blocks``), so
    requests grow with sequential reading, also with several readings side by side, and a jump costs one
    block. The blocks used longest ago are dropped first. Not thread-safe.

    Parameters:
        size: Bytes of the whole source.
        fetch: Gets a range. What it raises goes to the caller of ``read_into``.
        block_bytes, run_blocks, cache_blocks: See the constants of this module.
    """

    def __init__(
        self,
        size: int,
        fetch: Fetch,
        *,
        block_bytes: int = BLOCK_BYTES,
        run_blocks: int = RUN_BLOCKS,
        cache_blocks: int = CACHE_BLOCKS,
    ) -> None:
        if not 1 <= run_blocks <= cache_blocks:
            raise ValueError(f"a run of {run_blocks} blocks does not fit into a cache of {cache_blocks}")
        self._size = size
        self._fetch = fetch
        self._block_bytes = block_bytes
        self._run_blocks = run_blocks
        self._cache_blocks = cache_blocks
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def put(self, number: int, data: bytes) -> None:
        """Keep ``data``, which starts at block ``number`` and ends at a block's or the source's end."""
        for at in range(0, len(data), self._block_bytes):
            self._blocks[number + at // self._block_bytes] = data[at : at + self._block_bytes]
        while len(self._blocks) > self._cache_blocks:
            self._blocks.popitem(last=False)

    def read_into(self, offset: int, buffer: memoryview) -> int:
        """Fill ``buffer`` with the bytes from ``offset`` on; return how many the source had."""
        end = min(self._size, offset + len(buffer))
        at = offset
        while at < end:
            number, inside = divmod(at, self._block_bytes)
            piece = memoryview(self._block(number))[inside : inside + end - at]
            buffer[at - offset : at - offset + len(piece)] = piece
            at += len(piece)
        return at - offset

    def clear(self) -> None:
        """Forget every block."""
        self._blocks.clear()

    def _block(self, number: int) -> bytes:
        if number not in self._blocks:
            start = number * self._block_bytes
            length = min(self._run(number) * self._block_bytes, self._size - start)
            self.put(number, self._fetch(start, length))
        self._blocks.move_to_end(number)
        return self._blocks[number]

    def _run(self, number: int) -> int:
        """Return how many blocks to fetch from ``number`` on: none of them is cached already."""
        before = 0
        while before < self._run_blocks and number - 1 - before in self._blocks:
            before += 1
        run = 1
        while run < before and number + run not in self._blocks:
            run += 1
        return run
