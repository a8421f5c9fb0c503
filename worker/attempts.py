"""Attempts at tasks: each is taken, run under a lease, and delivered or given back."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dramatiq
import structlog

from gopfarm import metrics, tracing
from gopfarm.backoff import pauses
from gopfarm.child.limits import Limits
from gopfarm.child.parent import AbandonedError
from gopfarm.errors import (
    DestinationError,
    FarmError,
    ScratchError,
    ServiceError,
    SourceChangedError,
    SourceError,
    SpecError,
)
from gopfarm.log import get_logger
from gopfarm.plan import Task, plan_hash_of
from gopfarm.results import TaskResult, result_key
from gopfarm.serial import to_json
from gopfarm.settings import Settings
from gopfarm.storage import Destination, Patience, open_destination
from gopfarm.store import REDIS_FAULTS, Finish, StartedTask, TaskStore
from gopfarm.tenants import class_of
from worker.lease import Lease, Leases
from worker.room import Room
from worker.run import run_task
from worker.spans import note_finished, note_given_back, running

log = get_logger(__name__)

#: Errors that another attempt, here or elsewhere, would only meet again.
_HOPELESS = (SourceChangedError, SpecError)

#: That a source cannot be read, or a destination not be written, may be this machine's fault alone, since the
#: scheduler could do both: it is believed when it is met a second time.
_DOUBTFUL = (SourceError, DestinationError)
_DOUBTFUL_ATTEMPTS = 2

#: Seconds between attempts at a task when storage does not answer.
_SERVICE_PAUSE_SECONDS = 10.0

#: Seconds between attempts to tell Redis of a task's end while it is away: the first, and the most.
_REDIS_PAUSE_SECONDS = 0.5
_REDIS_MAX_PAUSE_SECONDS = 5.0


@dataclass(frozen=True)
class _Work:
    """A run in hand: of which task, of which job, under which token (see ``TaskStore``)."""

    job_id: str
    run: str
    token: str
    task: Task


class Attempts:
    """Makes attempts at tasks. May be used by several threads.

    Args:
        worker_id: The worker's id.
        settings: The process's settings.
        store: Where tasks are taken from, and their results go to.
        leases: What renews the leases of running tasks.
        room: The scratch disk.
        stopping: Set when the worker takes no new task.
        has_waited: Tells whether a stopping worker has waited for Redis for long enough.
    """

    def __init__(
        self,
        worker_id: str,
        settings: Settings,
        store: TaskStore,
        leases: Leases,
        room: Room,
        stopping: threading.Event,
        has_waited: Callable[[], bool],
    ) -> None:
        self._worker_id = worker_id
        self._settings = settings
        self._store = store
        self._leases = leases
        self._room = room
        self._stopping = stopping
        self._has_waited = has_waited

    def make(self, job_id: str, run: str, message: dramatiq.Message[Any] | None) -> None:
        """Make an attempt at a run that the dispatcher gave out by a message, if it is still wanted."""
        token = f"{self._worker_id}#{uuid.uuid4().hex[:8]}"
        with structlog.contextvars.bound_contextvars(job=job_id, task=run, worker=self._worker_id):
            started = self._ask_to_start(job_id, run, token, message.message_id if message else "")
            if isinstance(started, str):
                with self._store.about(job_id):
                    log.info("task skipped", reason=started)
                return
            work = _Work(job_id, run, token, started.task)
            with tracing.about(started.trace):
                if self._stopping.is_set() or not self._room.enough:
                    self._give_back(work, None)
                    return
                log.info("task started", attempt=started.attempt)
                busy = metrics.SLOTS_BUSY.labels(message.queue_name if message else "")
                with busy.track_inprogress(), running(started, run, message, self._worker_id):
                    self._run(work)

    def _ask_to_start(self, job_id: str, run: str, token: str, message: str) -> StartedTask | str:
        """Take a run. Asked again with the same token, since only the answer may have been lost."""
        until = time.monotonic() + self._settings.lease_seconds
        for pause in pauses(_REDIS_PAUSE_SECONDS, _REDIS_MAX_PAUSE_SECONDS):
            try:
                return self._store.start(job_id, run, token, self._settings.lease_seconds, message)
            except REDIS_FAULTS as fault:
                if self._stopping.wait(pause) or time.monotonic() > until:
                    return f"redis is out of reach, the farm gives it out again: {fault}"
        raise AssertionError("pauses never end")

    def _run(self, work: _Work) -> None:
        settings, task = self._settings, work.task
        try:
            with self._leases.hold(work.job_id, work.run, work.token, plan_hash_of(task)) as lease:
                spec = self._store.spec(work.job_id)
                destination = open_destination(spec.destination)
                try:
                    result = run_task(
                        task,
                        destination,
                        settings.source_hosts,
                        settings.scratch_dir,
                        settings.s3_upload_threads,
                        settings.storage_patience_seconds,
                        lease.keep,
                        Limits.of(settings),
                        settings.stall_seconds,
                    )
                    self._leave_result(work, destination, result, lease)
                except ServiceError as error:
                    # Storage is away for everyone: the next attempt is worth more a little later.
                    log.warning("storage is away", reason=str(error), pause_seconds=_SERVICE_PAUSE_SECONDS)
                    self._stopping.wait(_SERVICE_PAUSE_SECONDS)
                    raise
        except (AbandonedError, *REDIS_FAULTS):
            self._give_back(work, None)
        except FarmError as error:
            log.warning("task failed", kind=error.kind, reason=str(error))
            if isinstance(error, ScratchError):
                self._room.failed()
            self._give_back(work, error)
        except Exception:
            log.exception("task failed by a bug")
            self._give_back(work, FarmError("an internal error; the worker's log has its details"))
        else:
            self._deliver(work, result, class_of(spec.tenant, settings.tenants))

    def _leave_result(self, work: _Work, destination: Destination, result: TaskResult, lease: Lease) -> None:
        """Store the result beside what it tells of: a job that is sent through again looks there."""
        done = sum(segment.length for segment in work.task.segments)
        patience = Patience(self._settings.storage_patience_seconds, lambda: not lease.keep(done))
        key = result_key(plan_hash_of(work.task), work.task.id)
        patience.insist(lambda: destination.put_bytes(key, to_json(result)))

    def _give_back(self, work: _Work, error: FarmError | None) -> None:
        allowed = self._settings.max_attempts
        if isinstance(error, _HOPELESS):
            allowed = 1
        elif isinstance(error, _DOUBTFUL):
            allowed = min(allowed, _DOUBTFUL_ATTEMPTS)
        for pause in pauses(_REDIS_PAUSE_SECONDS, _REDIS_MAX_PAUSE_SECONDS):
            try:
                outcome = self._store.give_back(work.job_id, work.run, work.token, allowed, error)
                break
            except REDIS_FAULTS as fault:
                if self._has_waited():
                    log.warning(
                        "redis is out of reach: the lease's end will give the task back", reason=str(fault)
                    )
                    return
                time.sleep(pause)
        metrics.TASKS.labels(work.task.kind, "given_back" if error is None else error.kind).inc()
        note_given_back(error, outcome)
        log.info("task given back", outcome=outcome.value)

    def _deliver(self, work: _Work, result: TaskResult, tenant_class: str) -> None:
        done = sum(segment.length for segment in work.task.segments)
        for pause in pauses(_REDIS_PAUSE_SECONDS, _REDIS_MAX_PAUSE_SECONDS):
            try:
                outcome = self._store.finish(
                    work.job_id, work.run, work.token, result, done, plan_hash_of(work.task)
                )
                break
            except REDIS_FAULTS as fault:
                log.warning("redis is out of reach, the result is kept", reason=str(fault))
                # Whoever stops leaves the result at the destination, where it is found when it is wanted.
                if self._stopping.wait(pause):
                    return
        counted = Finish.DONE if outcome is Finish.LAST else outcome
        metrics.count_result(work.task, counted.value, result, tenant_class)
        note_finished(outcome)
        log.info(
            "task done",
            outcome=outcome.value,
            wall_seconds=round(result.wall_seconds, 2),
            cpu_seconds=round(result.cpu_seconds, 2),
            peak_memory=result.peak_memory,
            damaged=result.frames_damaged,
        )
