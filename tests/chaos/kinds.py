"""The kinds of faults by name, and the storage that each of them needs."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos import faults
from tests.chaos.places import Folder, Place
from tests.chaos.scene import Scene


@dataclass(frozen=True)
class Storage:
    """Where jobs publish: how a place of a given name is made, and what the farm has to be told."""

    place: Callable[[str], Place]
    environment: dict[str, str] = field(default_factory=dict)


@contextmanager
def on_disk(folder: Path) -> Iterator[Storage]:
    """Publish into folders below that of the run."""
    yield Storage(lambda name: Folder(folder / "out" / name))


@dataclass(frozen=True)
class Kind:
    """A fault, the storage for it, and a module without which it cannot be made."""

    fault: faults.Fault
    storage: Callable[[Path], AbstractContextManager[Storage]] = on_disk
    needs: str | None = None

    @property
    def possible(self) -> bool:
        """Tell whether what it needs is there."""
        return self.needs is None or importlib.util.find_spec(self.needs) is not None


#: In the order in which a campaign takes them in turn.
KINDS: dict[str, Kind] = {
    fault.__name__: Kind(fault)
    for fault in (
        faults.kill_worker,
        faults.kill_child,
        faults.restart_redis,
        faults.kill_leader,
        faults.zombie,
        faults.several,
        faults.empty_redis,
        faults.preempt_worker,
        faults.cancel,
        faults.pause_redis,
        faults.kill_schedulers,
        faults.refuse_writes,
        faults.poison,
        faults.duplicate,
        faults.block,
        faults.kill_follower,
    )
}


def quiet(_: Scene) -> None:
    """Do nothing: what the campaign itself costs, and whether it takes a healthy farm for a sick one."""


KINDS["quiet"] = Kind(quiet)

#: Not taken in turn: only when asked for.
ONLY_WHEN_ASKED = ("quiet",)
