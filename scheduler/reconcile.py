"""The reconciler: finds jobs and tasks that fell between two hands, and puts them back where they belong.

Nothing here is needed as long as all goes well. Each finding is counted (``gopfarm_repairs_total``).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from gopfarm import metrics, tracing
from gopfarm.broker import JOBS_QUEUE
from gopfarm.errors import WorkerLostError
from gopfarm.log import get_logger
from gopfarm.settings import Settings
from gopfarm.store import REDIS_FAULTS, Board, GivenBack, StepStore, TaskStore
from scheduler.dispatch import QUEUES

log = get_logger(__name__)

#: Seconds between looks for leases that have ended, and steps of which nothing was heard.
_LEASES_EVERY_SECONDS = 0.5

#: Seconds between searches for messages that were fetched and never heard of (more on a farm so large that
#: they would take more than this share of the time), and how long they may be silent: a worker starts what it
#: fetches at once.
_MESSAGES_EVERY_SECONDS = 1.0
_MESSAGES_SHARE = 0.02
_SILENCE_SECONDS = 5.0

#: Seconds between looks after dead processes' messages.
_RECOVER_EVERY_SECONDS = 3.0

#: Seconds between audits of all jobs that have not ended, and those that one round spends on it at most.
_AUDIT_EVERY_SECONDS = 30.0
_AUDIT_SLICE_SECONDS = 0.05

#: Seconds that workers get to renew their leases after Redis was away, before any lease counts as ended: a
#: call that hangs is given up after twice five seconds.
CALM_SECONDS = 12.0


class Reconciler:
    """What the leading scheduler does against loss.

    Args:
        store, board, steps: What it looks at.
        settings: The process's settings.
    """

    def __init__(self, store: TaskStore, board: Board, steps: StepStore, settings: Settings) -> None:
        self._store = store
        self._board = board
        self._steps = steps
        self._settings = settings
        self._calm_until = 0.0
        self._began = time.monotonic()
        self._missing: dict[tuple[str, str, str], float] = {}
        self._due: dict[str, float] = {}
        self._unaudited: list[str] | None = None

    def stay_calm(self) -> None:
        """Redis was away: workers could not renew their leases, so none has ended by their fault."""
        self._calm_until = time.monotonic() + min(CALM_SECONDS, self._settings.lease_seconds)

    def run(self) -> None:
        """Do what is due."""
        self._do_if_due(self._call_steps_again, _LEASES_EVERY_SECONDS)
        if time.monotonic() >= self._calm_until:
            self._do_if_due(self._take_back_expired, _LEASES_EVERY_SECONDS)
        self._do_if_due(self._find_lost_messages, _MESSAGES_EVERY_SECONDS, _MESSAGES_SHARE)
        self._do_if_due(self._recover_messages, _RECOVER_EVERY_SECONDS)
        if self._unaudited is None:
            self._do_if_due(self._begin_audit, _AUDIT_EVERY_SECONDS)
        else:
            self._guarded(self._go_on_with_audit)

    def _do_if_due(self, duty: Callable[[], None], seconds: float, share: float = math.inf) -> None:
        began, name = time.monotonic(), duty.__name__
        if began < self._due.setdefault(name, self._began + seconds):
            return
        self._guarded(duty)
        self._due[name] = began + max(seconds, (time.monotonic() - began) / share)

    def _guarded(self, duty: Callable[[], None]) -> None:
        # One that fails, be it for a record that cannot be read, must not keep the others from theirs.
        try:
            duty()
        except REDIS_FAULTS:
            raise
        except Exception:
            log.exception("the reconciler met a bug")

    def _take_back_expired(self) -> None:
        for job_id, run, outcome in self._store.take_expired(self._settings.max_attempts):
            metrics.LEASES_EXPIRED.labels(outcome.value).inc()
            if outcome is not GivenBack.UNWANTED:
                with self._store.about(job_id):
                    log.warning("lease ended", task=run, outcome=outcome.value)
                    now = time.time()
                    lost = tracing.Failed(WorkerLostError.kind, "its worker was lost")
                    tracing.record("task lost", now, now, {"gopfarm.task.id": run}, failed=lost)

    def _call_steps_again(self) -> None:
        for step, job_id in self._steps.call_again():
            metrics.REPAIRS.labels("step").inc()
            with self._store.about(job_id):
                log.warning("a step is asked for again", step=step.value)

    def _find_lost_messages(self) -> None:
        lying = {message for queue in QUEUES for message in self._board.messages(queue)}
        now, missing = time.monotonic(), {}
        for job_id, queued in self._store.queued(self._store.active_jobs()).items():
            for run, message in queued.items():
                if message in lying:
                    continue
                since = self._missing.get((job_id, run, message), now)
                if now - since < _SILENCE_SECONDS:
                    missing[job_id, run, message] = since
                elif self._store.requeue_lost(job_id, run, message):
                    metrics.REPAIRS.labels("message").inc()
                    with self._store.about(job_id):
                        log.warning("a task's message was lost", task=run)
        self._missing = missing

    def _recover_messages(self) -> None:
        self._board.recover_messages((JOBS_QUEUE, *QUEUES))

    def audit(self) -> None:
        """Compare every job that has not ended, or has files to be removed, with the lists that it is on."""
        self._begin_audit()
        while self._unaudited is not None:
            self._go_on_with_audit()

    def _begin_audit(self) -> None:
        self._unaudited = [*self._store.live_jobs(), *self._store.to_be_cleaned()]

    def _go_on_with_audit(self) -> None:
        """Audit jobs for a little while: dispatching must not wait until thousands of them are done."""
        until = time.monotonic() + _AUDIT_SLICE_SECONDS
        while self._unaudited and time.monotonic() < until:
            job_id = self._unaudited.pop()
            for finding in self._board.repair_job(job_id):
                metrics.REPAIRS.labels(finding).inc()
                with self._store.about(job_id):
                    log.warning("a job was put right", finding=finding)
        if not self._unaudited:
            self._unaudited = None
            if dropped := self._board.repair_tenants():
                metrics.REPAIRS.labels("tenant").inc(dropped)
            self._board.trim_index()
