"""The child's side: from a process that was just forked to its last word."""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import json
import os
import socket
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from gopfarm.child.limits import MEBIBYTE, Limits
from gopfarm.child.protocol import Connection, Kind, ParentReader
from gopfarm.child.sandbox import enter
from gopfarm.errors import EncodeError, FarmError
from gopfarm.process import die_with_parent

#: The descriptors of a child, and no others: the standard three, the connection to its parent, the source.
_ERRORS: Final = (1, 2)
CONNECTION: Final = 3
_SOURCE: Final = 4

#: Where descriptors are put aside while they get their numbers.
_HIGH: Final = 64


@dataclass(frozen=True)
class Job:
    """What a child is to do.

    ``served`` says whether the source's ``size`` bytes come over the connection; else there is a descriptor.
    """

    target: str
    size: int
    served: bool
    scratch: Path
    limits: Limits


def run(job: Job, descriptors: list[int]) -> int:
    """Do the job; return the exit code of the process."""
    server = os.getppid()
    try:
        _arrange(descriptors)
        die_with_parent()
        if os.getppid() != server:
            return 1
        os.chdir(job.scratch)
        module, _, name = job.target.partition(":")
        function = getattr(importlib.import_module(module), name)
        missing = [layer.name for layer in enter(job.limits, job.scratch) if layer.needed and layer.missing]
        if job.limits.strict and missing:
            raise RuntimeError(f"the sandbox has gaps: {', '.join(missing)}")
        if os.getppid() != server:
            return 1
        _work(function, job)
    except BaseException as error:
        traceback.print_exc()
        # Again in one line: the last one is what messages quote.
        print(f"{type(error).__name__}: {str(error).partition(chr(10))[0]}", file=sys.stderr)
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _arrange(descriptors: list[int]) -> None:
    """Give the descriptors their numbers and close everything that is the fork server's."""
    os.setpgid(0, 0)
    # High numbers first, so that none which is set here is one that is still to be read.
    connection, errors, *source = (_moved_up(descriptor) for descriptor in descriptors)
    null = _moved_up(os.open(os.devnull, os.O_RDONLY))
    places = [(null, 0), *((errors, number) for number in _ERRORS), (connection, CONNECTION)]
    for descriptor, number in places:
        os.dup2(descriptor, number, inheritable=False)
    for descriptor in source:
        os.dup2(descriptor, _SOURCE, inheritable=False)
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - as short as can be
        if int(name) >= _SOURCE + len(source):
            with contextlib.suppress(OSError):  # the one that listed them
                os.close(int(name))


def _moved_up(descriptor: int) -> int:
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _HIGH)


def _work(function: Callable[..., bytes], job: Job) -> None:
    """Take the request, run the function, send its result or the error that explains why there is none."""
    connection = Connection(socket.socket(fileno=CONNECTION))
    source: BinaryIO
    if job.served:
        source = cast(BinaryIO, ParentReader(connection, job.size))
    else:
        source = os.fdopen(_SOURCE, "rb", buffering=0)
    _, request = connection.receive()

    def emit(name: str, value: Any) -> None:
        connection.send(Kind.EVENT, json.dumps([name, value]).encode())

    try:
        result = function(request, source, Path.cwd(), emit)
    except FarmError as error:
        connection.send(Kind.ERROR, json.dumps([error.kind, _explained(error, job.limits)]).encode())
    except MemoryError:
        text = f"the encoding process ran out of memory{_allowed(job.limits)}"
        connection.send(Kind.ERROR, json.dumps([EncodeError.kind, text]).encode())
    else:
        connection.send(Kind.RESULT, result)


def _explained(error: FarmError, limits: Limits) -> str:
    """Return an error's text; one that comes from a lack of memory says how much there was."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MemoryError) and isinstance(error, EncodeError):
            return f"{error}{_allowed(limits)}"
        cause = cause.__cause__ or cause.__context__
    return str(error)


def _allowed(limits: Limits) -> str:
    return f" (it may use {limits.memory_bytes // MEBIBYTE} MiB)"
