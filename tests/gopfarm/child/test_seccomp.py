"""The filter of system calls: its numbers, and what it answers, run on a small BPF machine."""

from __future__ import annotations

import ctypes
import ctypes.util
import errno
import struct

import pytest

from gopfarm.child.sandbox import seccomp
from gopfarm.child.sandbox.syscalls import FORBIDDEN, JUDGED, Numbers

ALLOW, KILL = 0x7FFF0000, 0x80000000
EPERM, ENOSYS = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
MACHINES = [(name, column) for column, name in enumerate(AUDIT)]
PID = 4711


def answer(machine: str, number: int, *arguments: int, gpu: bool = False, audit: int | None = None) -> int:
    """Run the filter on a system call."""
    padded = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    data = struct.pack("=IIQ6Q", number, audit or AUDIT[machine], 0, *padded)
    program = seccomp.program(machine, PID, gpu)
    word = at = 0
    while True:
        code, if_true, if_false, value = program[at]
        at += 1
        match code:
            case 0x20:
                (word,) = struct.unpack_from("=I", data, value)
            case 0x15:
                at += if_true if word == value else if_false
            case 0x25:
                at += if_true if word > value else if_false
            case 0x45:
                at += if_true if word & value else if_false
            case 0x06:
                return value
            case _:
                raise AssertionError(f"no such instruction: {code:#x}")


@pytest.mark.parametrize(("machine", "column"), MACHINES)
def test_the_numbers_are_those_of_libseccomp(machine: str, column: int) -> None:
    name = ctypes.util.find_library("seccomp")
    if name is None:
        pytest.skip("libseccomp is not installed")
    resolve = ctypes.CDLL(name).seccomp_syscall_resolve_name_arch
    wrong = {}
    for call, row in (FORBIDDEN | JUDGED).items():
        number = resolve(ctypes.c_uint32(AUDIT[machine]), call.encode())
        if number != -1 and row[column] != (number if number >= 0 else None):  # -1: newer than the library
            wrong[call] = (row[column], number)
    assert wrong == {}


@pytest.mark.parametrize(("machine", "column"), MACHINES)
def test_every_forbidden_call_is_refused(machine: str, column: int) -> None:
    for row in FORBIDDEN.values():
        if (number := row[column]) is not None:
            assert answer(machine, number) == EPERM


def of(call: str, column: int) -> int:
    number = JUDGED[call][column]
    assert number is not None
    return number


#: Calls, their arguments and whether they are allowed.
CASES: list[tuple[str, tuple[int, ...], bool]] = [
    ("clone", (0x3D0F00,), True),  # as the C library starts a thread
    ("clone", (0x1200011,), False),  # as it forks
    ("clone", (0x7C020000,), False),
    ("kill", (PID, 10), True),
    ("kill", (0xFFFFFFFF, 9), False),
    ("kill", (0, 9), False),
    ("kill", (PID + 1, 9), False),
    ("kill", (PID | 1 << 32, 10), True),  # the kernel looks at 32 bits only
    ("tgkill", (PID, PID, 6), True),
    ("tgkill", (1, 1, 6), False),
    ("prlimit64", (0,), True),
    ("prlimit64", (PID,), True),
    ("prlimit64", (1,), False),
    ("prctl", (15,), True),
    ("prctl", (1,), False),
    ("prctl", (4, 1), False),
    ("fcntl", (3, 2), True),
    ("fcntl", (3, 8), False),
    ("fcntl", (3, 10), False),
    ("fcntl", (3, 15), False),
    ("ioctl", (3, 0x5401), True),
    ("ioctl", (3, 0x5412), False),
    ("ioctl", (3, 0x8901), False),
]


@pytest.mark.parametrize(("machine", "column"), MACHINES)
@pytest.mark.parametrize(("call", "arguments", "allowed"), CASES)
def test_some_calls_are_judged_by_their_arguments(
    call: str, arguments: tuple[int, ...], allowed: bool, machine: str, column: int
) -> None:
    assert answer(machine, of(call, column), *arguments) == (ALLOW if allowed else EPERM)


@pytest.mark.parametrize(("machine", "column"), MACHINES)
def test_threads_can_be_started_though_clone3_cannot_be_judged(machine: str, column: int) -> None:
    assert answer(machine, of("clone3", column)) == ENOSYS


@pytest.mark.parametrize(("machine", "column"), MACHINES)
def test_what_the_code_does_not_know_the_kernel_seems_not_to_have(machine: str, column: int) -> None:
    assert answer(machine, 463) == ENOSYS
    assert answer(machine, 0xFFFFFFFF) == ENOSYS
    assert answer(machine, 0x40000000 | 41) == ENOSYS, "x32, the other numbering of x86_64"


def test_calls_in_the_manner_of_another_machine_end_the_process() -> None:
    assert answer("x86_64", 1, audit=0x40000003) == KILL


ORDINARY: dict[str, Numbers] = {
    "read": (0, 63),
    "write": (1, 64),
    "mmap": (9, 222),
    "futex": (202, 98),
    "openat": (257, 56),
    "sendto": (44, 206),
    "recvfrom": (45, 207),
    "exit_group": (231, 94),
    "rseq": (334, 293),
    "getrandom": (318, 278),
}


@pytest.mark.parametrize(("machine", "column"), MACHINES)
def test_ordinary_calls_are_allowed(machine: str, column: int) -> None:
    numbers = [row[column] for row in ORDINARY.values()]
    assert all(number is not None and answer(machine, number) == ALLOW for number in numbers)


def test_the_driver_of_a_gpu_gets_what_it_needs() -> None:
    assert answer("x86_64", 319) == EPERM
    assert answer("x86_64", 319, gpu=True) == ALLOW
    assert answer("x86_64", 41, gpu=True) == EPERM
