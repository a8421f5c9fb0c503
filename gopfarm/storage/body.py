"""The bytes of an answer, taken in with an eye on the clock."""

from __future__ import annotations

import time
from typing import Protocol

#: An answer that has brought fewer bytes a second than this, after some seconds to get going, is dropped and
#: asked for again: another connection may well be faster, and at this rate no film would ever be done.
SLOWEST_BYTES_PER_SECOND = 16 << 10
SLOW_START_SECONDS = 10.0

#: Bytes taken from the connection at a time, at most.
_PIECE_BYTES = 1 << 18


class BodyError(Exception):
    """A body did not come as announced; the message says how. Asking again may succeed."""


class Body(Protocol):
    """An HTTP answer's body."""

    def read1(self, amt: int, /) -> bytes:
        """Return what has arrived, at most ``amt`` bytes; nothing at the end."""


def read_body(body: Body, length: int) -> bytes:
    """Read exactly ``length`` bytes.

    Raises:
        BodyError: The connection broke, ended early, or was too slow.
    """
    from urllib3.exceptions import HTTPError

    started = time.monotonic()
    data = bytearray()
    while len(data) < length:
        try:
            piece = body.read1(min(_PIECE_BYTES, length - len(data)))
        except (HTTPError, OSError, ValueError) as error:  # ValueError: a file that is closed already
            raise BodyError(f"the connection broke after {len(data)} of {length} bytes") from error
        if not piece:
            raise BodyError(f"the connection ended after {len(data)} of {length} bytes")
        data += piece
        slow = time.monotonic() - started - SLOW_START_SECONDS
        if slow > 0 and len(data) < slow * SLOWEST_BYTES_PER_SECOND and len(data) < length:
            raise BodyError(f"the bytes come too slowly, {len(data)} in {slow + SLOW_START_SECONDS:.0f} s")
    return bytes(data)
