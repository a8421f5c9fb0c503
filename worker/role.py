"""The worker role: consumes the queues of what its machine can encode, one child process per slot."""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Mapping

import dramatiq
from dramatiq.middleware import CurrentMessage

from encoders.child import TASK
from encoders.codecs import CODECS
from gopfarm import metrics
from gopfarm.broker import STOP_POLL_MS, FarmBroker
from gopfarm.child.ready import get_ready
from gopfarm.log import get_logger
from gopfarm.settings import Settings
from gopfarm.store import (
    ANNOUNCE_SECONDS,
    REDIS_FAULTS,
    Fleet,
    TaskStore,
    WorkerView,
    connect,
)
from worker.attempts import Attempts
from worker.lease import Leases
from worker.room import Room

log = get_logger(__name__)

#: Seconds after the grace that a stopping worker goes on trying to give its tasks back.
_LAST_WORD_SECONDS = 5.0

#: dramatiq's own patience (ms) with threads at the end: by then all tasks have been told to stop.
_STOP_TIMEOUT_MS = 10_000


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
        self._room = Room(settings.scratch_dir, sum(self._slots.values()))
        self._attempts = Attempts(
            self.id, settings, self._store, self._leases, self._room, self._stopping, self._last_word_is_over
        )
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
        self._attempts.make(job_id, run, CurrentMessage.get_current_message())

    def _grace_is_over(self) -> bool:
        return self._abandon_at is not None and time.monotonic() >= self._abandon_at

    def _last_word_is_over(self) -> bool:
        return self._abandon_at is not None and time.monotonic() > self._abandon_at + _LAST_WORD_SECONDS
