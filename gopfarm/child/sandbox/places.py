"""Where a child may read: the code that it runs, the libraries below that, and for a GPU its driver."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Final

#: Folders of shared libraries, and what the dynamic linker and the C library look up. None has secrets.
_SYSTEM: Final = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/usr/share/zoneinfo",
    "/dev/null",
    "/dev/zero",
    "/dev/urandom",
    "/sys/devices/system/cpu",
)

#: What NVIDIA's driver reads about the machine and its cards.
_DRIVER: Final = (
    "/proc/driver/nvidia",
    "/proc/devices",
    "/proc/modules",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/self",
    "/proc/sys/vm",
    "/sys/bus/pci/devices",
    "/sys/devices",
    "/sys/module/nvidia",
    "/usr/share/nvidia",
    "/etc/nvidia",
)

#: Character devices of the driver. They must be there: a child cannot run ``nvidia-modprobe``, which makes
#: them.
_GPU_DEVICES: Final = ("nvidia[0-9]*", "nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset")


def code() -> tuple[Path, ...]:
    """Return the folders of Python's library and of all packages that are loaded.

    A folder on the search path is not among them by itself: it can be somebody's project with all that is in
    it.
    """
    return _code(frozenset(name.partition(".")[0] for name in tuple(sys.modules)))


@lru_cache(maxsize=4)
def _code(packages: frozenset[str]) -> tuple[Path, ...]:
    paths = sysconfig.get_paths()
    found = {Path(paths[name]) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    for name in packages:
        module = sys.modules.get(name)
        for folder in getattr(module, "__path__", ()):
            found.add(Path(folder))
    return tuple(sorted(_outermost(found)))


def _outermost(folders: Iterable[Path]) -> set[Path]:
    known = set(folders)
    return {folder for folder in known if known.isdisjoint(folder.parents)}


def system() -> tuple[Path, ...]:
    """Return what any program reads that is linked to shared libraries."""
    return tuple(map(Path, _SYSTEM))


def driver() -> tuple[Path, ...]:
    """Return what a GPU's driver reads."""
    return tuple(map(Path, _DRIVER))


def gpu_devices() -> tuple[Path, ...]:
    """Return the GPU's devices."""
    devices = Path("/dev")
    cards = [path for pattern in _GPU_DEVICES for path in devices.glob(pattern)]
    return (*sorted(cards), *sorted(devices.glob("nvidia-caps/*")))
