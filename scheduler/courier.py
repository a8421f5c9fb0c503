"""The courier: tries the webhooks that are due, several at a time, until each is delivered or given up."""

from __future__ import annotations

import random
import ssl
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import redis

from gopfarm import metrics, tracing
from gopfarm.errors import SpecError
from gopfarm.log import get_logger
from gopfarm.settings import Settings
from gopfarm.store import REDIS_FAULTS, JobStore
from gopfarm.store.deliveries import Delivery, DeliveryStore, Outcome
from scheduler.addresses import RefusedError, Resolver, checked_addresses, resolve, target_of
from scheduler.intake import check_webhook
from scheduler.notify import headers, payload
from scheduler.post import TOTAL_SECONDS, NotDeliveredError, post

log = get_logger(__name__)

#: A claimed delivery is tried by another scheduler when it was not settled for so many seconds. A try takes
#: less.
LEASE_SECONDS = 30.0

#: Tries of a delivery; with the pauses between them they span about half a day.
TRIES = 20

#: Pauses are 1 s, 2 s, 4 s ... (less up to a quarter, by chance), at most two hours.
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 2 * 3600.0
_JITTER = 0.25

#: Tries at a time, of one host, and of a host whose last try failed: a receiver that is slow or away can then
#: not hold up the others.
_PARALLEL = 16
_PARALLEL_OF_HOST = 4
_PARALLEL_OF_FAILING_HOST = 1

#: Seconds between two looks for what is due.
_POLL_SECONDS = 0.5


def pause_before(attempt: int) -> float:
    """Return the seconds to wait before a try (from 2 on)."""
    doubled: float = _FIRST_PAUSE_SECONDS * 2 ** (attempt - 2)
    return min(doubled, _LONGEST_PAUSE_SECONDS) * (1 - _JITTER * random.random())


