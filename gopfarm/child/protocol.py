"""What parent and child say to each other: frames of a kind, a length and a body, over a socket pair."""

from __future__ import annotations

import enum
import io
import socket
import struct
from typing import Any

_HEADER = struct.Struct(">BI")
_RANGE = struct.Struct(">QI")

#: What the fork server says of a child: first its process id, or the number of the error that kept it from
#: starting, less than zero; then its wait status. With it comes the processor time that it has taken so far,
#: in seconds.
STATUS = struct.Struct("=id")

#: Longest frame that is believed; anything longer is a broken peer.
_MAX_BODY = 256 * 1024 * 1024


class Kind(enum.IntEnum):
    """Kinds of frames. The first two go down to the child, the others up."""

    REQUEST = 1
    BYTES = 2
    READ = 3
    EVENT = 4
    RESULT = 5
    ERROR = 6


_KINDS = frozenset(Kind)


class Connection:
    """One end of the socket pair. Used by one thread."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    def fileno(self) -> int:
        """Return the descriptor, for ``select``."""
        return self._socket.fileno()

    def send(self, kind: Kind, body: bytes | memoryview = b"") -> None:
        """Send a frame."""
        self._socket.sendall(_HEADER.pack(kind, len(body)))
        if body:
            self._socket.sendall(body)

    def receive(self) -> tuple[Kind, bytes]:
        """Wait for a frame.

        Raises:
            EOFError: The other side has gone, or what it says is no frame.
            TimeoutError: It stopped in the middle of one; only where ``set_patience`` was called.
        """
        kind, size = _HEADER.unpack(self._exactly(_HEADER.size))
        if size > _MAX_BODY or kind not in _KINDS:
            raise EOFError(f"a frame of kind {kind} and {size} bytes is not believed")
        return Kind(kind), self._exactly(size)

    def set_patience(self, seconds: float) -> None:
        """Bound the time that the other side may let a ``send`` or ``receive`` hang."""
        self._socket.settimeout(seconds)

    def _exactly(self, size: int) -> bytes:
        data = bytearray(size)
        view, at = memoryview(data), 0
        while at < size:
            count = self._socket.recv_into(view[at:])
            if count == 0:
                raise EOFError("the other side has gone")
            at += count
        return bytes(data)

    def close(self) -> None:
        """Close this end."""
        self._socket.close()


def pack_range(start: int, length: int) -> bytes:
    """Encode the body of a READ frame."""
    return _RANGE.pack(start, length)


def unpack_range(body: bytes) -> tuple[int, int]:
    """Decode the body of a READ frame into start and length."""
    start, length = _RANGE.unpack(body)
    return start, length


class ParentReader(io.RawIOBase):
    """The source as the child sees it: each read is asked of the parent."""

    def __init__(self, connection: Connection, size: int) -> None:
        self._connection = connection
        self._size = size
        self._at = 0

    def readable(self) -> bool:  # noqa: D102
        return True

    def seekable(self) -> bool:  # noqa: D102
        return True

    def tell(self) -> int:  # noqa: D102
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:  # noqa: D102
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:  # noqa: D102
        length = min(len(buffer), max(0, self._size - self._at))
        if length == 0:
            return 0
        self._connection.send(Kind.READ, pack_range(self._at, length))
        _, data = self._connection.receive()
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
