"""What schedulers record of jobs, in a real store, as it arrives at a collector."""

from __future__ import annotations

import time
from types import SimpleNamespace

import dramatiq
import pytest
import redis

from gopfarm import tracing
from gopfarm.errors import SourceError, SpecError
from gopfarm.settings import Settings
from gopfarm.spec import JobSpec
from gopfarm.store import Board, JobState, StepStore, TaskStore, keys
from gopfarm.store.deliveries import DeliveryStore
from gopfarm.tracing import NO_SPAN
from scheduler import reconcile
from scheduler.spans import Submission, record_ended
from tests.collector import Collector, Span
from tests.farm.processes import until
from tests.gopfarm.store.jobs import SPEC, begin, end_leases, give_out
from tests.scheduler.couriers import delivery, end_job, in_state, running, settings_for
from tests.scheduler.receiver import Receiver

TRACE, SUBMITTER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{SUBMITTER}-01"

NOW = 1_800_000_000.0


def message(sent: object, **options: object) -> dramatiq.Message[None]:
    made: dramatiq.Message[None] = dramatiq.Message("jobs", "submit", (), {}, options, "m")
    return made.copy(message_timestamp=sent)


def recorded(collector: Collector) -> dict[str, Span]:
    tracing.shut_down()
    spans = {span.name: span for span in collector.spans}
    assert len(spans) == len(collector.spans)
    return spans


@pytest.fixture
def _at_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scheduler.spans.time", SimpleNamespace(time=lambda: NOW))


@pytest.mark.usefixtures("_at_now")
@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        (int(NOW * 1000) - 1500, NOW - 1.5),
        (int(NOW), NOW),  # seconds, where there should be milliseconds
        (int(NOW * 1000) + 60_000, NOW),
        (None, NOW),
        ("soon", NOW),
    ],
)
def test_a_time_that_cannot_be_is_not_believed(sent: object, taken: float) -> None:
    assert Submission.by(message(sent)).sent == taken


@pytest.mark.parametrize("value", [None, 7, "nonsense", f"00-{TRACE}-{SUBMITTER}"])
def test_a_submission_without_a_valid_trace_begins_one(value: object) -> None:
    submission = Submission.by(message(0, traceparent=value))
    assert submission.trace.span_id == NO_SPAN
    assert submission.trace.trace_id != TRACE


def test_a_submission_that_is_refused_fails(collector: Collector, store: TaskStore) -> None:
    submission = Submission.by(message(int(time.time() * 1000), traceparent=TRACEPARENT))
    error = SpecError("job spec is not valid: source: Field required")
    store.reject("j", "{}", error, None, submission.trace, submission.sent)
    with store.about("j"):
        submission.record(error)
    view = store.view("j")
    assert view is not None
    record_ended(store.trace("j"), view)
    spans = recorded(collector)
    assert spans["submit"].failed
    assert spans["submit"].attributes["messaging.message.id"] == "m"
    assert spans["submit"].parent == spans["job"].id
    assert spans["job"].parent == SUBMITTER
    assert spans["job"].attributes["error.type"] == "spec"
    assert spans["job"].start == pytest.approx(submission.sent)


def test_a_job_that_is_cancelled_while_it_waits_has_only_waited(
    collector: Collector, store: TaskStore
) -> None:
    assert store.create("j", SPEC)
    assert store.cancel("j")
    view = store.view("j")
    assert view is not None
    record_ended(store.trace("j"), view)
    spans = recorded(collector)
    assert set(spans) == {"job", "wait"}
    assert spans["wait"].end == pytest.approx(view.times["cancelled"])
    assert not spans["job"].failed
    assert spans["job"].attributes["gopfarm.job.state"] == "cancelled"


def test_each_time_that_a_job_is_sent_through_has_a_span_in_its_one_trace(
    collector: Collector, store: TaskStore
) -> None:
    begin(store, "j")
    assert store.fail("j", SourceError("gone"))
    first = store.view("j")
    assert first is not None
    record_ended(store.trace("j"), first)
    assert store.retry("j") == "retried"
    assert store.cancel("j")
    again = store.view("j")
    assert again is not None
    record_ended(store.trace("j"), again)
    tracing.shut_down()
    before, after = [span for span in collector.spans if span.name == "job"]
    assert before.trace == after.trace == first.trace_id == again.trace_id
    assert (before.parent, after.parent) == ("", before.id)
    assert [span.attributes["gopfarm.job.retries"] for span in (before, after)] == [0, 1]


def test_a_worker_that_dies_leaves_a_word_in_the_trace(
    collector: Collector, valkey: redis.Redis, store: TaskStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "_LEASES_EVERY_SECONDS", 0.0)
    begin(store, "j")
    give_out(store, "j", "audio-0")
    store.start("j", "audio-0", "w#1", 15)
    end_leases(valkey)
    reconcile.Reconciler(store, Board(valkey), StepStore(valkey, "s"), Settings()).run()
    lost = recorded(collector)["task lost"]
    assert (lost.failed, lost.attributes["error.type"]) == (True, "lost")
    assert lost.attributes["gopfarm.task.id"] == "audio-0"


def test_every_try_of_a_webhook_has_a_span(
    collector: Collector, valkey: redis.Redis, store: TaskStore, deliveries: DeliveryStore, receiver: Receiver
) -> None:
    receiver.status = 503
    end_job(store, "j", receiver)
    with running(valkey, settings_for(receiver)):
        until(lambda: delivery(deliveries, "j:1").error, "the first try has failed")
        receiver.status = 204
        valkey.zadd(keys.DELIVERIES, {"j:1": time.time()})
        until(in_state(deliveries, "j:1", "delivered"), "the second one has not")
    tracing.shut_down()
    first, second = sorted(collector.spans, key=lambda span: span.start)
    assert (first.failed, first.attributes["error.type"]) == (True, "503")
    assert (second.failed, second.attributes["http.response.status_code"]) == (False, 204)
    assert [span.attributes["http.request.resend_count"] for span in (first, second)] == [0, 1]
    assert [got.headers["traceparent"] for got in receiver.got] == [
        f"00-{span.trace}-{span.id}-01" for span in (first, second)
    ]
    assert "sesame" not in repr(collector.spans)


def test_a_webhook_tells_the_trace_also_where_nothing_is_recorded(
    valkey: redis.Redis, store: TaskStore, deliveries: DeliveryStore, receiver: Receiver
) -> None:
    end_job(store, "j", receiver)
    with running(valkey, settings_for(receiver)):
        until(in_state(deliveries, "j:1", "delivered"), "it is delivered")
    (got,) = receiver.got
    assert got.headers["traceparent"] == str(store.trace("j").root)
    assert got.document["job"]["trace_id"] == store.trace("j").trace_id


def test_a_submission_of_which_the_store_knows_already_keeps_its_first_trace(store: TaskStore) -> None:
    spec = JobSpec(source="s3://a/b.mp4", destination="s3://a/c")
    store.create("j", spec)
    before = store.trace("j")
    store.create("j", spec, trace=tracing.begin(None))
    assert store.trace("j") == before
    assert store.state("j") is JobState.QUEUED
