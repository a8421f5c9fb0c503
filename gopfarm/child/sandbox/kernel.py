"""Calls to Linux for which Python's library has no function."""

from __future__ import annotations

import ctypes
import os
from typing import Any, Final

_LIBC: Final = ctypes.CDLL(None, use_errno=True)

_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38


def call(name: str, *arguments: Any) -> int:
    """Call a function of the C library.

    Raises:
        OSError: It failed, and says why.
    """
    result: int = getattr(_LIBC, name)(*arguments)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)
    return result


def prctl(option: int, *arguments: int) -> int:
    """Call prctl(2), whose arguments are all longs; those left out are zero."""
    padded = (*arguments, 0, 0, 0, 0)[:4]
    return call("prctl", option, *(ctypes.c_ulong(argument) for argument in padded))


def syscall(number: int, *arguments: Any) -> int:
    """Make a system call that the C library has no function for."""
    return call("syscall", ctypes.c_long(number), *arguments)


def forbid_inspection() -> None:
    """Let no other process of the same user look into this one, nor its crash be written to a disk."""
    prctl(_PR_SET_DUMPABLE, 0)


def forbid_new_privileges() -> None:
    """Set ``no_new_privs``: from here on no program gives this process more rights than it has."""
    prctl(_PR_SET_NO_NEW_PRIVS, 1)
