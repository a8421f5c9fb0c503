"""The reconciler: finds jobs and tasks that fell between two hands, and puts them back where they belong.

Nothing here is needed as long as all goes well. Each finding is counted (``gopfarm_repairs_total``).
"""

from __future__ import annotations

import time
from collections.abc import Callable

from gopfarm import metrics
from gopfarm.broker import JOBS_QUEUE
from gopfarm.log import get_logger
from gopfarm.settings import Settings
from gopfarm.store import REDIS_FAULTS, Board, GivenBack, StepStore, TaskStore
from scheduler.dispatch import QUEUES

log = get_logger(__name__)

#: Seconds between searches for messages that were fetched and never heard of, and how long they may be
#: silent: a worker starts what it fetches at once.
_MESSAGES_EVERY_SECONDS = 1.0
_SILENCE_SECONDS = 5.0

#: Seconds between looks after dead processes' messages.
_RECOVER_EVERY_SECONDS = 3.0

#: Seconds between audits of all jobs that have not ended.
_AUDIT_EVERY_SECONDS = 30.0

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
        self._missing: dict[tuple[str, str, str], float] = {}
        self._due: dict[str, float] = {}

    def stay_calm(self) -> None:
        """Redis was away: workers could not renew their leases, so none has ended by their fault."""
        self._calm_until = time.monotonic() + min(CALM_SECONDS, self._settings.lease_seconds)

    def run(self) -> None:
        """Do what is due."""
        duties: list[Callable[[], object]] = [self._call_steps_again]
        if time.monotonic() >= self._calm_until:
            duties.append(self._take_back_expired)
        if self._is_due("messages", _MESSAGES_EVERY_SECONDS):
            duties.append(self._find_lost_messages)
        if self._is_due("recover", _RECOVER_EVERY_SECONDS):
            duties.append(lambda: self._board.recover_messages((JOBS_QUEUE, *QUEUES)))
        if self._is_due("audit", _AUDIT_EVERY_SECONDS):
            duties.append(self.audit)
        for duty in duties:
            # One that fails, be it for a record that cannot be read, must not keep the others from theirs.
            try:
                duty()
            except REDIS_FAULTS:
                raise
            except Exception:
                log.exception("the reconciler met a bug")

    def _is_due(self, duty: str, seconds: float) -> bool:
        now = time.monotonic()
        if now < self._due.setdefault(duty, now + seconds):
            return False
        self._due[duty] = now + seconds
        return True

    def _take_back_expired(self) -> None:
        for job_id, run, outcome in self._store.take_expired(self._settings.max_attempts):
            metrics.LEASES_EXPIRED.labels(outcome.value).inc()
            if outcome is not GivenBack.UNWANTED:
                log.warning("lease ended", job=job_id, task=run, outcome=outcome.value)

    def _call_steps_again(self) -> None:
        for step, job_id in self._steps.call_again():
            metrics.REPAIRS.labels("step").inc()
            log.warning("a step is asked for again", job=job_id, step=step.value)

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
                    log.warning("a task's message was lost", job=job_id, task=run)
        self._missing = missing

    def audit(self) -> None:
        """Compare every job that has not ended, or has files to be removed, with the lists that it is on."""
        for job_id in (*self._store.live_jobs(), *self._store.to_be_cleaned()):
            for finding in self._board.repair_job(job_id):
                metrics.REPAIRS.labels(finding).inc()
                log.warning("a job was put right", job=job_id, finding=finding)
        if dropped := self._board.repair_tenants():
            metrics.REPAIRS.labels("tenant").inc(dropped)
        self._board.trim_index()
