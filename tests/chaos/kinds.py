"""The kinds of faults by name, and the storage that each of them needs."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.chaos import faults, forced, s3
from tests.chaos.places import Folder
from tests.chaos.scene import Scene, Storage


@contextmanager
def on_disk(folder: Path, film: Path) -> Iterator[Storage]:
    """Publish into folders below that of the run."""
    yield Storage(place=lambda name: Folder(folder / "out" / name), source=str(film))


@dataclass(frozen=True)
class Kind:
    """A fault, the storage for it, and a module without which it cannot be made."""

    fault: faults.Fault
    storage: Callable[[Path, Path], AbstractContextManager[Storage]] = on_disk
    needs: str | None = None

    @property
    def possible(self) -> bool:
        """Tell whether what it needs is there."""
        try:
            return self.needs is None or importlib.util.find_spec(self.needs) is not None
        except ModuleNotFoundError:  # not even its package
            return False


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
        forced.poison,
        faults.duplicate,
        forced.block,
        faults.kill_follower,
    )
}


def quiet(_: Scene) -> None:
    """Do nothing: what the campaign itself costs, and whether it takes a healthy farm for a sick one."""


KINDS["break_s3"] = Kind(s3.break_s3, s3.behind_a_proxy, needs="tests.faults.proxy")
KINDS["quiet"] = Kind(quiet)

#: Not taken in turn: only when asked for.
ONLY_WHEN_ASKED = ("quiet",)
