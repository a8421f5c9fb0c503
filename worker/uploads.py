"""The files of a task on their way to the destination, while its child goes on encoding."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from pathlib import Path

from gopfarm import tracing
from gopfarm.child.parent import AbandonedError
from gopfarm.errors import EncodeError
from gopfarm.log import get_logger
from gopfarm.plan import Task, renditions_of
from gopfarm.storage import Destination, Patience

log = get_logger(__name__)

#: Seconds between looks at whether the task is still wanted.
_TICK_SECONDS = 0.25

#: Seconds that uploads under way get to end when the task is left; then they are abandoned.
_LEAVE_SECONDS = 0.5


class Uploads:
    """Stores files as they are finished. Leaving the block drops those that are not stored yet.

    A passing fault of the destination is borne with patience: the file waits in the scratch folder, and so do
    those that are finished meanwhile. An upload that hangs holds up nobody: its thread is abandoned, and ends
    with its connection.

    Args:
        task: Whose files these are.
        destination: Where they go.
        scratch: The task's scratch folder. A file that is stored is removed from it.
        threads: Files uploaded at a time.
        patience_seconds: How long one file's upload may go on failing.
    """

    def __init__(
        self, task: Task, destination: Destination, scratch: Path, threads: int, patience_seconds: float
    ) -> None:
        self._directories = {rendition.name: rendition.directory for rendition in renditions_of(task)}
        self._destination = destination
        self._scratch = scratch
        self._most_threads = threads
        self._left = threading.Event()
        self._patience = Patience(patience_seconds, self._left.is_set)
        self._files: queue.SimpleQueue[tuple[str, Path] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()
        self._unstored = 0
        self._error: Exception | None = None
        self._began: float | None = None
        self._ended = 0.0
        self._files_stored = self._bytes_stored = 0
        self._busy_seconds = 0.0

    def __enter__(self) -> Uploads:
        return self

    def __exit__(self, *exception: object) -> None:
        self._left.set()
        for _ in self._threads:
            self._files.put(None)
        until = time.monotonic() + _LEAVE_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        if hanging := sum(thread.is_alive() for thread in self._threads):
            log.warning("uploads that hang are abandoned", uploads=hanging)
        self._record()

    def _record(self) -> None:
        if self._began is None:
            return
        attributes = {
            "gopfarm.upload.files": self._files_stored,
            "gopfarm.upload.bytes": self._bytes_stored,
            "gopfarm.upload.busy_seconds": round(self._busy_seconds, 3),
        }
        failed = None if self._error is None else tracing.Failed.by(self._error)
        tracing.record("upload", self._began, self._ended or time.time(), attributes, failed=failed)

    def add(self, rendition: str, file: str) -> None:
        """Start storing a finished file."""
        if rendition not in self._directories or Path(file).name != file:
            raise EncodeError(f"the encoding process names a file that is not its own: {rendition}/{file}")
        self._began = self._began or time.time()
        with self._changed:
            self._unstored += 1
        self._files.put((f"{self._directories[rendition]}/{file}", self._scratch / rendition / file))
        if len(self._threads) < self._most_threads:
            # A daemon: one that hangs must not keep the process from ending.
            thread = threading.Thread(
                target=copy_context().run, args=(self._store_files,), name="upload", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def check(self) -> None:
        """Raise the error of the first upload that failed."""
        if self._error is not None:
            raise self._error

    def wait(self, keep: Callable[[int], bool], done: int) -> None:
        """Wait until all files are stored; ``keep(done)`` is asked whether to go on.

        Raises:
            AbandonedError: ``keep`` said no.
            FarmError: A file could not be stored.
        """
        while True:
            with self._changed:
                if not self._unstored and self._error is None:
                    return
                if self._error is None:
                    self._changed.wait(_TICK_SECONDS)
            self.check()
            if not keep(done):
                raise AbandonedError

    def _store_files(self) -> None:
        while (entry := self._files.get()) is not None and not self._left.is_set():
            error: Exception | None = None
            size, started = 0, time.monotonic()
            try:
                size = entry[1].stat().st_size
                self._patience.insist(partial(self._destination.put_file, *entry))
                entry[1].unlink(missing_ok=True)
            except Exception as fault:  # a bug as well: whoever waits for the file must hear of it
                error = fault
            with self._changed:
                self._unstored -= 1
                self._error = self._error or error
                if error is None:
                    self._files_stored += 1
                    self._bytes_stored += size
                self._busy_seconds += time.monotonic() - started
                self._ended = time.time()
                self._changed.notify_all()
