"""Taking in the submissions that come by the queue: each becomes a job, or is remembered as refused."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from dramatiq.middleware import CurrentMessage

from gopfarm import metrics
from gopfarm.backoff import pauses
from gopfarm.errors import LimitError, SpecError
from gopfarm.log import get_logger
from gopfarm.settings import Settings
from gopfarm.spec import parse_spec
from gopfarm.store import REDIS_FAULTS, TaskStore
from gopfarm.tenants import class_of
from scheduler.intake import check_webhook, job_id_for, resolve_profile, safe_id
from scheduler.orders import create_job
from scheduler.spans import Submission

log = get_logger(__name__)

#: Seconds between attempts to take in a submission while Redis is away: the first, and the most.
_REDIS_PAUSE_SECONDS = 0.5
_REDIS_MAX_PAUSE_SECONDS = 10.0


class Submissions:
    """Takes submissions in.

    Args:
        store: Where jobs are remembered.
        settings: The process's settings.
    """

    def __init__(self, store: TaskStore, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    def submit(self, document: object) -> None:
        """Take a job spec as JSON, text or object: the public contract of queue ``jobs``."""
        message = CurrentMessage.get_current_message()
        assert message is not None
        text = document if isinstance(document, str) else json.dumps(document)
        submission = Submission.by(message)
        _persist(lambda: self._take_in(text, submission))

    def _take_in(self, text: str, submission: Submission) -> None:
        job_id, spec = safe_id(submission.id), None
        try:
            spec = parse_spec(text)
            job_id = job_id_for(spec, submission.id)
            check_webhook(spec, self._settings)
            profile = resolve_profile(spec, self._settings)
            new = create_job(
                self._store, self._settings, job_id, spec, profile, submission.trace, submission.sent
            )
        except (SpecError, LimitError) as error:
            kept = spec if isinstance(error, LimitError) else None
            self._store.reject(job_id, text, error, kept, submission.trace, submission.sent)
            metrics.JOBS_REFUSED.labels(error.kind).inc()
            with self._store.about(job_id):
                log.warning("submission refused", reason=str(error))
                submission.record(error)
            return
        with self._store.about(job_id):
            if new:
                metrics.JOBS_SUBMITTED.labels(class_of(spec.tenant, self._settings.tenants)).inc()
                log.info("job submitted")
                submission.record()
            else:
                log.info("job known already")


def _persist(work: Callable[[], None]) -> None:
    """Do something until Redis lets it: whoever sent the message will not send it again."""
    for pause in pauses(_REDIS_PAUSE_SECONDS, _REDIS_MAX_PAUSE_SECONDS):
        try:
            work()
            return
        except REDIS_FAULTS as fault:
            log.warning("redis is out of reach, to be tried again", reason=str(fault))
            time.sleep(pause)  # also while stopping: a message that is let go would count as done
