"""Running one task: a child encodes, this process moves the bytes, keeps the lease and reports."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from encoders.child import TASK
from gopfarm.child import AbandonedError, Child, ChildEvent
from gopfarm.errors import EncodeError, ScratchError
from gopfarm.plan import Task
from gopfarm.results import TaskResult
from gopfarm.serial import from_json, to_json
from gopfarm.storage import Destination, Patience, open_source, shown
from worker.uploads import Uploads

#: Seconds between looks at whether the task is still wanted, when the child is silent.
_TICK_SECONDS = 0.25

#: A child that reports nothing for so many seconds hangs: even the slowest preset gives a frame in that time.
_STALL_SECONDS = 600.0


def run_task(
    task: Task,
    destination: Destination,
    https_hosts: tuple[str, ...],
    scratch_dir: Path | None,
    upload_threads: int,
    patience_seconds: float,
    keep: Callable[[int], bool],
) -> TaskResult:
    """Encode a task in a child process and store every file at the destination as soon as it is whole.

    Args:
        task: What to do.
        destination: Where the files go.
        https_hosts: Hosts from which https:// sources may be read.
        scratch_dir: Where the task's scratch folder is made.
        upload_threads: Files uploaded at a time.
        patience_seconds: How long a read from the source, or an upload, may go on failing in passing.
        keep: Called at least four times a second with the frames or samples done; False means to stop.

    Raises:
        AbandonedError: ``keep`` said so.
        FarmError: The task failed; the kind says whether another attempt makes sense.
    """
    try:
        scratch = tempfile.TemporaryDirectory(prefix="gopfarm-", dir=scratch_dir, ignore_cleanup_errors=True)
    except OSError as error:
        where = f" in {scratch_dir}" if scratch_dir else ""
        raise ScratchError(f"no scratch folder can be made{where}: {error.strerror}") from None
    done = 0
    patience = Patience(patience_seconds, lambda: not keep(done))
    with (
        scratch as folder,
        open_source(
            task.source.url, https_hosts=https_hosts, expected=task.source, patience=patience
        ) as source,
        Uploads(task, destination, Path(folder), upload_threads, patience_seconds) as uploads,
        Child(TASK, to_json(_without_secret(task)), source, task.source.size, Path(folder)) as child,
    ):
        started = moved = time.monotonic()
        for event in child.events(_TICK_SECONDS):
            uploads.check()
            if not keep(done):
                raise AbandonedError
            now = time.monotonic()
            if now - started - source.fetch_seconds > task.limit_seconds:
                raise EncodeError(f"the encoding process was not done within {task.limit_seconds:.0f} s")
            if event is not None:
                moved = now
            elif now - moved > _STALL_SECONDS:
                raise EncodeError(f"the encoding process made no progress for {_STALL_SECONDS:.0f} s")
            if isinstance(event, bytes):
                result = from_json(TaskResult, event)
                if result.task != task.id:
                    raise EncodeError(f"the encoding process gave the result of another task, {result.task}")
                uploads.wait(keep, done)
                return result
            if isinstance(event, ChildEvent) and event.name == "progress":
                done = int(event.value)
            elif isinstance(event, ChildEvent) and event.name == "file":
                uploads.add(*event.value)
    raise EncodeError("the encoding process gave no result")


def _without_secret(task: Task) -> Task:
    """Return the task as its child may see it: an address can carry a signature, and the child needs none."""
    return replace(task, source=replace(task.source, url=shown(task.source.url)))
