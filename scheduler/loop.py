"""The dispatch loop: what a scheduler does without being asked, twice a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from gopfarm import metrics
from gopfarm.broker import JOBS_QUEUE, FarmBroker, send
from gopfarm.errors import FarmError
from gopfarm.log import get_logger
from gopfarm.settings import Settings
from gopfarm.store import REDIS_FAULTS, GivenBack, JobState, TaskStore
from scheduler.dispatch import Dispatcher
from scheduler.finish import remove_unpublished

log = get_logger(__name__)

#: Seconds between two rounds; messages that change something wake it earlier.
_LOOP_SECONDS = 0.5

#: Seconds between two searches for jobs whose message to stitch got lost.
_SWEEP_SECONDS = 5.0

#: Seconds between two searches for jobs in a step that nobody is at, how long they must have been there, and
#: how many of the latest jobs are looked at.
_STRAYS_EVERY_SECONDS = 30.0
_STRAY_AFTER_SECONDS = 60.0
_STRAYS_AMONG = 200

#: The message that takes a job on from a state in which nobody may be at it any more.
_NEXT_MESSAGE = {
    JobState.QUEUED: "prepare",
    JobState.PROBING: "prepare",
    JobState.PLANNING: "prepare",
    JobState.STITCHING: "stitch",
}


class DispatchLoop:
    """A thread that takes back lost tasks, fills the queues, cleans up, and finds what got lost.

    Args:
        store, dispatcher, broker, settings: What it works with.
        ended: Called with each job that a lost lease has ended.
    """

    def __init__(
        self,
        store: TaskStore,
        dispatcher: Dispatcher,
        broker: FarmBroker,
        settings: Settings,
        ended: Callable[[str], None],
    ) -> None:
        self._store = store
        self._dispatcher = dispatcher
        self._broker = broker
        self._settings = settings
        self._ended = ended
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._swept = self._searched = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="dispatch", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Start the next round now: there is something to give out."""
        self._wake.set()

    def stop(self) -> None:
        """End after the round in hand."""
        self._stopping.set()
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            # One that fails, be it for a record that cannot be read, must not keep the others from theirs.
            for duty in (self._reclaim, self._dispatch, self._clean_up, self._sweep, self._find_strays):
                try:
                    duty()
                except REDIS_FAULTS as error:
                    log.warning("redis is out of reach", reason=str(error))
                except Exception:
                    log.exception("the dispatch loop met a bug")
            self._wake.wait(_LOOP_SECONDS)
            self._wake.clear()

    def _reclaim(self) -> None:
        for job_id, task_id, outcome in self._store.take_expired(self._settings.max_attempts):
            metrics.LEASES_EXPIRED.labels(outcome.value).inc()
            log.warning("lease ended", job=job_id, task=task_id, outcome=outcome.value)
            if outcome is GivenBack.FAILED:
                self._ended(job_id)

    def _dispatch(self) -> None:
        metrics.TASKS_QUEUED.inc(self._dispatcher.fill())

    def _clean_up(self) -> None:
        for job_id in self._store.due_cleanups():
            try:
                if remove_unpublished(self._store, job_id):
                    self._store.cleaned(job_id)
            except FarmError as error:
                log.warning("unpublished files could not be removed", job=job_id, reason=str(error))
                self._store.cleaned(job_id)

    def _sweep(self) -> None:
        if time.monotonic() - self._swept < _SWEEP_SECONDS:
            return
        self._swept = time.monotonic()
        for job_id in self._store.active_jobs():
            if self._store.all_done(job_id):
                send(self._broker, JOBS_QUEUE, "stitch", job_id)

    def _find_strays(self) -> None:
        if time.monotonic() - self._searched < _STRAYS_EVERY_SECONDS:
            return
        self._searched = time.monotonic()
        if self._broker.waiting(JOBS_QUEUE):
            return  # what seems lost may only be waiting its turn
        for view in self._store.strays(_STRAYS_AMONG, _STRAY_AFTER_SECONDS):
            log.warning("job taken up again", job=view.id, state=view.state.value)
            send(self._broker, JOBS_QUEUE, _NEXT_MESSAGE[view.state], view.id)
