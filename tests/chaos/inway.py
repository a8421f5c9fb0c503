"""Putting a file in the way of a folder, in one step, so that no worker can see neither."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

#: renameat2(2): take the paths as they are, and swap them.
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def rendition_folder(destination: Path) -> Path | None:
    """Return the folder of a rendition of pictures, once there is one."""
    return next((path.parent for path in destination.glob("*p/*") if path.is_dir()), None)


def swap(folder: Path) -> None:
    """Put a file where a folder is; the folder is kept beside the destination."""
    aside = _aside(folder)
    aside.write_text("in the way")
    _exchange(folder, aside)


def swap_back(folder: Path) -> None:
    """Put the folder where it was."""
    aside = _aside(folder)
    _exchange(folder, aside)
    aside.unlink()


def _aside(folder: Path) -> Path:
    return folder.parent.parent / f"aside-{folder.parent.name}-{folder.name}"


def _exchange(one: Path, other: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(one))
