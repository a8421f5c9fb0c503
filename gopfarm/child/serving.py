"""Reading a source for a child in a thread of its own: a read that hangs must hold up nobody else."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from contextvars import copy_context
from typing import Final, Protocol

#: Bytes of source that are read for a child at a time; it asks again for more.
MAX_READ: Final = 8 * 1024 * 1024


class Source(Protocol):
    """What the child is to read: an open file, or a reader without a descriptor that the parent serves."""

    def fileno(self) -> int:
        """Return the descriptor; ``io.UnsupportedOperation`` if there is none."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move to a position in bytes."""

    def read(self, size: int = -1, /) -> bytes | None:
        """Return up to ``size`` bytes."""


class Reads:
    """Reads ranges of a source, one after the other, in a thread that begins with the first.

    ``fileno`` gives a descriptor that can be read from when an answer is there.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._wanted: queue.SimpleQueue[tuple[int, int] | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[bytes | BaseException] = queue.SimpleQueue()
        self._ready, self._ring = socket.socketpair()
        self._thread: threading.Thread | None = None

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self._ready.fileno()

    def ask(self, start: int, length: int) -> None:
        """Ask for a range; the answer may be shorter."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=copy_context().run,  # its log lines are about the same job
                args=(self._read_until_told,),
                name="source reads",
                daemon=True,
            )
            self._thread.start()
        self._wanted.put((start, min(length, MAX_READ)))

    def answer(self) -> bytes:
        """Return the bytes of the range that was asked for, or raise what reading it raised."""
        self._ready.recv(1)
        found = self._done.get()
        if isinstance(found, BaseException):
            raise found
        return found

    def close(self) -> None:
        """Read no more. A read that is under way ends by itself; nobody hears of it."""
        self._wanted.put(None)
        self._ready.close()
        if self._thread is None:
            self._ring.close()

    def _read_until_told(self) -> None:
        with self._ring:
            while (wanted := self._wanted.get()) is not None:
                try:
                    self._done.put(self._read(*wanted))
                except BaseException as error:
                    self._done.put(error)
                with contextlib.suppress(OSError):
                    self._ring.send(b"x")

    def _read(self, start: int, length: int) -> bytes:
        self._source.seek(start)
        parts = []
        while length and (data := self._source.read(length)):
            parts.append(data)
            length -= len(data)
        return b"".join(parts)
