"""The scheduler role: hears messages, moves jobs through their states, keeps the queues filled."""

from __future__ import annotations

import functools
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dramatiq
from dramatiq.middleware import CurrentMessage

from encoders.child import PROBE
from gopfarm import metrics, tracing
from gopfarm.backoff import pauses
from gopfarm.broker import JOBS_QUEUE, STOP_POLL_MS, FarmBroker
from gopfarm.child.parent import AbandonedError
from gopfarm.child.ready import get_ready
from gopfarm.errors import FarmError, LimitError, ServiceError, SpecError
from gopfarm.facts import SourceFacts
from gopfarm.log import get_logger
from gopfarm.profile import Profile
from gopfarm.settings import Settings
from gopfarm.spec import JobSpec, parse_spec
from gopfarm.storage import Destination, SetupError, open_destination
from gopfarm.store import (
    ANNOUNCE_SECONDS,
    REDIS_FAULTS,
    Board,
    ClaimedStep,
    Created,
    Fleet,
    JobState,
    Leadership,
    Step,
    StepStore,
    TaskStore,
    connect,
    destination_lock,
)
from gopfarm.tenants import class_of, policy_of
from scheduler.admission import PREPARED_AT_A_TIME, Admission
from scheduler.cost import expected_seconds
from scheduler.courier import Courier
from scheduler.dispatch import Dispatcher, queue_of, video_queue
from scheduler.ends import Ends
from scheduler.figures import FarmFigures
from scheduler.finish import publish_job, remove_former
from scheduler.grower import Grower
from scheduler.growth import tell_playable
from scheduler.intake import check_webhook, job_id_for, resolve_profile, safe_id
from scheduler.janitor import Janitor
from scheduler.load import load_of
from scheduler.loop import DispatchLoop
from scheduler.ordering import ranks
from scheduler.prepare import choose_encoder, plan_source, probe_url
from scheduler.reconcile import Reconciler
from scheduler.resume import Stock, stored_plans, take_stock
from scheduler.spans import Submission
from stitcher.growing import lanes

log = get_logger(__name__)

#: Messages handled at a time. They mostly wait: for a probing child, or for storage. Probing, which may take
#: long, leaves half of them to submissions and publishing.
_THREADS = 2 * PREPARED_AT_A_TIME

#: Seconds between attempts to take in a submission while Redis is away: the first, and the most.
_REDIS_PAUSE_SECONDS = 0.5
_REDIS_MAX_PAUSE_SECONDS = 10.0

#: Seconds between looks for a first worker.
_LOOK_SECONDS = 0.2

_STOP_TIMEOUT_MS = 30_000


def _logged(handler: Callable[..., None]) -> Callable[..., None]:
    """Log what a handler raises: dramatiq would log the message's arguments along with it."""

    @functools.wraps(handler)
    def wrapped(*arguments: object) -> None:
        try:
            handler(*arguments)
        except Exception:
            log.exception("message dropped by a bug", actor=handler.__name__.strip("_"))

    return wrapped


@contextmanager
def _may_break_off(step: Step) -> Iterator[None]:
    """Log why a step is broken off. The reconciler asks for it again, so no message need be kept for it."""
    try:
        yield
    except (*REDIS_FAULTS, AbandonedError) as fault:
        log.warning("broken off", step=step.value, reason=str(fault))


