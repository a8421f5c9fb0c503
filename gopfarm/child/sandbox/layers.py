"""Entering the sandbox, layer by layer."""

from __future__ import annotations

import os
import platform
import resource
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gopfarm.child.limits import Limits
from gopfarm.child.sandbox import landlock, places, privileges, seccomp
from gopfarm.child.sandbox.kernel import forbid_inspection, forbid_new_privileges
from gopfarm.child.sandbox.privileges import leave_network
from gopfarm.process import die_with_parent

__all__ = ["Layer", "enter", "forbid_inspection", "leave_network"]

#: Descriptors that a child may have open; the driver of a GPU opens many.
_OPEN_FILES: Final = 64
_OPEN_FILES_GPU: Final = 4096

#: Seconds between the end of its processor time, which a child could ignore, and its certain end.
_CPU_GRACE_SECONDS: Final = 5


@dataclass(frozen=True)
class Layer:
    """A part of the sandbox: its name, and why it is missing here, which is empty where it is in force.

    ``needed`` says whether something would be allowed without it that no other part refuses.
    """

    name: str
    missing: str = ""
    needed: bool = True


def enter(limits: Limits, scratch: Path) -> tuple[Layer, ...]:
    """Put this process into the sandbox; it must have one thread. Returns what is in force.

    Args:
        limits: What it may use.
        scratch: The only folder in which it may write.
    """
    return tuple(_layers(limits, scratch))


def _layers(limits: Limits, scratch: Path) -> Iterator[Layer]:
    yield _layer("limits", lambda: _set_limits(limits))
    yield _layer("privileges", _drop_privileges)
    readable = [*places.code(), *places.system(), *(places.driver() if limits.gpu else ())]
    devices = places.gpu_devices() if limits.gpu else ()
    yield _layer("landlock", lambda: landlock.restrict(readable, [scratch], devices))
    die_with_parent()  # a change of rights takes it back
    yield _layer("seccomp", lambda: _filter(limits))


def _layer(name: str, apply: Callable[[], object]) -> Layer:
    try:
        apply()
    except OSError as error:
        return Layer(name, error.strerror or str(error))
    return Layer(name)


def _set_limits(limits: Limits) -> None:
    files = _OPEN_FILES_GPU if limits.gpu else _OPEN_FILES
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, files)
    _limit(resource.RLIMIT_FSIZE, limits.output_bytes)
    if not limits.gpu:  # a GPU's driver reserves far more than it uses; the parent watches what is used
        _limit(resource.RLIMIT_DATA, limits.memory_bytes)
    if limits.cpu_seconds is not None:
        _limit(resource.RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + _CPU_GRACE_SECONDS)


def _limit(what: int, soft: int, hard: int | None = None) -> None:
    ceiling = resource.getrlimit(what)[1]
    wanted = (soft, soft if hard is None else hard)
    if ceiling != resource.RLIM_INFINITY:
        wanted = (min(wanted[0], ceiling), min(wanted[1], ceiling))
    resource.setrlimit(what, wanted)


def _drop_privileges() -> None:
    forbid_new_privileges()
    privileges.drop_capabilities()
    with suppress(OSError):
        forbid_inspection()


def _filter(limits: Limits) -> None:
    if not seccomp.supported():
        raise OSError(0, f"there is no filter for {platform.machine()}")
    seccomp.install(os.getpid(), limits.gpu)
