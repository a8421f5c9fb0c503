"""Asking the fork server for a child, and the sockets and pipes that connect us with it."""

from __future__ import annotations

import contextlib
import io
import os
import socket
from pathlib import Path
from typing import Final

from gopfarm.child.forkserver import fork_server
from gopfarm.child.limits import Limits
from gopfarm.child.protocol import STATUS, Connection
from gopfarm.child.serving import Source
from gopfarm.child.words import LastWords
from gopfarm.errors import EncodeError

#: Seconds that the fork server gets to fork, or to end a child. The first time it loads what a target needs.
FORK_SECONDS: Final = 60.0

#: Seconds that a child may hang in the middle of saying something, or of hearing an answer.
_PATIENCE_SECONDS: Final = 30.0


def fork(
    target: str, source: Source, size: int, scratch: Path, limits: Limits, opened: contextlib.ExitStack
) -> tuple[int, socket.socket, Connection, LastWords]:
    """Have a child forked; return its process id and our ends of what connects us.

    Arguments are those of ``Child``; ``opened`` closes the ends.

    Raises:
        EncodeError: It cannot be started.
    """
    descriptor = _descriptor(source)
    connection, theirs = socket.socketpair()
    opened.callback(connection.close)
    status, theirs_too = socket.socketpair()
    opened.callback(status.close)
    reading, writing = os.pipe()
    words = LastWords(reading)
    opened.callback(words.close)
    given = [theirs.fileno(), theirs_too.fileno(), writing]
    try:
        fork_server().fork(
            target,
            size,
            descriptor is None,
            str(scratch.absolute()),
            limits,
            given if descriptor is None else [*given, descriptor],
        )
    finally:
        theirs.close()
        theirs_too.close()
        os.close(writing)
    status.settimeout(FORK_SECONDS)
    try:
        said = receive_status(status)
    except TimeoutError:
        said = None
    if said is None:
        fork_server().forget()
        raise EncodeError("the encoding process could not be started: the fork server died")
    pid, _ = said
    if pid <= 0:
        raise EncodeError(f"the encoding process could not be started: {os.strerror(-pid)}")
    talk = Connection(connection)
    talk.set_patience(_PATIENCE_SECONDS)
    return pid, status, talk, words


def receive_status(status: socket.socket) -> tuple[int, float] | None:
    """Return what the fork server says next, see ``STATUS``; None if it is dead."""
    try:
        data = status.recv(STATUS.size, socket.MSG_WAITALL)
    except ConnectionResetError:
        data = b""
    if len(data) != STATUS.size:
        return None
    number, seconds = STATUS.unpack(data)
    return int(number), float(seconds)


def _descriptor(source: Source) -> int | None:
    try:
        return source.fileno()
    except (io.UnsupportedOperation, OSError):
        return None
