"""A rendition as one file, for decoders: init segment and segments in a row, fetched as needed."""

from __future__ import annotations

import io
from bisect import bisect_right
from itertools import accumulate

from gopfarm.errors import SourceError
from verifier.fetch import Fetcher, MissingError, Span
from verifier.locations import Location
from verifier.stream import Rendition

Piece = tuple[Location, Span | None]


class JoinedRendition(io.RawIOBase):
    """The bytes of a rendition, seekable. One piece is held in memory at a time."""

    def __init__(self, pieces: list[Piece], sizes: list[int], fetcher: Fetcher) -> None:
        super().__init__()
        self._pieces = pieces
        self._starts = [0, *accumulate(sizes)]
        self._fetcher = fetcher
        self._at = 0
        self.size = self._starts[-1]

    @classmethod
    def of(cls, rendition: Rendition, fetcher: Fetcher) -> JoinedRendition | None:
        """Join a rendition; None where parts are missing, or its coding changes on the way."""
        sizes = rendition.sizes
        inits = {measured.segment.init for measured in rendition.segments}
        broken = any(measured.segment.discontinuity for measured in rendition.segments[1:])
        if sizes is None or len(inits) != 1 or broken:
            return None
        pieces: list[Piece] = []
        init = inits.pop()
        if init is not None:
            pieces.append((init.location, init.span))
            sizes = [len(fetcher.fetch(init.location, init.span).data), *sizes]
        for measured in rendition.segments:
            assert measured.segment.location is not None
            pieces.append((measured.segment.location, measured.segment.span))
        return cls(pieces, sizes, fetcher)

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to a position in bytes."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        """Return up to ``size`` bytes, at most to the end of a piece.

        Raises:
            SourceError: A piece cannot be fetched any more.
        """
        if self._at >= self.size:
            return b""
        index = bisect_right(self._starts, self._at) - 1
        try:
            data = self._fetcher.fetch(*self._pieces[index]).data
        except MissingError as error:
            raise SourceError(str(error)) from None
        begin = self._at - self._starts[index]
        part = data[begin:] if size < 0 else data[begin : begin + size]
        self._at += len(part)
        return part
