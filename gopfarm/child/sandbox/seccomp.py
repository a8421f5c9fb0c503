"""The filter of system calls, as a small program for the kernel's classic BPF machine (seccomp(2)).

It is written here and not by libseccomp: that library is not everywhere, its Python binding is not kept up,
and the program is short. It says no to what ``syscalls.py`` lists, looks at the arguments of a few others,
and answers calls that are newer than this code as a kernel would that does not have them.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
import sys
from collections.abc import Iterable
from typing import Final

from gopfarm.child.sandbox.kernel import prctl
from gopfarm.child.sandbox.syscalls import FORBIDDEN, JUDGED, NEWEST, Numbers

#: By machine: its column in the tables, and what the kernel calls it (linux/audit.h).
_MACHINES: Final = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

_PR_SET_SECCOMP: Final = 22
_MODE_FILTER: Final = 2

#: Instructions: load a word, compare, bitwise test, return (linux/bpf_common.h).
_LOAD: Final = 0x20
_IF_EQUAL: Final = 0x15
_IF_GREATER: Final = 0x25
_IF_BITS: Final = 0x45
_RETURN: Final = 0x06

#: What a program returns.
_ALLOW: Final = 0x7FFF0000
_KILL: Final = 0x80000000
_REFUSE: Final = 0x00050000

#: Where the machine finds the call's number, the machine's name, and the low half of the n-th argument.
_NUMBER_AT: Final = 0
_MACHINE_AT: Final = 4
_ARGUMENTS_AT: Final = 16

_CLONE_THREAD: Final = 0x00010000

#: Commands of fcntl(2) and ioctl(2) that have signals sent to somebody else, or type at a terminal.
_FCNTL_REFUSED: Final = (8, 10, 15)  # F_SETOWN, F_SETSIG, F_SETOWN_EX
_IOCTL_REFUSED: Final = (0x8901, 0x8902, 0x5412, 0x541C)  # FIOSETOWN, SIOCSPGRP, TIOCSTI, TIOCLINUX

#: Options of prctl(2) by which a child would outlive its parent, or let itself be looked into.
_PRCTL_REFUSED: Final = (1, 4, 0x59616D61)  # PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_PTRACER

#: What the CUDA driver cannot do without.
_FOR_GPU: Final = frozenset({"memfd_create", "sched_setaffinity"})

Instruction = tuple[int, int, int, int]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def supported(machine: str | None = None) -> bool:
    """Tell whether there is a filter for a machine, by default this one."""
    return (machine or platform.machine()) in _MACHINES and sys.maxsize > 1 << 32


def program(machine: str, pid: int, gpu: bool) -> list[Instruction]:
    """Return the filter for a machine and the process with a given id, as (code, if true, if false, k)."""
    column, name = _MACHINES[machine]

    def numbers(table: dict[str, Numbers]) -> dict[str, int]:
        return {call: number for call, row in table.items() if (number := row[column]) is not None}

    judged = numbers(JUDGED)
    code: list[Instruction] = [
        _load(_MACHINE_AT),
        (_IF_EQUAL, 1, 0, name),
        _answer(_KILL),  # a call in the manner of another machine (32 bits) has other numbers
        _load(_NUMBER_AT),
        (_IF_GREATER, 0, 1, NEWEST),
        _answer(_REFUSE | errno.ENOSYS),
    ]
    for call, number in numbers(FORBIDDEN).items():
        if not (gpu and call in _FOR_GPU):
            code += _on(number, [_answer(_REFUSE | errno.EPERM)])
    # Its flags are behind a pointer, out of the filter's sight. C libraries then try clone.
    code += _on(judged["clone3"], [_answer(_REFUSE | errno.ENOSYS)])
    code += _on(judged["clone"], [_load_argument(0), (_IF_BITS, 1, 0, _CLONE_THREAD), *_verdicts()])
    for call in ("kill", "tgkill"):
        code += _on(judged[call], _only(pid))
    code += _on(judged["prlimit64"], _only(0, pid))
    code += _on(judged["prctl"], _none_of(0, _PRCTL_REFUSED))
    code += _on(judged["fcntl"], _none_of(1, _FCNTL_REFUSED))
    code += _on(judged["ioctl"], _none_of(1, _IOCTL_REFUSED))
    code.append(_answer(_ALLOW))
    return code


def install(pid: int, gpu: bool) -> None:
    """Put this process, for good, under the filter. Needs ``no_new_privs``.

    Raises:
        OSError: The kernel has no seccomp, or does not allow it.
    """
    code = program(platform.machine(), pid, gpu)
    packed = b"".join(struct.pack("=HBBI", *instruction) for instruction in code)
    filter_ = _Program(len(code), packed)
    prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(filter_))


def _load(at: int) -> Instruction:
    return (_LOAD, 0, 0, at)


def _load_argument(number: int) -> Instruction:
    # The kernel takes process ids and commands for 32 bits, and the flags asked about lie there too.
    return _load(_ARGUMENTS_AT + 8 * number)


def _answer(verdict: int) -> Instruction:
    return (_RETURN, 0, 0, verdict)


def _on(number: int, block: list[Instruction]) -> list[Instruction]:
    """Run a block, which ends with an answer, where the call has a number."""
    return [(_IF_EQUAL, 0, len(block), number), *block]


def _verdicts() -> list[Instruction]:
    """Refuse, or with one instruction skipped, allow."""
    return [_answer(_REFUSE | errno.EPERM), _answer(_ALLOW)]


def _only(*values: int) -> list[Instruction]:
    """Allow a call whose first argument is one of some values."""
    return [_load_argument(0), *_jumps(values), *_verdicts()]


def _none_of(argument: int, values: Iterable[int]) -> list[Instruction]:
    """Refuse a call whose argument is one of some values."""
    refuse, allow = _verdicts()
    return [_load_argument(argument), *_jumps(tuple(values)), allow, refuse]


def _jumps(values: tuple[int, ...]) -> list[Instruction]:
    """Jump over the instruction that follows the jumps if the word is one of the values."""
    return [(_IF_EQUAL, len(values) - at, 0, value) for at, value in enumerate(values)]
