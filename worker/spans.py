"""The spans of a task's run at a worker: how long it lay in its queue, and what became of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dramatiq

from gopfarm import tracing
from gopfarm.errors import FarmError
from gopfarm.plan import VideoTask, renditions_of
from gopfarm.store import TWIN, Finish, GivenBack, StartedTask


@contextmanager
def running(
    started: StartedTask, run: str, message: dramatiq.Message[Any] | None, worker: str
) -> Iterator[None]:
    """Record a run that has just been started, and before it the time since its message was sent.

    Args:
        started: The task and its attempt.
        run: Id of the run.
        message: What the worker was sent.
        worker: The worker's id.
    """
    task = started.task
    attributes: dict[str, tracing.Value] = {
        "gopfarm.task.id": task.id,
        "gopfarm.task.kind": task.kind,
        "gopfarm.task.attempt": started.attempt,
        "gopfarm.task.twin": run.endswith(TWIN),
        "gopfarm.task.renditions": [rendition.name for rendition in renditions_of(task)],
        "gopfarm.worker": worker,
    }
    if isinstance(task, VideoTask):
        attributes["gopfarm.encoder"] = task.renditions[0].encoder
    if message is not None:
        attributes |= {
            "messaging.system": "dramatiq",
            "messaging.destination.name": message.queue_name,
            "messaging.message.id": message.message_id,
        }
        tracing.record("task wait", message.message_timestamp / 1000, time.time(), attributes)
        attributes |= {"messaging.operation.name": "run", "messaging.operation.type": "process"}
    with tracing.span("task run", attributes, kind="consumer"):
        yield


def note_finished(outcome: Finish) -> None:
    """Note in the span of a run what its result was good for."""
    tracing.current().set({"gopfarm.task.outcome": outcome.value})


def note_given_back(error: FarmError | None, outcome: GivenBack) -> None:
    """Note in the span of a run that it gave no result, and why."""
    tracing.current().set({"gopfarm.task.outcome": "given back", "gopfarm.task.next": outcome.value})
    tracing.current().fail(None if error is None else tracing.Failed.by(error))
