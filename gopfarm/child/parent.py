"""The parent's side: starting a child, serving its reads, hearing its events, ending it."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gopfarm import metrics
from gopfarm.child.ending import KILLED_TOO, cause_of, way_of
from gopfarm.child.forking import FORK_SECONDS, fork, receive_status
from gopfarm.child.limits import Limits
from gopfarm.child.protocol import Kind, unpack_range
from gopfarm.child.scratch import scratch_folder
from gopfarm.child.serving import Reads, Source
from gopfarm.child.watch import Watch
from gopfarm.errors import FarmError, error_from
from gopfarm.log import get_logger

log = get_logger(__name__)

#: Seconds between questions whether a child's result is still wanted.
_TICK_SECONDS = 0.25

#: Seconds that a child which said goodbye, or nonsense, gets to end by itself.
_GOODBYE_SECONDS = 1.0


class ChildDiedError(FarmError):
    """The child ended without a result: it crashed, or was killed."""

    kind = "encode"


class ChildLimitError(ChildDiedError):
    """The child was ended because it used more than it may."""


@dataclass(frozen=True)
class ChildEvent:
    """Something the child reported before its result."""

    name: str
    value: Any


class Child:
    """A child process at work, in its sandbox.

    Args:
        target: Function to run, ``module:name``, called as ``function(request, source, scratch, emit)``. Its
            module may have a function ``preload`` that loads whatever its functions need.
        request: JSON text for it.
        source: The open source. Files are handed over as a descriptor, others are served through the socket.
        size: The source's size in bytes.
        scratch: Folder in which it may write.
        limits: What it may use; by default what the settings say.

    Raises:
        SpecError: The sandbox has gaps here, and the settings forbid to work without them.
        EncodeError: It cannot be started. That is not the source's fault.
    """

    def __init__(
        self,
        target: str,
        request: bytes,
        source: Source,
        size: int,
        scratch: Path,
        limits: Limits | None = None,
    ) -> None:
        limits = limits or Limits.of()
        with contextlib.ExitStack() as opened:
            self._pid, self._status, self._connection, self._words = fork(
                target, source, size, scratch, limits, opened
            )
            self._reads = Reads(source)
            opened.callback(self._reads.close)
            self._opened = opened.pop_all()
        self._watch = Watch(self._pid, scratch, limits)
        self._limits = limits
        self._ended: int | None = None
        self._how = "abandoned"  # until it gives, or meets, something else: a value of label ``how``
        self._cpu_seconds = 0.0
        self._opened.callback(self._count)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, TimeoutError):
            self._connection.send(Kind.REQUEST, request)

    @property
    def pid(self) -> int:
        """Process id, which may be another process's once the child has ended."""
        return self._pid

    def events(self, tick: float) -> Iterator[ChildEvent | bytes | None]:
        """Yield the child's events, then its result as JSON text; ``None`` at least every ``tick`` seconds.

        Raises:
            FarmError: The child reported an error that has an explanation, or reading the source failed.
            ChildDiedError: It ended without a result, or was ended since it used too much.
        """
        poll = select.poll()
        for descriptor in (self._connection, self._reads, self._words):
            poll.register(descriptor, select.POLLIN)
        yielded = time.monotonic()
        while True:
            if (excess := self._watch.excess()) is not None:
                self._how = excess.how
                self._kill()
                raise ChildLimitError(f"the encoding process {excess.words}, and was ended")
            wait = yielded + tick - time.monotonic()
            ready = {descriptor for descriptor, _ in poll.poll(max(0.0, wait) * 1000)} if wait > 0 else set()
            if not ready:
                yield None
                yielded = time.monotonic()
                continue
            if self._words.fileno() in ready:
                self._words.take()
                if self._words.ended:
                    poll.unregister(self._words)
            if self._reads.fileno() in ready:
                data = self._reads.answer()
                with self._talking():
                    self._connection.send(Kind.BYTES, data)
            if self._connection.fileno() not in ready:
                continue
            with self._talking():
                kind, body = self._connection.receive()
            if kind is Kind.RESULT:
                self._how = "ok"
                yield body
                return
            if kind is Kind.READ:
                with self._talking():
                    self._reads.ask(*unpack_range(body))
                continue
            with self._talking():
                name, value = json.loads(body)
            if kind is Kind.ERROR:
                self._how = "error"
                raise error_from(str(name), str(value))
            yield ChildEvent(str(name), value)
            yielded = time.monotonic()

    @contextlib.contextmanager
    def _talking(self) -> Iterator[None]:
        """Take a child that has gone, hangs or talks nonsense for dead."""
        try:
            yield
        except (EOFError, ConnectionError, TimeoutError, struct.error, ValueError, TypeError):
            raise ChildDiedError(self._obituary()) from None

    def _obituary(self) -> str:
        self._hear_of_its_end(_GOODBYE_SECONDS)
        if self._ended is None:
            self.give_up()
            self._kill()
            cause = "stopped answering"
        else:
            self._how = way_of(self._ended)
            cause = cause_of(self._ended, self._limits)
        while self._words.take():
            pass
        if lines := self._words.lines():
            log.warning("last words of a child", cause=cause, lines=lines)
        said = self._words.quoted()
        return f"the encoding process {cause}" + (f"; it last said: {said}" if said else "")

    def give_up(self) -> None:
        """Note that the child hangs, or takes too long: that is why it is about to be ended."""
        self._how = "stalled"

    def close(self) -> None:
        """End the child if it still runs, at once, and wait for it."""
        self._kill()
        self._opened.close()

    def _kill(self) -> None:
        if self._ended is None:
            with contextlib.suppress(OSError):
                self._status.shutdown(socket.SHUT_WR)  # the fork server ends a child whose parent hangs up
            self._hear_of_its_end(FORK_SECONDS)

    def _hear_of_its_end(self, seconds: float) -> None:
        if self._ended is None:
            self._status.settimeout(seconds)
            with contextlib.suppress(TimeoutError):
                said = receive_status(self._status)
                self._ended, self._cpu_seconds = said or (KILLED_TOO, 0.0)

    def _count(self) -> None:
        metrics.CHILDREN_ENDED.labels(self._how).inc()
        metrics.CHILD_CPU_SECONDS.labels(self._how).inc(self._cpu_seconds)

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class AbandonedError(Exception):
    """Nobody wants the result any more; the child was ended."""


def run_in_child(
    target: str,
    request: bytes,
    source: Source,
    size: int,
    limit_seconds: float = 60.0,
    wanted: Callable[[], bool] = lambda: True,
    limits: Limits | None = None,
) -> bytes:
    """Run a function in a child to its end and return its result, ignoring its events.

    ``wanted`` is asked several times a second whether to go on.

    Raises:
        AbandonedError: ``wanted`` said no.
        TimeoutError: It was not done within ``limit_seconds``.
        FarmError: As ``Child.events``.
    """
    allowed = (limits or Limits.of()).lasting(limit_seconds)
    with (
        scratch_folder() as scratch,
        Child(target, request, source, size, scratch, allowed) as child,
    ):
        started = time.monotonic()
        for event in child.events(_TICK_SECONDS):
            if isinstance(event, bytes):
                return event
            if not wanted():
                raise AbandonedError
            if time.monotonic() - started > limit_seconds:
                child.give_up()
                raise TimeoutError(f"the child was not done within {limit_seconds:.0f} s")
    raise ChildDiedError("the child gave no result")
