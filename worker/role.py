"""The worker role: consumes the queues of what its machine can encode, one child process per slot."""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import dramatiq
import structlog
from dramatiq.middleware import CurrentMessage

from encoders.child import TASK
from encoders.codecs import CODECS
from gopfarm import metrics, tracing
from gopfarm.backoff import pauses
from gopfarm.broker import STOP_POLL_MS, FarmBroker
from gopfarm.child.limits import Limits
from gopfarm.child.parent import AbandonedError
from gopfarm.child.ready import get_ready
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
from gopfarm.store import (
    ANNOUNCE_SECONDS,
    REDIS_FAULTS,
    Finish,
    Fleet,
    StartedTask,
    TaskStore,
    WorkerView,
    connect,
)
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

#: Seconds after the grace that a stopping worker goes on trying to give its tasks back.
_LAST_WORD_SECONDS = 5.0

#: dramatiq's own patience (ms) with threads at the end: by then all tasks have been told to stop.
_STOP_TIMEOUT_MS = 10_000


@dataclass(frozen=True)
class _Work:
    """A run in hand: of which task, of which job, under which token (see ``TaskStore``)."""

    job_id: str
    run: str
    token: str
    task: Task


class Worker:
    """A worker process's share of the farm.

    Args:
        settings: The process's settings.
        slots: How many tasks run at a time, by queue.
        encoders: Video encoders that work on this machine.
    """

    def __init__(self, settings: Settings, slots: Mapping[str, int], encoders: tuple[str, ...]) -> None:
        self.id = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self._settings = settings
        self._slots = dict(slots)
        # What it has no slots for, it does not promise: a job would wait for it in vain.
        self._encoders = tuple(name for name in encoders if CODECS[name].queue in self._slots)
        client = connect(settings.redis_url)
        self._store = TaskStore(client, settings.job_ttl_days * 86400)
        self._fleet = Fleet(client)
        self._broker = FarmBroker(settings.redis_url, self._slots)
        self._leases = Leases(self._store, settings.lease_seconds, self._grace_is_over)
        self._stopping = threading.Event()
        self._abandon_at: float | None = None
        self._announcer = threading.Thread(target=self._announce_until_stopped, name="announce", daemon=True)
        for queue in self._slots:
            self._broker.declare_queue(queue)
        dramatiq.actor(queue_name=min(self._slots), actor_name="encode", broker=self._broker)(self._encode)
        self._consumer = dramatiq.Worker(
            self._broker,
            queues=set(self._slots),
            worker_timeout=STOP_POLL_MS,
            worker_threads=sum(self._slots.values()),
        )
        self._room = Room(settings.scratch_dir, sum(self._slots.values()))

    def start(self) -> None:
        """Tell the farm of the slots and begin to take tasks."""
        get_ready(self._settings, TASK)
        self._announcer.start()
        self._leases.start()
        self._room.watch(self._broker)
        self._show()
        self._consumer.start()
        log.info("worker started", worker=self.id, slots=self._slots, encoders=self._encoders)

    def stop(self, grace_seconds: float = 0.0) -> None:
        """Take no new task, let running ones finish within the grace period, give the rest back, and end."""
        if self._stopping.is_set():
            return
        self._abandon_at = time.monotonic() + grace_seconds
        self._stopping.set()
        self._room.stop()
        self._broker.hold("stopping")  # dramatiq goes on fetching until the last task has ended
        self._consumer.stop(timeout=int(grace_seconds * 1000) + _STOP_TIMEOUT_MS)
        self._leases.stop()
        self._announcer.join()
        try:
            self._fleet.leave(self.id)
        except REDIS_FAULTS:
            log.warning("redis is out of reach: the farm will notice by itself that this worker is gone")
        self._broker.close()
        log.info("worker stopped", worker=self.id)

    def _show(self) -> None:
        """Have metrics tell of this worker, as it is whenever they are asked."""
        for queue, slots in self._slots.items():
            metrics.SLOTS.labels(queue).set(slots)
            metrics.SLOTS_BUSY.labels(queue).set(0)
        metrics.ACCEPTING.set_function(lambda: not self._broker.on_hold)
        metrics.SCRATCH_FREE.set_function(self._room.free)

    def _announce(self) -> None:
        self._fleet.announce(
            WorkerView(
                id=self.id,
                host=socket.gethostname(),
                pid=os.getpid(),
                slots=self._slots if self._room.enough else {},
                encoders=self._encoders,
                seen=time.time(),
            )
        )

    def _announce_until_stopped(self) -> None:
        while not self._stopping.is_set():
            try:
                self._announce()
            except REDIS_FAULTS as error:
                log.warning("redis is out of reach", reason=str(error))
            except Exception:
                log.exception("this worker could not announce itself")
            self._stopping.wait(ANNOUNCE_SECONDS)

    def _encode(self, job_id: str, run: str) -> None:
        """Run a task that the dispatcher gave out. This is the actor behind every ``encode.*`` queue."""
        token = f"{self.id}#{uuid.uuid4().hex[:8]}"
        with structlog.contextvars.bound_contextvars(job=job_id, task=run, worker=self.id):
            message = CurrentMessage.get_current_message()
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
                with busy.track_inprogress(), running(started, run, message, self.id):
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
        lease = self._leases.hold(work.job_id, work.run, work.token, plan_hash_of(task))
        try:
            spec = self._store.spec(work.job_id)
            destination = open_destination(spec.destination)
            with lease:
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
        except (AbandonedError, *REDIS_FAULTS):
            self._give_back(work, None)
        except ServiceError as error:
            # Storage is away for everyone: the next attempt is worth more a little later.
            log.warning("task failed", kind=error.kind, reason=str(error))
            self._stopping.wait(_SERVICE_PAUSE_SECONDS)
            self._give_back(work, error)
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

    def _grace_is_over(self) -> bool:
        return self._abandon_at is not None and time.monotonic() >= self._abandon_at

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
                if self._abandon_at is not None and time.monotonic() > self._abandon_at + _LAST_WORD_SECONDS:
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