class Courier:
    """A thread that claims due deliveries, and others that make them. Any number of couriers may run.

    Args:
        client: A connection that decodes responses.
        settings: The process's settings.
        resolver: Finds the addresses of a host.
        lease_seconds: How long a claim lasts.
    """

    def __init__(
        self,
        client: redis.Redis,
        settings: Settings,
        resolver: Resolver = resolve,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        ttl = settings.job_ttl_days * 86400
        self._deliveries = DeliveryStore(client, ttl)
        self._jobs = JobStore(client, ttl)
        self._settings = settings
        self._resolver = resolver
        self._lease_seconds = lease_seconds
        self._context: ssl.SSLContext | None = None
        self._lock = threading.Lock()
        self._under_way = Counter[str]()
        self._failing = set[str]()
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._pool = ThreadPoolExecutor(_PARALLEL, thread_name_prefix="webhook")
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Claim nothing more, and end when the tries in hand have, within ten seconds or so."""
        self._stopping.set()
        self._wake.set()
        self._thread.join()
        self._pool.shutdown()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                self._claim()
            except REDIS_FAULTS as error:
                log.warning("redis is out of reach", reason=str(error))
            except Exception:
                log.exception("the courier met a bug")
            self._wake.wait(_POLL_SECONDS)

    def _claim(self) -> None:
        with self._lock:
            free = _PARALLEL - self._under_way.total()
            hosts = self._failing | set(self._under_way)
            room = {host: max(0, self._room(host) - self._under_way[host]) for host in hosts}
        if free <= 0:
            return
        for delivery in self._deliveries.claim(free, self._lease_seconds, _PARALLEL_OF_HOST, room):
            with self._lock:
                self._under_way[delivery.host] += 1
            self._pool.submit(self._deliver, delivery)

    def _room(self, host: str) -> int:
        return _PARALLEL_OF_FAILING_HOST if host in self._failing else _PARALLEL_OF_HOST

    def _deliver(self, delivery: Delivery) -> None:
        outcome = Outcome.RETRY
        try:
            with self._jobs.about(delivery.job):
                outcome = self._try_and_settle(delivery)
        except Exception:  # nobody else looks at what became of it; it is due again when its lease ends
            log.exception("the courier met a bug", delivery=delivery.id)
        finally:
            with self._lock:
                self._under_way[delivery.host] -= 1
                if not self._under_way[delivery.host]:
                    del self._under_way[delivery.host]
                if outcome is Outcome.DELIVERED:
                    self._failing.discard(delivery.host)
                else:
                    self._failing.add(delivery.host)
            self._wake.set()

    def _try_and_settle(self, delivery: Delivery) -> Outcome:
        outcome, reason = Outcome.RETRY, ""
        try:
            outcome, reason = self._try(delivery)
            pause = pause_before(delivery.attempt + 1)
            counts = self._deliveries.settle(delivery, outcome, reason, pause)
        except REDIS_FAULTS as error:
            # It is due again when its lease ends.
            log.warning("redis is out of reach", reason=str(error), delivery=delivery.id)
        else:
            if counts:
                metrics.WEBHOOK_DELIVERIES.labels(outcome.value).inc()
            _report(delivery, outcome, reason)
        return outcome

    def _try(self, delivery: Delivery) -> tuple[Outcome, str]:
        """Make one try; return what became of it, and why."""
        attributes: dict[str, tracing.Value] = {
            "http.request.method": "POST",
            "http.request.resend_count": delivery.attempt - 1,
            "gopfarm.delivery.id": delivery.id,
            "gopfarm.event": delivery.event,
        }
        try:
            with tracing.span("notify", attributes, kind="client") as span:
                self._post(delivery, span)
        except NotDeliveredError as error:
            hopeless = error.gone or delivery.attempt >= TRIES
            return Outcome.DEAD if hopeless else Outcome.RETRY, str(error)
        except (RefusedError, SpecError) as error:
            return Outcome.DEAD, str(error)
        except REDIS_FAULTS:
            raise
        except Exception:
            log.exception("a webhook met a bug", delivery=delivery.id)
            reason = "an internal error; the scheduler's log has its details"
            return Outcome.DEAD if delivery.attempt >= TRIES else Outcome.RETRY, reason
        return Outcome.DELIVERED, ""

    def _post(self, delivery: Delivery, span: tracing.Span) -> None:
        job = self._jobs.view(delivery.job)
        if job is None:
            raise RefusedError(f"job {delivery.job} is not remembered any more")
        spec = self._jobs.spec(delivery.job)
        check_webhook(spec, self._settings)
        target = target_of(spec.webhook or "")
        span.set({"server.address": target.host, "server.port": target.port})
        started = time.monotonic()
        try:
            addresses = checked_addresses(target, self._settings.webhook_private_addresses, self._resolver)
        except OSError:
            raise NotDeliveredError(f"the name {target.host} does not resolve") from None
        body = payload(delivery, job)
        signed = headers(delivery, body, self._settings.webhook_secret, int(time.time()))
        left = max(1.0, TOTAL_SECONDS - (time.monotonic() - started))
        try:
            status = post(target, addresses, body, signed | tracing.headers(), self._trusted(), left)
        except NotDeliveredError as error:
            if error.status is not None:
                span.set({"http.response.status_code": error.status})
                span.fail(tracing.Failed(str(error.status), str(error)))
            raise
        span.set({"http.response.status_code": status})

    def _trusted(self) -> ssl.SSLContext:
        """Return what says which certificates are trusted; made late, as loading them takes a while."""
        with self._lock:
            if self._context is None:
                self._context = ssl.create_default_context()
            return self._context


def _report(delivery: Delivery, outcome: Outcome, reason: str) -> None:
    told = {"delivery": delivery.id, "webhook_event": delivery.event}
    if outcome is Outcome.DELIVERED:
        log.info("webhook delivered", **told, attempt=delivery.attempt)
    elif outcome is Outcome.RETRY:
        log.info("webhook to be tried again", **told, attempt=delivery.attempt, reason=reason)
    else:
        log.warning("webhook given up", **told, attempt=delivery.attempt, reason=reason)
