"""Files that are not whole yet, and keeping what is whole through a loss of power."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

#: End of the names of files that are not whole yet. They are nobody's keys.
PARTIAL_SUFFIX = ".gopfarm-partial"

#: A partial file younger than this, in seconds, is left alone: its writer may be about to lock it.
_YOUNG_SECONDS = 2.0

#: One that was not written to for this long is stale even where the file system knows no locks.
_DEAD_SECONDS = 86_400.0

#: What file systems say that cannot flush a folder.
_UNSUPPORTED = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF})


def partial_name(path: Path) -> Path:
    """Return a new name in the same folder, since only a rename within one file system is atomic."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}{PARTIAL_SUFFIX}")


@contextmanager
def writing(partial: Path) -> Iterator[BinaryIO]:
    """Make a new file, with the permissions that the umask gives, and lock it until it is closed."""
    with partial.open("xb") as file:
        with suppress(OSError):  # no locks here: age tells
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield file


def remove_stale_partials(folder: Path, name: str = "") -> None:
    """Remove partial files (of the file ``name``, or all) in a folder whose writers are dead."""
    start = f".{name}." if name else "."
    try:
        entries = [
            entry
            for entry in os.scandir(folder)
            if entry.name.endswith(PARTIAL_SUFFIX) and entry.name.startswith(start)
        ]
    except OSError:
        return
    for entry in entries:
        with suppress(OSError):
            age = time.time() - entry.stat(follow_symlinks=False).st_mtime
            if age > _DEAD_SECONDS or (age > _YOUNG_SECONDS and _is_unlocked(entry.path)):
                Path(entry.path).unlink()


def _is_unlocked(path: str) -> bool:
    with open(path, "r+b") as file:  # noqa: PTH123 - a scanned entry has a text path
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


def make_folder(folder: Path) -> None:
    """Make a folder and its parents, each flushed into the one above it."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        if folder == folder.parent:
            break
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
        sync_folder(one.parent)


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to the disk, where that is possible."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:  # one may be allowed to write into a folder, and not to read it
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
    finally:
        os.close(descriptor)
