"""Giving up what a process could do beyond its own files: capabilities, and the network."""

from __future__ import annotations

import ctypes
import os
import struct
from contextlib import suppress
from pathlib import Path
from typing import Final

from gopfarm.child.sandbox.kernel import call, prctl

_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000

_PR_CAPBSET_READ: Final = 23
_PR_CAPBSET_DROP: Final = 24
_PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_CLEAR_ALL: Final = 4

#: linux/capability.h: the layout of capset's arguments, three sets of 64 bits.
_CAPABILITY_VERSION_3: Final = 0x20080522


def leave_network() -> None:
    """Move this process, and what it forks, into a network namespace without any interface.

    Without privileges that takes a user namespace too.

    Raises:
        OSError: The kernel does not allow it.
    """
    user, group = os.geteuid(), os.getegid()
    own = 0 if user == 0 else _CLONE_NEWUSER
    call("unshare", own | _CLONE_NEWNET)
    if own:
        # Else it would be nobody to itself. The kernel looks at the real user all the same.
        with suppress(OSError):
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
            Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def drop_capabilities() -> None:
    """Give up all capabilities, and the way to get them back.

    Raises:
        OSError: The kernel does not allow it.
    """
    with suppress(OSError):  # older than Linux 4.3: there is no such set
        prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    number = 0
    with suppress(OSError):  # beyond the last one; or without the right, but then nothing could use the set
        while prctl(_PR_CAPBSET_READ, number) >= 0:
            prctl(_PR_CAPBSET_DROP, number)
            number += 1
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    call("capset", ctypes.c_char_p(header), ctypes.c_char_p(bytes(24)))
