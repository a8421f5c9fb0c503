"""The parent's side: starting a child, serving its reads, hearing its events, ending it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from gopfarm.child.protocol import Connection, Kind, unpack_range
from gopfarm.errors import FarmError, error_from
from gopfarm.log import get_logger

log = get_logger(__name__)

#: Seconds between questions whether a child's result is still wanted.
_TICK_SECONDS = 0.25

#: Variables that a child may see: none that could hold a secret.
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES")

#: Seconds that a child may hang in the middle of saying something, or of hearing an answer.
_PATIENCE_SECONDS = 30.0

#: Seconds that a child which said goodbye, or nonsense, gets to end by itself.
_GOODBYE_SECONDS = 1.0

#: Bytes of source that are read for a child at a time; it asks again for more.
_MAX_READ = 8 * 1024 * 1024

#: Lines, and bytes at most, of a dead child's error output that are kept for the report.
_LAST_LINES = 5
_LAST_BYTES = 4096


class Source(Protocol):
    """What the child is to read: an open file, or a reader without a descriptor that the parent serves."""

    def fileno(self) -> int:
        """Return the descriptor; ``io.UnsupportedOperation`` if there is none."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move to a position in bytes."""

    def read(self, size: int = -1, /) -> bytes | None:
        """Return up to ``size`` bytes."""


class ChildDiedError(FarmError):
    """The child ended without a result: it crashed, or was killed."""

    kind = "encode"


@dataclass(frozen=True)
class ChildEvent:
    """Something the child reported before its result."""

    name: str
    value: Any


class Child:
    """A child process at work.

    Args:
        target: Function to run, ``module:name``, called as ``function(request, source, scratch, emit)``.
        request: JSON text for it.
        source: The open source. Files are handed over as a descriptor, others are served through the socket.
        size: The source's size in bytes.
        scratch: Folder in which it may write.
    """

    def __init__(self, target: str, request: bytes, source: Source, size: int, scratch: Path) -> None:
        ours, theirs = socket.socketpair()
        descriptor = _descriptor(source)
        self._source = source
        self._connection = Connection(ours)
        self._connection.set_patience(_PATIENCE_SECONDS)
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the child
        inherited = [theirs.fileno(), *([descriptor] if descriptor is not None else [])]
        arguments = [
            target,
            str(theirs.fileno()),
            str(-1 if descriptor is None else descriptor),
            str(size),
            str(os.getpid()),
        ]
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gopfarm.child", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=self._errors,
                stderr=self._errors,
                cwd=scratch,
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
                | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
                pass_fds=inherited,
                # Its own session: Ctrl-C at the terminal is for the parent, who then ends the child.
                start_new_session=True,
            )
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, TimeoutError):
            self._connection.send(Kind.REQUEST, request)

    def events(self, tick: float) -> Iterator[ChildEvent | bytes | None]:
        """Yield the child's events, then its result as JSON text; ``None`` at least every ``tick`` seconds.

        Raises:
            FarmError: The child reported an error that has an explanation, or reading the source failed.
            ChildDiedError: It ended without a result.
        """
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        yielded = time.monotonic()
        while True:
            wait = yielded + tick - time.monotonic()
            if wait <= 0 or not poll.poll(wait * 1000):
                yield None
                yielded = time.monotonic()
                continue
            with self._talking():
                kind, body = self._connection.receive()
            if kind is Kind.RESULT:
                yield body
                return
            if kind is Kind.READ:
                self._serve(body)
                continue
            with self._talking():
                name, value = json.loads(body)
            if kind is Kind.ERROR:
                raise error_from(str(name), str(value))
            yield ChildEvent(str(name), value)
            yielded = time.monotonic()

    def _serve(self, body: bytes) -> None:
        with self._talking():
            start, length = unpack_range(body)
        self._source.seek(start)
        parts, length = [], min(length, _MAX_READ)
        while length and (data := self._source.read(length)):
            parts.append(data)
            length -= len(data)
        with self._talking():
            self._connection.send(Kind.BYTES, b"".join(parts))

    @contextlib.contextmanager
    def _talking(self) -> Iterator[None]:
        """Take a child that has gone, hangs or talks nonsense for dead."""
        try:
            yield
        except (EOFError, ConnectionError, TimeoutError, struct.error, ValueError, TypeError):
            raise ChildDiedError(self._obituary()) from None

    def _obituary(self) -> str:
        try:
            code = self._process.wait(_GOODBYE_SECONDS)
            cause = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        except subprocess.TimeoutExpired:
            self._kill()
            cause = "stopped answering"
        self._errors.seek(max(0, self._errors.seek(0, io.SEEK_END) - _LAST_BYTES))
        lines = self._errors.read(_LAST_BYTES).decode("utf-8", "replace").strip().splitlines()[-_LAST_LINES:]
        if lines:
            log.warning("last words of a child", cause=cause, lines=lines)
        return f"the encoding process {cause}"

    def close(self) -> None:
        """End the child if it still runs, at once, and wait for it."""
        self._kill()
        self._connection.close()
        self._errors.close()

    def _kill(self) -> None:
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _descriptor(source: Source) -> int | None:
    try:
        return source.fileno()
    except (io.UnsupportedOperation, OSError):
        return None


class AbandonedError(Exception):
    """Nobody wants the result any more; the child was ended."""


def run_in_child(
    target: str,
    request: bytes,
    source: Source,
    size: int,
    limit_seconds: float = 60.0,
    wanted: Callable[[], bool] = lambda: True,
) -> bytes:
    """Run a function in a child to its end and return its result, ignoring its events.

    ``wanted`` is asked several times a second whether to go on.

    Raises:
        AbandonedError: ``wanted`` said no.
        TimeoutError: It was not done within ``limit_seconds``.
        FarmError: As ``Child.events``.
    """
    with (
        tempfile.TemporaryDirectory(prefix="gopfarm-") as scratch,
        Child(target, request, source, size, Path(scratch)) as child,
    ):
        started = time.monotonic()
        for event in child.events(_TICK_SECONDS):
            if isinstance(event, bytes):
                return event
            if not wanted():
                raise AbandonedError
            if time.monotonic() - started > limit_seconds:
                raise TimeoutError(f"the child was not done within {limit_seconds:.0f} s")
    raise ChildDiedError("the child gave no result")
