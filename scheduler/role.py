"""The scheduler role: hears messages, moves jobs through their states, keeps the queues filled."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable

import dramatiq
import structlog
from dramatiq.middleware import CurrentMessage

from gopfarm import metrics
from gopfarm.broker import IDLE_POLL_MS, JOBS_QUEUE, FarmBroker, send
from gopfarm.child import AbandonedError, get_ready
from gopfarm.errors import FarmError, ServiceError, SpecError
from gopfarm.log import get_logger
from gopfarm.settings import Settings
from gopfarm.spec import parse_spec
from gopfarm.storage import open_destination
from gopfarm.store import REDIS_FAULTS, Fleet, JobState, TaskStore, connect
from gopfarm.store import step as claim
from scheduler.dispatch import Dispatcher
from scheduler.finish import publish_job
from scheduler.intake import check_webhook, job_id_for, resolve_profile, safe_id
from scheduler.loop import DispatchLoop
from scheduler.notify import NotDeliveredError, payload, post
from scheduler.prepare import plan_source, probe_url

log = get_logger(__name__)

#: Messages handled at a time. They mostly wait: for a probing child, or for storage.
_THREADS = 4

#: A step that met a passing fault is tried again after 1 s, 2 s, 4 s ... (ms). Storage that does not answer
#: is given up after so many times; Redis never is, since without it nobody could be told.
_RETRY_MIN_BACKOFF_MS = 1_000
_RETRY_MAX_BACKOFF_MS = 30_000
_STORAGE_RETRIES = 5

#: Webhooks are tried again after 1 s, 2 s, 4 s ... for about half a day (ms).
_WEBHOOK_RETRIES = 20
_WEBHOOK_MIN_BACKOFF_MS = 1_000
_WEBHOOK_MAX_BACKOFF_MS = 2 * 3600 * 1000

_STOP_TIMEOUT_MS = 30_000


def _is_passing(retries: int, fault: BaseException) -> bool:
    """Tell dramatiq whether a message is worth another try."""
    if isinstance(fault, ServiceError):
        return retries < _STORAGE_RETRIES
    return isinstance(fault, (*REDIS_FAULTS, AbandonedError))


def _logged(handler: Callable[..., None]) -> Callable[..., None]:
    """Log what a handler raises: dramatiq would log the message's arguments along with it."""

    @functools.wraps(handler)
    def wrapped(*arguments: object) -> None:
        try:
            handler(*arguments)
        except (*REDIS_FAULTS, ServiceError, AbandonedError, NotDeliveredError) as fault:
            log.warning("message to be tried again", actor=handler.__name__.strip("_"), reason=str(fault))
            raise
        except Exception:
            log.exception("message dropped by a bug", actor=handler.__name__.strip("_"))

    return wrapped


