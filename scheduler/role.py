"""The scheduler role: hears messages, moves jobs through their states, keeps the queues filled."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable

import dramatiq
import redis
import structlog
from dramatiq.middleware import CurrentMessage

from gopfarm import metrics
from gopfarm.broker import IDLE_POLL_MS, JOBS_QUEUE, FarmBroker, send
from gopfarm.errors import FarmError, SpecError
from gopfarm.log import get_logger
from gopfarm.settings import Settings
from gopfarm.spec import parse_spec
from gopfarm.storage import open_destination
from gopfarm.store import Fleet, GivenBack, JobState, TaskStore, connect
from gopfarm.store import step as claim
from scheduler.dispatch import Dispatcher
from scheduler.finish import publish_job, remove_unpublished
from scheduler.intake import check_webhook, job_id_for, resolve_profile, safe_id
from scheduler.notify import payload, post
from scheduler.prepare import plan_source, probe_url

log = get_logger(__name__)

#: Messages handled at a time. They mostly wait: for a probing child, or for storage.
_THREADS = 4

#: Seconds between two looks at leases and queues; messages that change something wake it earlier.
_LOOP_SECONDS = 0.5

#: Seconds between two searches for jobs whose message to stitch got lost.
_SWEEP_SECONDS = 5.0

_REDIS_FAULTS = (redis.ConnectionError, redis.TimeoutError)

#: Webhooks are tried again after 1 s, 2 s, 4 s ... for about half a day (ms).
_WEBHOOK_RETRIES = 20
_WEBHOOK_MIN_BACKOFF_MS = 1_000
_WEBHOOK_MAX_BACKOFF_MS = 2 * 3600 * 1000

_STOP_TIMEOUT_MS = 30_000


class Scheduler:
    """A scheduler process's share of the farm: actors on queue ``jobs``, and the dispatch loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = connect(settings.redis_url)
        self._store = TaskStore(self._client, settings.job_ttl_days * 86400)
        self._fleet = Fleet(self._client)
        self._broker = FarmBroker(settings.redis_url, {JOBS_QUEUE: _THREADS})
        self._dispatcher = Dispatcher(self._store, self._fleet, self._broker)
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._swept = 0.0
        for name, handler in (
            ("submit", self._submit),
            ("prepare", self._prepare),
            ("stitch", self._stitch),
            ("cancel", self._cancel),
            ("ended", self._ended),
        ):
            dramatiq.actor(queue_name=JOBS_QUEUE, actor_name=name, broker=self._broker)(handler)
        dramatiq.actor(
            queue_name=JOBS_QUEUE,
            actor_name="notify",
            broker=self._broker,
            max_retries=_WEBHOOK_RETRIES,
            min_backoff=_WEBHOOK_MIN_BACKOFF_MS,
            max_backoff=_WEBHOOK_MAX_BACKOFF_MS,
        )(self._notify)
        self._consumer = dramatiq.Worker(
            self._broker, queues={JOBS_QUEUE}, worker_timeout=IDLE_POLL_MS, worker_threads=_THREADS
        )
        self._loop = threading.Thread(target=self._run_loop, name="dispatch", daemon=True)

    def start(self) -> None:
        """Begin to hear messages and to dispatch tasks."""
        self._consumer.start()
        self._loop.start()
        log.info("scheduler started")

    def stop(self) -> None:
        """Finish the messages in hand and end; jobs go on wherever another scheduler takes over."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._wake.set()
        self._loop.join()
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
        facts = probe_url(spec.source, self._settings)
        open_destination(spec.destination).check_writable()
        if not self._store.move(job_id, JobState.PLANNING):
            return
        plan = plan_source(facts, profile, self._fleet.encoders())
        if self._store.start_encoding(job_id, plan):
            log.info("job planned", plan=plan.hash, tasks=len(plan.tasks), frames=plan.grid_frames)
            self._wake.set()

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
        except FarmError as error:
            self._fail(job_id, error)
        except _REDIS_FAULTS:
            raise
        except Exception:
            log.exception("job failed by a bug")
            self._fail(job_id, FarmError("an internal error; the scheduler's log has its details"))

    def _fail(self, job_id: str, error: FarmError) -> None:
        log.warning("job failed", kind=error.kind, reason=str(error))
        if self._store.fail(job_id, error):
            self._ended(job_id)

    # The loop.

    def _run_loop(self) -> None:
        while not self._stopping.is_set():
            try:
                self._look()
            except _REDIS_FAULTS as error:
                log.warning("redis is out of reach", reason=str(error))
            except Exception:
                log.exception("the dispatch loop met a bug")
            self._wake.wait(_LOOP_SECONDS)
            self._wake.clear()

    def _look(self) -> None:
        for job_id, task_id, outcome in self._store.take_expired(self._settings.max_attempts):
            metrics.LEASES_EXPIRED.labels(outcome.value).inc()
            log.warning("lease ended", job=job_id, task=task_id, outcome=outcome.value)
            if outcome is GivenBack.FAILED:
                self._ended(job_id)
        metrics.TASKS_QUEUED.inc(self._dispatcher.fill())
        for job_id in self._store.due_cleanups():
            self._clean(job_id)
        if time.monotonic() - self._swept > _SWEEP_SECONDS:
            self._swept = time.monotonic()
            for job_id in self._store.active_jobs():
                if self._store.all_done(job_id):
                    send(self._broker, JOBS_QUEUE, "stitch", job_id)

    def _clean(self, job_id: str) -> None:
        try:
            if remove_unpublished(self._store, job_id):
                self._store.cleaned(job_id)
        except FarmError as error:
            log.warning("unpublished files could not be removed", job=job_id, reason=str(error))
            self._store.cleaned(job_id)
