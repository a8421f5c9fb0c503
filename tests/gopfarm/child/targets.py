"""What the children of these tests do."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from gopfarm.child import protocol
from gopfarm.child.inside import CONNECTION
from gopfarm.errors import error_from

Emit = Callable[[str, Any], None]


def facts(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Tell what the child was given."""
    (scratch / "written").write_text("x")
    return json.dumps(
        {
            "request": request.decode(),
            "environment": sorted(os.environ),
            "scratch": str(scratch),
            "descriptors": [number for number in range(256) if _is_open(number)],
        }
    ).encode()


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def digest(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Hash pieces of the source: [whence, offset, length] each."""
    found = []
    for whence, offset, length in json.loads(request):
        source.seek(offset, whence)
        data = b""
        while len(data) < length and (piece := source.read(length - len(data))):
            data += piece
        found.append([source.tell(), hashlib.sha256(data).hexdigest()])
    return json.dumps(found).encode()


def work(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Take so many seconds of processor time."""
    while time.process_time() < float(request):
        pass
    return b"done"


def count(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Emit numbers, then a value."""
    for number in range(int(request)):
        emit("number", number)
    emit("more", {"deep": [1, None]})
    return b"done"


def explain(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Raise the error that the request describes."""
    raise error_from(*json.loads(request))


def stumble(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Meet a bug."""
    raise ZeroDivisionError("a bug in the child")


def abort(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Crash as native code does."""
    os.abort()


def leave(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """End without a word."""
    os._exit(7)


def chatter(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Print what is not meant for the parent, give a result all the same."""
    os.write(1, b"\x00\xff" * 100_000)
    os.write(2, b"\x05\x00\x00\x00\x01x")
    print("{}", flush=True)
    return b"result"


def chatter_and_leave(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Print a lot, then end."""
    os.write(2, b"x" * 10_000_000 + b"\nlast words\n")
    os._exit(3)


def hang(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Tell the own process, then do nothing for ever."""
    emit("pid", os.getpid())
    time.sleep(600)
    return b""


def hang_up(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Close the connection and go on living."""
    os.close(CONNECTION)
    time.sleep(600)
    return b""


def read_for_ever(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Read without end, as a demuxer does that a source keeps busy."""
    while True:
        source.seek(0)
        source.read(1)


def read_a_lot(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Ask for more than anybody should be sent at once; the result is how much came."""
    connection = protocol.Connection(socket.socket(fileno=os.dup(CONNECTION)))
    connection.send(protocol.Kind.READ, protocol.pack_range(0, 0xFFFFFFFF))
    _, data = connection.receive()
    return str(len(data)).encode()


def say(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Send bytes to the parent as they are, then wait."""
    with socket.socket(fileno=os.dup(CONNECTION)) as connection, contextlib.suppress(OSError):
        connection.sendall(bytes.fromhex(request.decode()))
    time.sleep(600)
    return b""


def echo(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Say what was said, as JSON."""
    return request
