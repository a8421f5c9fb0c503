"""The child's side: ``python -m gopfarm.child TARGET SOCKET SOURCE SIZE PARENT``, see ``parent.py``."""

from __future__ import annotations

import importlib
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any, BinaryIO, cast

from gopfarm.child.protocol import Connection, Kind, ParentReader
from gopfarm.errors import FarmError
from gopfarm.process import die_with_parent


def _tie_to(parent: int) -> None:
    die_with_parent()
    if os.getppid() != parent:
        os._exit(1)


def main(target: str, socket_fd: int, source_fd: int, size: int, parent: int) -> None:
    """Take the request, run the target, send its result or the error that explains why there is none."""
    _tie_to(parent)
    connection = Connection(socket.socket(fileno=socket_fd))
    source: BinaryIO
    if source_fd >= 0:
        source = os.fdopen(source_fd, "rb", buffering=0)
    else:
        source = cast(BinaryIO, ParentReader(connection, size))
    _, request = connection.receive()

    def emit(name: str, value: Any) -> None:
        connection.send(Kind.EVENT, json.dumps([name, value]).encode())

    module, _, function = target.partition(":")
    try:
        result = getattr(importlib.import_module(module), function)(request, source, Path.cwd(), emit)
    except FarmError as error:
        connection.send(Kind.ERROR, json.dumps([error.kind, str(error)]).encode())
    else:
        connection.send(Kind.RESULT, result)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
