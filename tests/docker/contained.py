r"""Run a command much as Docker runs it by the compose file, in namespaces that ``unshare`` has made.

usage: unshare --user --map-user=10001 --map-group=10001 --keep-caps --mount \
           python -m tests.docker.contained SCRATCH COMMAND ...

The root file system becomes read-only, SCRATCH excepted; all capabilities go, for good; and system calls are
refused of which Docker's default seccomp profile refuses those that matter here: new namespaces, mounts, and
what else takes a capability that containers do not have
(https://docs.docker.com/engine/security/seccomp/#significant-syscalls-blocked-by-the-default-profile).
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

from gopfarm.child.sandbox.kernel import call, forbid_new_privileges, prctl
from gopfarm.child.sandbox.privileges import drop_capabilities
from gopfarm.child.sandbox.syscalls import FORBIDDEN, JUDGED

_REFUSED = (
    "add_key",
    "bpf",
    "io_uring_enter",
    "io_uring_register",
    "io_uring_setup",
    "keyctl",
    "mount",
    "open_by_handle_at",
    "perf_event_open",
    "pivot_root",
    "request_key",
    "setns",
    "umount2",
    "unshare",
    "userfaultfd",
)

#: linux/sched.h: CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET.
_NAMESPACES = 0x7E020000

#: linux/mount.h. The flags of statvfs(3) have the same numbers, except for one.
_READ_ONLY, _REMOUNT, _BIND, _RELATIME = 1, 32, 4096, 1 << 21
_SAME_FLAGS = os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC | os.ST_NOATIME | os.ST_NODIRATIME

_LOAD, _IF_EQUAL, _IF_BITS, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def filter_calls() -> None:
    """Install the filter: one for the machine's own calls, others are not made here."""
    column = {"x86_64": 0, "aarch64": 1}[platform.machine()]
    code = [(_LOAD, 0, 0, 0)]
    for name in _REFUSED:
        number = FORBIDDEN[name][column]
        assert number is not None
        code += [(_IF_EQUAL, 0, 1, number), (_RETURN, 0, 0, _REFUSE | errno.EPERM)]
    clone, clone3 = JUDGED["clone"][column], JUDGED["clone3"][column]
    assert clone is not None
    assert clone3 is not None
    code += [(_IF_EQUAL, 0, 1, clone3), (_RETURN, 0, 0, _REFUSE | errno.ENOSYS)]
    code += [(_IF_EQUAL, 0, 3, clone), (_LOAD, 0, 0, 16), (_IF_BITS, 0, 1, _NAMESPACES)]
    code += [(_RETURN, 0, 0, _REFUSE | errno.EPERM), (_RETURN, 0, 0, _ALLOW)]
    packed = b"".join(struct.pack("=HBBI", *instruction) for instruction in code)
    program = _Program(len(code), packed)
    prctl(22, 2, ctypes.addressof(program))  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER


def mount(folder: str, flags: int) -> None:
    """Mount a folder on itself, or change how it is mounted (mount(2))."""
    call("mount", folder.encode(), folder.encode(), None, ctypes.c_ulong(flags), None)


def main(scratch: str, command: list[str]) -> None:
    """Contain this process, then become the command."""
    mount(scratch, _BIND)
    # What else is set for the root is not ours to take away.
    kept = os.statvfs("/").f_flag
    mount(
        "/", _REMOUNT | _BIND | _READ_ONLY | kept & _SAME_FLAGS | (_RELATIME if kept & os.ST_RELATIME else 0)
    )
    drop_capabilities()
    forbid_new_privileges()
    filter_calls()
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
