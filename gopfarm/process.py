"""What Linux is asked about processes, beyond what Python's library can ask."""

from __future__ import annotations

import ctypes
import math
import os
import signal
from pathlib import Path

#: prctl(2): the signal that the kernel sends this process when its parent dies.
_PR_SET_PDEATHSIG = 1

#: Where cgroups (version 2) are mounted, and which one a process is in.
_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")


def die_with_parent() -> None:
    """Have the kernel kill this process as soon as its parent has gone, however that came about."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def cores() -> int:
    """Return how many CPU cores this process may use: those it may run on, less by a quota."""
    return max(1, int(min(len(os.sched_getaffinity(0)), quota(_CGROUPS, _OWN_CGROUP))))


def quota(cgroups: Path, own: Path) -> float:
    """Return how many cores' worth of time the cgroups of a process let it have: the least along its path.

    Docker's ``--cpus``, limits of Kubernetes and systemd's ``CPUQuota`` are such quotas; the mask of
    processors (affinity) does not show them.

    Args:
        cgroups: Where cgroups are mounted.
        own: The list of a process's cgroups, see cgroups(7).

    Returns:
        Cores, in fractions; infinity where nothing limits them, or where cgroups are of version 1.
    """
    least = math.inf
    try:
        line = next(line for line in own.read_text().splitlines() if line.startswith("0::"))
    except (OSError, StopIteration):
        return least
    group = cgroups / line.removeprefix("0::").lstrip("/")
    for folder in (group, *group.parents):
        try:
            limit, period = (folder / "cpu.max").read_text().split()
        except (OSError, ValueError):  # the topmost has no such file
            continue
        if limit != "max":
            least = min(least, int(limit) / int(period))
    return least
