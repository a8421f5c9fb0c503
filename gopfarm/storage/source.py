"""A source as the demuxer sees it: a seekable binary file that knows which bytes it is."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from gopfarm.errors import SourceChangedError, SourceError
from gopfarm.facts import SourceRef
from gopfarm.stopwatch import Stopwatch
from gopfarm.storage.address import shown
from gopfarm.storage.blocks import BLOCK_BYTES, BlockCache, Fetch
from gopfarm.storage.patience import BRIEF, Patience
from gopfarm.storage.shared import shared_blocks

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


#: Bytes that opening a source asks for, whole blocks: what containers begin with.
HEAD_BYTES = 4 * BLOCK_BYTES


class SourceFile(io.RawIOBase):
    """A source opened for reading: binary, seekable, used by one thread at a time.

    Only ``close`` may come from another thread, while a read hangs.

    Reading raises ``SourceError`` where the source changed or can no longer be read, ``ServiceError`` where
    its server has not answered for as long as the reader's patience lasts, and ``AbandonedError`` where that
    was ended meanwhile.

    Attributes:
        ref: The address, and what identifies the bytes: size, and an entity tag.
        bytes_fetched: Bytes that came over the network so far; stays 0 for a local file.
    """

    def __init__(self, ref: SourceRef) -> None:
        super().__init__()
        self.ref = ref
        self.bytes_fetched = 0
        self._clock = Stopwatch()

    @property
    def fetch_seconds(self) -> float:
        """Time that fetching took so far, pauses between attempts and a fetch under way included."""
        return self._clock.seconds

    def expect(self, start: int, end: int) -> None:
        """Take it that the bytes from ``start`` up to ``end`` are about to be read, all of them in order.

        That may be wrong: it only makes requests over a network as long as is best.
        """

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True


class RangedSource(SourceFile):
    """A source on a server that gives ranges, read through a ``BlockCache`` and what the process shares.

    Parameters:
        ref: What was found when the source was opened.
        fetch: ``fetch(start, length)`` returns that range of these very bytes. It raises
            ``ServiceError`` where another attempt makes sense, ``SourceError`` where the source changed.
        head: What opening it brought: ``HEAD_BYTES``, or the whole source if that is shorter. Less than this
            is not kept (see ``needed_head``).
        release: Called once, when the source is closed.
        patience: How long one range may go on failing.
    """

    def __init__(
        self,
        ref: SourceRef,
        fetch: Fetch,
        head: bytes,
        release: Callable[[], None] | None = None,
        patience: Patience = BRIEF,
    ) -> None:
        super().__init__(ref)
        self._release = release
        self._patience = patience
        self._fetch_once = fetch
        self._cache = BlockCache(ref.size, self._fetch, shared_blocks().of(ref))
        if len(head) == min(HEAD_BYTES, ref.size):
            self._cache.put(0, head)
        self._at = 0
        self._in_use = threading.Lock()
        self.bytes_fetched = len(head)

    def expect(self, start: int, end: int) -> None:
        """Take it that the bytes from ``start`` up to ``end`` are about to be read, all of them in order."""
        self._cache.expect(start, min(end, self.ref.size))

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill ``buffer`` and return the number of bytes, fewer only at the end of the source."""
        self._refuse_closed()
        try:
            with self._in_use:
                done = self._cache.read_into(self._at, memoryview(buffer).cast("B"))
                self._at += done
        finally:
            if self.closed:
                self._free()
        return done

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move to an offset in bytes from the start, the position or the end; return the new position."""
        self._refuse_closed()
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.ref.size}.get(whence)
        if base is None or base + offset < 0:
            raise ValueError(f"cannot seek to {offset} with whence {whence}")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        """Return the position in bytes."""
        self._refuse_closed()
        return self._at

    def close(self) -> None:
        """Free the cache and the connection. Where a read is under way, that does it at its end."""
        super().close()
        if self._in_use.acquire(blocking=False):
            try:
                self._free()
            finally:
                self._in_use.release()

    def _free(self) -> None:
        self._cache.clear()
        release, self._release = self._release, None
        if release:
            release()

    def _refuse_closed(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")

    def _fetch(self, start: int, length: int) -> bytes:
        with self._clock:
            return self._insist(start, length)

    def _insist(self, start: int, length: int) -> bytes:
        patience = Patience(self._patience.seconds, lambda: self.closed or self._patience.stopped())
        data = patience.insist(lambda: self._fetch_once(start, length))
        self.bytes_fetched += length
        return data


def needed_head(expected: SourceRef | None) -> int:
    """Return how many bytes opening a source asks for: one, which tells what it is, if its first are here."""
    known = expected is not None and shared_blocks().get(expected, 0) is not None
    return 1 if known else HEAD_BYTES


def check_expected(found: SourceRef, expected: SourceRef | None) -> SourceRef:
    """Return ``found`` if it is usable and has the size and entity tag that were planned with.

    Raises:
        SourceError: The source is empty, or is not the one that was planned.
    """
    if not found.size:
        raise SourceError(f"{shown(found.url)} is empty")
    if expected and (found.size, found.etag) != (expected.size, expected.etag):
        raise SourceChangedError(
            f"{shown(found.url)} changed since it was planned ({expected.size} bytes then, {found.size} now)"
        )
    return found


def range_total(content_range: str | None, length: int) -> int | None:
    """Return the whole size told by a ``Content-Range`` header (RFC 9110 section 14.4) for bytes from 0 on.

    ``length`` is the length of the body. None means that the server did not give the range asked for.
    """
    unit, _, numbers = (content_range or "").partition(" ")
    span, _, total = numbers.partition("/")
    if unit != "bytes" or not total.isdecimal() or span != f"0-{length - 1}":
        return None
    return int(total)
