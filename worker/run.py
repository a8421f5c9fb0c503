"""Running one task: a child encodes, this process moves the bytes, keeps the lease and reports."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from encoders.child import TASK
from gopfarm import tracing
from gopfarm.child.limits import Limits
from gopfarm.child.parent import AbandonedError, Child, ChildDiedError, ChildEvent
from gopfarm.child.scratch import check_own, scratch_folder
from gopfarm.errors import EncodeError
from gopfarm.plan import Task, VideoTask
from gopfarm.results import TaskResult
from gopfarm.serial import from_json, to_json
from gopfarm.settings import get_settings
from gopfarm.storage import Destination, Patience, open_source, shown
from worker.bounds import described, limits_of
from worker.uploads import Uploads

#: Seconds between looks at whether the task is still wanted, when the child is silent.
_TICK_SECONDS = 0.25


def run_task(
    task: Task,
    destination: Destination,
    https_hosts: tuple[str, ...],
    scratch_dir: Path | None,
    upload_threads: int,
    patience_seconds: float,
    keep: Callable[[int], bool],
    limits: Limits | None = None,
    stall_seconds: float | None = None,
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
        limits: What any child may use; by default what the settings say.
        stall_seconds: A child that reports nothing for so long is taken for hanging; by default what the
            settings say. Even the slowest preset should give a frame in that time.

    Raises:
        AbandonedError: ``keep`` said so.
        FarmError: The task failed; the kind says whether another attempt makes sense.
    """
    allowed = limits_of(task, limits or Limits.of())
    stall = get_settings().stall_seconds if stall_seconds is None else stall_seconds
    done = 0
    patience = Patience(patience_seconds, lambda: not keep(done))
    with (
        _named(task),
        scratch_folder(scratch_dir) as folder,
        open_source(
            task.source.url, https_hosts=https_hosts, expected=task.source, patience=patience
        ) as source,
        Uploads(task, destination, folder, upload_threads, patience_seconds) as uploads,
        tracing.span("encode") as encoding,
        Child(TASK, to_json(_without_secret(task)), source, task.source.size, folder, allowed) as child,
    ):
        if isinstance(task, VideoTask) and task.reads is not None:
            source.expect(*task.reads)
        started = moved = time.monotonic()
        for event in child.events(_TICK_SECONDS):
            uploads.check()
            if not keep(done):
                raise AbandonedError
            now = time.monotonic()
            if now - started - source.fetch_seconds > task.limit_seconds:
                child.give_up()
                raise EncodeError(f"the encoding process was not done within {task.limit_seconds:.0f} s")
            if event is not None:
                moved = now
            elif now - moved > stall:
                child.give_up()
                raise EncodeError(f"the encoding process made no progress for {stall:g} s")
            if isinstance(event, bytes):
                result = replace(_believed(event, task), source_bytes_read=source.bytes_fetched)
                encoding.set(_told(result))
                encoding.end()
                uploads.wait(keep, done)
                return result
            if isinstance(event, ChildEvent) and event.name == "progress":
                done = _number(event.value)
            elif isinstance(event, ChildEvent) and event.name == "file":
                rendition, file = _pair(event.value)
                check_own(folder, f"{rendition}/{file}")
                uploads.add(rendition, file)
    raise EncodeError("the encoding process gave no result")


def _believed(answer: bytes, task: Task) -> TaskResult:
    """Read a child's result: media may have taken the child over, so it is not trusted to make sense."""
    try:
        result = from_json(TaskResult, answer)
    except ValueError:
        raise EncodeError("the encoding process gave a result that is none") from None
    if result.task != task.id:
        raise EncodeError("the encoding process gave the result of another task")
    return result


def _told(result: TaskResult) -> dict[str, float]:
    """Return what the span of an encoding says of it."""
    return {
        "gopfarm.cpu_seconds": round(result.cpu_seconds, 3),
        "gopfarm.decode_seconds": round(result.decode_seconds, 3),
        "gopfarm.peak_memory_bytes": result.peak_memory,
        "gopfarm.frames_decoded": result.frames_decoded,
        "gopfarm.frames_damaged": result.frames_damaged,
        "gopfarm.source_bytes_read": result.source_bytes_read,
    }


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise EncodeError("the encoding process reports progress that is no number")
    return value


def _pair(value: object) -> tuple[str, str]:
    match value:
        case [str(rendition), str(file)]:
            return rendition, file
    raise EncodeError("the encoding process names a file in no way that is known")


@contextmanager
def _named(task: Task) -> Iterator[None]:
    """Have errors of the encoding say which piece of the job they are about."""
    try:
        yield
    except EncodeError as error:
        raise EncodeError(f"{described(task)}: {str(error).removeprefix(f'{task.id}: ')}") from error
    except ChildDiedError as error:
        raise EncodeError(f"{described(task)}: {error}") from error


def _without_secret(task: Task) -> Task:
    """Return the task as its child may see it: an address can carry a signature, and the child needs none."""
    return replace(task, source=replace(task.source, url=shown(task.source.url)))