class Scheduler:
    """A scheduler process's share of the farm: actors on queue ``jobs``, and the dispatch loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = connect(settings.redis_url)
        self._store = TaskStore(self._client, settings.job_ttl_days * 86400)
        self._fleet = Fleet(self._client)
        self._broker = FarmBroker(settings.redis_url, {JOBS_QUEUE: _THREADS})
        self._stopping = threading.Event()
        self._loop = DispatchLoop(
            self._store,
            Dispatcher(self._store, self._fleet, self._broker),
            self._broker,
            settings,
            self._ended,
        )
        for name, handler in (
            ("submit", self._submit),
            ("prepare", self._prepare),
            ("stitch", self._stitch),
            ("cancel", self._cancel),
            ("ended", self._ended),
        ):
            dramatiq.actor(
                queue_name=JOBS_QUEUE,
                actor_name=name,
                broker=self._broker,
                retry_when=_is_passing,
                min_backoff=_RETRY_MIN_BACKOFF_MS,
                max_backoff=_RETRY_MAX_BACKOFF_MS,
            )(_logged(handler))
        dramatiq.actor(
            queue_name=JOBS_QUEUE,
            actor_name="notify",
            broker=self._broker,
            max_retries=_WEBHOOK_RETRIES,
            min_backoff=_WEBHOOK_MIN_BACKOFF_MS,
            max_backoff=_WEBHOOK_MAX_BACKOFF_MS,
        )(_logged(self._notify))
        self._consumer = dramatiq.Worker(
            self._broker, queues={JOBS_QUEUE}, worker_timeout=IDLE_POLL_MS, worker_threads=_THREADS
        )

    def start(self) -> None:
        """Begin to hear messages and to dispatch tasks."""
        get_ready(self._settings)
        self._consumer.start()
        self._loop.start()
        log.info("scheduler started")

    def stop(self) -> None:
        """Finish the messages in hand and end; jobs go on wherever another scheduler takes over."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._loop.stop()
        self._consumer.stop(timeout=_STOP_TIMEOUT_MS)
        self._broker.close()
        log.info("scheduler stopped")

    # Messages. Each handler may be called twice for one message: every step is guarded by the job's state.

    def _submit(self, document: object) -> None:
        """Take a job spec as JSON, text or object: the public contract of queue ``jobs``."""
        message = CurrentMessage.get_current_message()
        assert message is not None
        text = document if isinstance(document, str) else json.dumps(document)
        job_id = safe_id(message.message_id)
        try:
            spec = parse_spec(text)
            job_id = job_id_for(spec, message.message_id)
            check_webhook(spec, self._settings)
            resolve_profile(spec, self._settings)
        except SpecError as error:
            log.warning("submission refused", job=job_id, reason=str(error))
            self._store.reject(job_id, text, error)
            return
        created = self._store.create(job_id, spec)
        metrics.JOBS_SUBMITTED.inc(created)
        log.info("job submitted" if created else "job known already", job=job_id, tenant=spec.tenant)
        send(self._broker, JOBS_QUEUE, "prepare", job_id)

    def _prepare(self, job_id: str) -> None:
        with structlog.contextvars.bound_contextvars(job=job_id):
            self._or_fail(job_id, self._probe_and_plan)

    def _probe_and_plan(self, job_id: str) -> None:
        if not self._store.move(job_id, JobState.PROBING):
            return
        spec = self._store.spec(job_id)
        profile = resolve_profile(spec, self._settings)
        try:
            facts = probe_url(spec.source, self._settings, lambda: self._is_probing(job_id))
        except AbandonedError:
            if self._stopping.is_set():
                raise  # another scheduler is to do it
            return
        open_destination(spec.destination).check_writable()
        if not self._store.move(job_id, JobState.PLANNING):
            return
        plan = plan_source(facts, profile, self._fleet.encoders())
        if self._store.start_encoding(job_id, plan):
            log.info("job planned", plan=plan.hash, tasks=len(plan.tasks), frames=plan.grid_frames)
            self._loop.wake()

    def _is_probing(self, job_id: str) -> bool:
        return not self._stopping.is_set() and self._store.state(job_id) is JobState.PROBING

    def _stitch(self, job_id: str) -> None:
        with structlog.contextvars.bound_contextvars(job=job_id):
            self._or_fail(job_id, self._publish)

    def _publish(self, job_id: str) -> None:
        plan = self._store.plan(job_id)
        if plan is None or not self._store.move(job_id, JobState.STITCHING):
            return
        published = publish_job(self._store, job_id, plan)
        self._store.move(job_id, JobState.DONE, master=f"{published.url}/{published.master}")
        log.info("job done", url=published.url)
        self._ended(job_id)

    def _cancel(self, job_id: str) -> None:
        if self._store.cancel(job_id):
            log.info("job cancelled", job=job_id)
            self._ended(job_id)

    def _ended(self, job_id: str) -> None:
        """Count an ended job and tell who asked; also the message of a worker whose task failed it."""
        view = self._store.view(job_id)
        if view is not None:
            metrics.JOBS_ENDED.labels(view.state.value).inc()
        if view is not None and view.state is JobState.DONE:
            metrics.JOB_SECONDS.observe(view.times["done"] - view.times["queued"])
        if self._store.webhook(job_id) is not None:
            send(self._broker, JOBS_QUEUE, "notify", job_id)

    def _notify(self, job_id: str) -> None:
        url, view = self._store.webhook(job_id), self._store.view(job_id)
        if url is not None and view is not None:
            check_webhook(self._store.spec(job_id), self._settings)
            post(url, payload(view), self._settings.webhook_secret)
            log.info("webhook delivered", job=job_id)

    def _or_fail(self, job_id: str, step: Callable[[str], None]) -> None:
        """Run a step of a job, unless another scheduler is at it; a fault ends the job with its reason."""
        try:
            with claim(self._client, job_id) as claimed:
                if claimed:
                    step(job_id)
                else:
                    log.info("another scheduler is at it")
        except (*REDIS_FAULTS, AbandonedError):
            raise
        except FarmError as error:
            message = CurrentMessage.get_current_message()
            retries = message.options.get("retries", 0) if message is not None else 0
            if isinstance(error, ServiceError) and retries < _STORAGE_RETRIES:
                raise
            self._fail(job_id, error)
        except Exception:
            log.exception("job failed by a bug")
            self._fail(job_id, FarmError("an internal error; the scheduler's log has its details"))

    def _fail(self, job_id: str, error: FarmError) -> None:
        log.warning("job failed", kind=error.kind, reason=str(error))
        if self._store.fail(job_id, error):
            self._ended(job_id)
