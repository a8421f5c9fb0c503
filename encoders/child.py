"""What the farm runs in child processes: probing, tasks, and finding out what the machine can encode.

``preload`` is called once in the process that all children are forked from (see ``gopfarm.child``). Without
it, each function imports what it needs: whoever only wants the names below shall not pay for it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from gopfarm.facts import SourceFacts, SourceRef
from gopfarm.results import SegmentResult
from gopfarm.serial import from_json, task_from_json, to_json

Emit = Callable[[str, Any], None]

#: Names of the functions below, as ``gopfarm.child`` takes them.
PROBE = "encoders.child:probe_source"
TASK = "encoders.child:encode_task"
CAPABILITIES = "encoders.child:capabilities"

#: Seconds between progress events.
_PROGRESS_SECONDS = 0.25


def preload() -> None:
    """Load what the functions below need, and build what reads and writes their JSON."""
    import encoders.probe
    import encoders.registry
    import encoders.tasks  # noqa: F401
    from gopfarm.plan import Task
    from gopfarm.results import TaskResult
    from gopfarm.serial import prepare

    for kind in (SourceRef, SourceFacts, Task, TaskResult):
        prepare(kind)


def _quiet() -> None:
    """Have FFmpeg's libraries say nothing: what matters comes as an error."""
    import av.logging

    av.logging.set_level(None)


def probe_source(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Probe the source; the request is its ``SourceRef``, the result its ``SourceFacts``."""
    from encoders.bombs import check_facts
    from encoders.probe import probe

    _quiet()
    ref = from_json(SourceRef, request)
    return check_facts(to_json(probe(source, ref)), ref.url)


def encode_task(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Run a task; the request is the task, the result its ``TaskResult``.

    Emits ``file`` with [rendition, file name] for each file that is whole, and ``progress``.
    """
    from encoders.tasks import run_task

    _quiet()
    last = 0.0

    def on_file(rendition: str, file: SegmentResult) -> None:
        emit("file", [rendition, file.file])

    def on_progress(done: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _PROGRESS_SECONDS:
            last = now
            emit("progress", done)

    return to_json(run_task(task_from_json(request), source, scratch, on_file, on_progress))


def capabilities(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Find out which encoders work here; the result is a JSON list of their names."""
    from encoders.registry import available_encoders

    _quiet()
    return json.dumps(available_encoders()).encode()
