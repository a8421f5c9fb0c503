"""Landlock: which files a process may open, and that it signals and connects to nobody (landlock(7))."""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from gopfarm.child.sandbox.kernel import syscall

#: System calls, the same on every machine.
_CREATE: Final = 444
_ADD_RULE: Final = 445
_RESTRICT: Final = 446

_ASK_VERSION: Final = 1
_PATH_BENEATH: Final = 1

_WRITE_FILE: Final = 1 << 1
_READ_FILE: Final = 1 << 2
_READ_DIR: Final = 1 << 3
_REMOVE_DIR: Final = 1 << 4
_REMOVE_FILE: Final = 1 << 5
_MAKE_DIR: Final = 1 << 7
_MAKE_FILE: Final = 1 << 8
_REFER: Final = 1 << 13
_TRUNCATE: Final = 1 << 14
_IOCTL_DEVICE: Final = 1 << 15

#: All rights over files that a version of Landlock knows: the number of the lowest bits.
_FILE_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}

#: Connecting and binding over TCP (version 4); abstract sockets and signals (version 6).
_NETWORK_RIGHTS: Final = 0b11
_SCOPES: Final = 0b11

_READ: Final = _READ_FILE | _READ_DIR

#: Regular files and folders only: no link, pipe, socket or device.
_READ_WRITE: Final = (
    _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_FILE | _REFER | _TRUNCATE
)
_DEVICE: Final = _READ | _WRITE_FILE | _IOCTL_DEVICE

#: The rights that a rule for something other than a folder may give.
_OF_FILES: Final = _READ_FILE | _WRITE_FILE | _TRUNCATE | _IOCTL_DEVICE


def version() -> int:
    """Return the version of Landlock that the kernel has, 0 for none."""
    try:
        return syscall(_CREATE, None, ctypes.c_size_t(0), _ASK_VERSION)
    except OSError:
        return 0


def restrict(read: Iterable[Path], write: Iterable[Path], devices: Iterable[Path] = ()) -> int:
    """Let this process, for good, open nothing but what lies under some paths; return Landlock's version.

    Paths that do not exist are passed over. Descriptors that are open stay usable. Needs ``no_new_privs``.

    Args:
        read: Files and folders that may be read.
        write: Folders in which files may be made, changed and removed.
        devices: Devices that may be used.

    Raises:
        OSError: The kernel has no Landlock, or does not allow it.
    """
    known = version()
    files = (1 << _FILE_RIGHTS.get(known, 16)) - 1
    network = _NETWORK_RIGHTS if known >= 4 else 0
    attributes = struct.pack("=QQQ", files, network, _SCOPES if known >= 6 else 0)
    # Kernels refuse a structure that is longer than theirs.
    attributes = attributes[: 24 if known >= 6 else 16 if known >= 4 else 8]
    ruleset = syscall(_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    try:
        for rights, paths in ((_READ, read), (_READ_WRITE, write), (_DEVICE, devices)):
            for path in paths:
                with suppress(FileNotFoundError, NotADirectoryError):
                    _allow(ruleset, path, rights & files)
        syscall(_RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)
    return known


def _allow(ruleset: int, path: Path, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _OF_FILES
        rule = struct.pack("=Qi", rights, descriptor)
        syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
    finally:
        os.close(descriptor)
