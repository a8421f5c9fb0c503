"""Room in the scratch folder: a worker without it takes no task, so that its disk costs each task little."""

from __future__ import annotations

import math
import shutil
import tempfile
import threading
import time
from pathlib import Path

from gopfarm.broker import FarmBroker
from gopfarm.errors import ScratchError
from gopfarm.log import get_logger

log = get_logger(__name__)

#: Free bytes that each slot wants before a task is taken. Segments leave as they are uploaded; when storage
#: is away they stay, and a chunk of 30 s of a ladder up to 1080p (about 10 Mbit/s in all) is 38 MB.
SLOT_BYTES = 64 << 20

#: Share of that below which a worker that takes tasks stops doing so. The difference to the whole keeps it
#: from stopping and going on all the time.
_LOW = 0.5

#: Seconds between looks at the folder.
_LOOK_SECONDS = 2.0

#: Seconds without tasks after the disk has failed one, whatever it says of itself: free bytes know nothing of
#: quotas, nor of a disk that is dying.
_AFTER_FAULT_SECONDS = 30.0

#: Bytes written to see whether the folder can be written again.
_TRIAL_BYTES = 64 << 10

#: The reason given to the broker.
_HOLD = "scratch"

_MIB = 1 << 20


class Room:
    """Whether the scratch folder has room for tasks; watches it, and holds the broker when there is none.

    Tasks whose messages are fetched already are given back by the worker, see ``enough``.

    Args:
        folder: The scratch folder; None is the system's.
        slots: How many tasks may run at a time.
        after_fault_seconds: How long no task is taken after the disk has failed one.
    """

    def __init__(
        self, folder: Path | None, slots: int, after_fault_seconds: float = _AFTER_FAULT_SECONDS
    ) -> None:
        self._folder = folder or Path(tempfile.gettempdir())
        self._wanted = slots * SLOT_BYTES
        self._after_fault_seconds = after_fault_seconds
        self._not_before = 0.0
        self._broker: FarmBroker | None = None
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look_until_stopped, name="room", daemon=True)
        self.enough = True
        """Whether a task may be taken now."""
        self._look(self._wanted)

    def watch(self, broker: FarmBroker) -> None:
        """Begin to watch the folder for the broker that the tasks come from."""
        self._broker = broker
        with self._lock:
            self._hold()
        self._thread.start()

    def stop(self) -> None:
        """End watching."""
        self._stopped.set()

    def free(self) -> float:
        """Return the bytes that are free in the folder; not a number where it cannot be asked."""
        try:
            return shutil.disk_usage(self._folder).free
        except OSError:
            return math.nan

    def failed(self) -> None:
        """Note that the folder's disk has failed a task."""
        with self._lock:
            self._not_before = time.monotonic() + self._after_fault_seconds
            if self.enough:
                self._turn(False, "its disk has failed a task")

    def _look_until_stopped(self) -> None:
        while not self._stopped.wait(_LOOK_SECONDS):
            self._look(int(self._wanted * (_LOW if self.enough else 1)))

    def _look(self, least: int) -> None:
        with self._lock:
            missing = missing_room(self._folder, least)
            if self.enough and missing:
                self._turn(False, missing)
            elif not self.enough and not missing and time.monotonic() >= self._not_before:
                if self._is_writable():
                    self._turn(True, "")
                else:
                    self._not_before = time.monotonic() + self._after_fault_seconds

    def _turn(self, enough: bool, reason: str) -> None:
        self.enough = enough
        self._hold()
        if enough:
            log.warning("the scratch folder has room again, tasks are taken", folder=str(self._folder))
        else:
            log.error("no task is taken for want of scratch", folder=str(self._folder), reason=reason)

    def _hold(self) -> None:
        if self._broker is not None:
            (self._broker.release if self.enough else self._broker.hold)(_HOLD)

    def _is_writable(self) -> bool:
        try:
            with tempfile.NamedTemporaryFile(prefix="gopfarm-", dir=self._folder) as file:
                file.write(bytes(_TRIAL_BYTES))
                file.flush()
        except OSError:
            return False
        return True


def missing_room(folder: Path, least: int) -> str:
    """Return why ``folder`` has not ``least`` bytes free; empty if it has."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return f"it cannot be used: {error.strerror}"
    return "" if free >= least else f"{free // _MIB} MiB are free, {-(-least // _MIB)} are wanted"


def check_room(folder: Path | None, slots: int) -> None:
    """Refuse to begin without room.

    Raises:
        ScratchError: It says how much is free, and how much is wanted.
    """
    where = folder or Path(tempfile.gettempdir())
    if missing := missing_room(where, slots * SLOT_BYTES):
        raise ScratchError(f"scratch folder {where}: {missing} (GOPFARM_SCRATCH_DIR names another)")