class Scheduler:
    """A scheduler process's share of the farm: actors on queue ``jobs``, and the dispatch loop."""

    def __init__(self, settings: Settings) -> None:
        self.id = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self._settings = settings
        self._client = client = connect(settings.redis_url)
        self._store = TaskStore(client, settings.job_ttl_days * 86400, settings.keep_failed_hours * 3600)
        self._fleet = Fleet(client)
        self._steps = StepStore(client, self.id)
        self._broker = FarmBroker(settings.redis_url, {JOBS_QUEUE: _THREADS})
        self._stopping = threading.Event()
        self._board = board = Board(client)
        self._loop = DispatchLoop(
            self.id,
            Leadership(client, self.id),
            self._fleet,
            self._store,
            board,
            Dispatcher(self._store, board, self._fleet, settings),
            Admission(board, self._steps, self._fleet, settings),
            Reconciler(self._store, board, self._steps, settings),
            Ends(client, settings.tenants),
            FarmFigures(client, self._fleet),
        )
        self._janitor = Janitor(self._store, client)
        self._grower = Grower(self._store, client)
        self._courier = Courier(client, settings)
        for name, handler in (("submit", self._submit), ("prepare", self._prepare), ("stitch", self._stitch)):
            dramatiq.actor(queue_name=JOBS_QUEUE, actor_name=name, broker=self._broker)(_logged(handler))
        self._consumer = dramatiq.Worker(
            self._broker, queues={JOBS_QUEUE}, worker_timeout=STOP_POLL_MS, worker_threads=_THREADS
        )

    def start(self) -> None:
        """Begin to hear messages and to dispatch tasks."""
        get_ready(self._settings, PROBE)
        self._consumer.start()
        self._loop.start()
        self._janitor.start()
        self._grower.start()
        self._courier.start()
        log.info("scheduler started", scheduler=self.id)

    def stop(self) -> None:
        """Finish the messages in hand and end; jobs go on wherever another scheduler takes over."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._loop.stop()
        self._janitor.stop()
        self._grower.stop()
        self._courier.stop()
        self._broker.hold("stopping")
        self._consumer.stop(timeout=_STOP_TIMEOUT_MS)
        self._broker.close()
        log.info("scheduler stopped", scheduler=self.id)

    def tell_of_ends(self) -> None:
        """After ``stop``, where no other scheduler takes over: count and trace what has ended at the last."""
        self._loop.tell_of_ends()

    # Messages. Each handler may be called twice for one message: every step is guarded by the job's state.

    def _submit(self, document: object) -> None:
        """Take a job spec as JSON, text or object: the public contract of queue ``jobs``."""
        message = CurrentMessage.get_current_message()
        assert message is not None
        text = document if isinstance(document, str) else json.dumps(document)
        submission = Submission.by(message)
        self._persist(lambda: self._take_in(text, submission))

    def _take_in(self, text: str, submission: Submission) -> None:
        job_id, spec = safe_id(submission.id), None
        try:
            spec = parse_spec(text)
            job_id = job_id_for(spec, submission.id)
            check_webhook(spec, self._settings)
            profile = resolve_profile(spec, self._settings)
            limit = policy_of(spec.tenant, self._settings.tenants).max_queued
            head_start = spec.priority * self._settings.aging_seconds
            created = self._store.create(
                job_id, spec, limit, head_start, profile.encoder, submission.trace, submission.sent
            )
            if created is Created.FULL:
                raise LimitError(
                    f"tenant {spec.tenant} has as many jobs that have not ended as it may ({limit}); "
                    "submit or retry when some have ended"
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
            if created is Created.CREATED:
                metrics.JOBS_SUBMITTED.labels(class_of(spec.tenant, self._settings.tenants)).inc()
                log.info("job submitted")
                submission.record()
            else:
                log.info("job known already")

    def _persist(self, work: Callable[[], None]) -> None:
        """Do something until Redis lets it: whoever sent the message will not send it again."""
        for pause in pauses(_REDIS_PAUSE_SECONDS, _REDIS_MAX_PAUSE_SECONDS):
            try:
                work()
                return
            except REDIS_FAULTS as fault:
                log.warning("redis is out of reach, to be tried again", reason=str(fault))
                time.sleep(pause)  # also while stopping: a message that is let go would count as done

    def _prepare(self, job_id: str) -> None:
        self._do(Step.PREPARING, job_id, self._probe_and_plan)

    def _probe_and_plan(self, job_id: str, claimed: ClaimedStep) -> None:
        if not self._store.move(job_id, JobState.PROBING):
            return
        spec = self._store.spec(job_id)
        profile = resolve_profile(spec, self._settings)
        try:
            with metrics.STEP_SECONDS.labels("probing").time():
                facts = probe_url(spec.source, self._settings, lambda: self._is_probing(job_id))
        except AbandonedError:
            if self._stopping.is_set():
                raise  # another scheduler is to do it
            return
        destination = open_destination(spec.destination)
        destination.check_writable()
        if not self._store.move(job_id, JobState.PLANNING):
            return
        with metrics.STEP_SECONDS.labels("planning").time():
            self._plan(job_id, spec, profile, facts, destination)

    @tracing.span("plan")
    def _plan(
        self, job_id: str, spec: JobSpec, profile: Profile, facts: SourceFacts, destination: Destination
    ) -> None:
        encoder = choose_encoder(profile.encoder, self._encoders(), self._settings.scaled_encoders)
        load = load_of(self._board, self._fleet, video_queue(encoder))
        progressive = spec.publish == "progressive"
        plan = plan_source(facts, profile, encoder, load, stored_plans(destination), progressive)
        with destination_lock(self._client, spec.destination):
            former = self._store.plan(job_id)  # of the time before a retry
            stock = take_stock(plan, destination)
            begun = self._open_tasks(job_id, stock, progressive)
            if begun and former is not None and former.hash != plan.hash:
                remove_former(self._store, former, spec.destination)
        if begun:
            log.info(
                "job planned",
                plan=plan.hash,
                tasks=len(stock.plan.tasks),
                done_before=len(stock.finished),
                frames=plan.grid_frames,
            )

    def _open_tasks(self, job_id: str, stock: Stock, progressive: bool) -> bool:
        tasks, facts = stock.plan.tasks, stock.plan.facts
        queues = {task.id: queue_of(task) for task in tasks}
        seconds = {task.id: expected_seconds(task, facts) for task in tasks}
        order = ranks(tasks, seconds, progressive)
        return self._store.start_encoding(job_id, stock.plan, queues, order, seconds, stock.finished)

    def _encoders(self) -> set[str]:
        """Return what the fleet can encode; while no worker is known at all, wait for one to announce itself.

        After Redis was away, or lost its data, all workers look gone for a moment.
        """
        until = time.monotonic() + 2 * ANNOUNCE_SECONDS
        while not (encoders := self._fleet.encoders()) and time.monotonic() < until:
            if self._stopping.wait(_LOOK_SECONDS):
                raise AbandonedError
        return encoders

    def _is_probing(self, job_id: str) -> bool:
        return not self._stopping.is_set() and self._store.state(job_id) is JobState.PROBING

    def _stitch(self, job_id: str) -> None:
        self._do(Step.PUBLISHING, job_id, self._publish)

    def _publish(self, job_id: str, claimed: ClaimedStep) -> None:
        plan = self._store.plan(job_id)
        if plan is None or not self._store.move(job_id, JobState.STITCHING):
            return
        spec = self._store.spec(job_id)
        with (
            metrics.STEP_SECONDS.labels("publishing").time(),
            destination_lock(self._client, spec.destination),
        ):
            published = publish_job(self._store, job_id, plan, claimed.insist)
        master = f"{published.url}/{published.master}"
        if spec.publish == "progressive":
            tell_playable(self._store, job_id, len(lanes(plan)[0].segments), master)
        if self._store.move(job_id, JobState.DONE, master=master):
            log.info("job done", url=published.url)

    def _do(self, step: Step, job_id: str, work: Callable[[str, ClaimedStep], None]) -> None:
        """Do a step of a job, unless another scheduler is at it; a fault ends the job with its reason."""
        with (
            self._store.about(job_id),
            _may_break_off(step),
            self._steps.claim(step, job_id) as claimed,
        ):
            if claimed is None:
                log.info("another scheduler is at it, or it is done", step=step.value)
                return
            try:
                work(job_id, claimed)
            except (*REDIS_FAULTS, AbandonedError):
                raise
            except FarmError as error:
                passing = isinstance(error, ServiceError) and not isinstance(error, SetupError)
                if passing and self._steps.failing_seconds(job_id) < self._settings.storage_patience_seconds:
                    log.warning("to be tried again", step=step.value, reason=str(error))
                    claimed.fail()
                else:
                    self._fail(job_id, error, claimed)
            except Exception:
                log.exception("job failed by a bug")
                bug = FarmError("an internal error; the scheduler's log has its details")
                self._fail(job_id, bug, claimed)

    def _fail(self, job_id: str, error: FarmError, claimed: ClaimedStep) -> None:
        claimed.insist()
        log.warning("job failed", kind=error.kind, reason=str(error))
        self._store.fail(job_id, error)
