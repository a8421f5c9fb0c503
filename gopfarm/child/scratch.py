"""Scratch folders: one a child, always removed, if need be by whoever comes next.

A folder has two parts: a lock file that its maker holds locked, and the folder that the child may write in.
The kernel frees the lock when the maker dies, however that comes about, so what is not locked is nobody's
any more. That holds between machines and containers that share the file system, where process ids would not.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gopfarm.errors import EncodeError, ScratchError
from gopfarm.log import get_logger

log = get_logger(__name__)

#: Beginnings of the names of folders that are in use, and of those that are just being made.
_PREFIX: Final = "gopfarm-task-"
_NEW_PREFIX: Final = "gopfarm-new-"

_LOCK: Final = "lock"
_WORK: Final = "work"

#: Seconds after which a folder that was never finished is nobody's: making one takes a moment.
_UNFINISHED_SECONDS: Final = 3600.0


@contextmanager
def scratch_folder(parent: Path | None = None) -> Iterator[Path]:
    """Make a folder for a child to write in, and remove it with all that is in it.

    Args:
        parent: Where; by default in the system's folder for temporary files.

    Raises:
        ScratchError: None can be made.
    """
    root = parent or Path(tempfile.gettempdir())
    try:
        folder, lock = _make(root)
    except OSError as error:
        where = f" in {parent}" if parent else ""
        raise ScratchError(f"no scratch folder can be made{where}: {error.strerror}") from None
    try:
        yield folder / _WORK
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _make(root: Path) -> tuple[Path, int]:
    new = Path(tempfile.mkdtemp(prefix=_NEW_PREFIX, dir=root))
    try:
        (new / _WORK).mkdir(0o700)
        lock = os.open(new / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            # Under its final name it is locked from the first moment on.
            return new.rename(root / new.name.replace(_NEW_PREFIX, _PREFIX)), lock
        except BaseException:
            os.close(lock)
            raise
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


def remove_stale(parent: Path | None = None) -> int:
    """Remove the folders of processes that were killed; return how many there were."""
    root = parent or Path(tempfile.gettempdir())
    removed = 0
    for folder in root.glob(f"{_PREFIX}*"):
        removed += _remove_unless_held(folder)
    for folder in root.glob(f"{_NEW_PREFIX}*"):
        try:
            unfinished = time.time() - folder.stat().st_mtime > _UNFINISHED_SECONDS
        except FileNotFoundError:
            continue
        if unfinished:
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
    if removed:
        log.info("scratch folders of dead processes removed", folder=str(root), count=removed)
    return removed


def _remove_unless_held(folder: Path) -> bool:
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:  # it is just being removed, or is somebody else's
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True


def check_own(scratch: Path, name: str) -> None:
    """Make sure that a file which a child names is a file of its own, and no link to somebody else's.

    Args:
        scratch: The child's folder.
        name: The file, relative to it.

    Raises:
        EncodeError: It is not there, or lies elsewhere.
    """
    path = scratch
    parts = Path(name).parts
    try:
        for part in parts:
            path = path / part
            mode = os.lstat(path).st_mode
            regular = stat.S_ISREG(mode) if path == scratch / name else stat.S_ISDIR(mode)
            if part in ("..", "/") or not regular:
                raise EncodeError(f"the encoding process names a file that is not its own: {name}")
    except OSError as error:
        raise EncodeError(f"the encoding process names a file that is not there: {name}") from error
