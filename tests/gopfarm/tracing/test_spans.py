from __future__ import annotations

import threading
from contextvars import copy_context
from pathlib import Path

import pytest
import structlog

from gopfarm import tracing
from gopfarm.child.parent import AbandonedError
from gopfarm.errors import SourceError
from gopfarm.tracing import Failed, JobTrace, TraceContext
from tests.collector import Collector

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

SAMPLED = JobTrace("j", "school", TraceContext(TRACE, SPAN, sampled=True))
NOT_SAMPLED = JobTrace("j", "school", TraceContext(TRACE, SPAN, sampled=False))


def test_spans_inside_each_other_know_their_parents(collector: Collector) -> None:
    with tracing.about(SAMPLED), tracing.span("outer"):
        with tracing.span("inner", {"n": 1, "none": None}):
            pass
        tracing.record("past", 10.0, 12.5)
    tracing.shut_down()
    outer, inner, past = collector.spans
    assert SAMPLED.root is not None
    assert (outer.name, outer.parent, outer.trace) == ("outer", SAMPLED.root.span_id, TRACE)
    assert (inner.parent, past.parent) == (outer.id, outer.id)
    assert inner.attributes == {"gopfarm.job.id": "j", "gopfarm.tenant": "school", "n": 1}
    assert (past.start, past.end) == (10.0, 12.5)


def test_a_span_is_sent_after_those_that_it_is_inside_of(collector: Collector) -> None:
    with tracing.about(SAMPLED):
        with tracing.span("a") as first, tracing.span("b"), tracing.span("c"):
            pass
        with tracing.span("d"):
            first.end()  # a second time: nothing happens
    tracing.shut_down()
    assert [span.name for span in collector.spans] == ["a", "b", "c", "d"]
    assert all(span.start <= span.end for span in collector.spans)


def test_the_span_of_a_job_has_the_id_that_the_others_named_as_their_parent(collector: Collector) -> None:
    with tracing.about(SAMPLED):
        with tracing.span("part"):
            pass
        tracing.start_job(SAMPLED, 5.0, {}).end(7.0)
    tracing.shut_down()
    part, job = collector.spans
    assert (job.id, job.parent, job.trace, job.start, job.end) == (part.parent, SPAN, TRACE, 5.0, 7.0)


def test_a_job_without_a_submitter_is_the_root_of_its_trace(collector: Collector) -> None:
    trace = JobTrace("j", None, tracing.begin(None))
    with tracing.about(trace):
        tracing.start_job(trace, 5.0, {}).end(7.0)
    tracing.shut_down()
    (job,) = collector.spans
    assert (job.parent, job.trace) == ("", trace.trace_id)


def test_a_span_fails_by_what_is_raised_in_it(collector: Collector) -> None:
    for error in (SourceError("a.mp4: no such file"), KeyError("x"), AbandonedError()):
        with pytest.raises(type(error)), tracing.span("step", parent=SAMPLED.root):
            raise error
    tracing.shut_down()
    seen = [(span.failed, span.attributes.get("error.type"), span.message) for span in collector.spans]
    assert seen == [(True, "source", "a.mp4: no such file"), (True, "KeyError", "'x'"), (False, None, "")]


def test_the_first_reason_counts(collector: Collector) -> None:
    with tracing.span("step", parent=SAMPLED.root) as span:
        span.fail(Failed("503", "the receiver answered 503"))
        span.fail(Failed("KeyError"))
    tracing.shut_down()
    assert collector.spans[0].attributes["error.type"] == "503"


def test_no_secret_leaves_by_a_span(collector: Collector) -> None:
    url = "https://user:sesame-password@a.example/x?sig=sesame-sesame"
    with tracing.span("step", {"url": url, "all": [url]}, parent=SAMPLED.root) as span:
        span.set({"late": url})
        span.fail(Failed("source", f"{url} cannot be read"))
    tracing.shut_down()
    (step,) = collector.spans
    assert step.attributes["url"] == step.attributes["late"] == step.attributes["all"][0]
    assert step.attributes["url"].startswith("https://***@a.example/x")
    assert "sesame" not in repr(step)


def test_what_is_not_sampled_is_not_recorded(collector: Collector) -> None:
    with tracing.about(NOT_SAMPLED):
        with tracing.span("part"):
            assert tracing.headers() == {"traceparent": str(NOT_SAMPLED.root)}
        tracing.start_job(NOT_SAMPLED, 5.0, {}).end(7.0)
    tracing.shut_down()
    assert collector.spans == []


def test_what_belongs_to_a_job_that_is_not_known_begins_no_trace(collector: Collector) -> None:
    with tracing.about(JobTrace("j")), tracing.span("part"):
        assert tracing.headers() == {}
    tracing.shut_down()
    assert collector.spans == []


def test_a_request_that_belongs_to_nothing_begins_a_trace(collector: Collector) -> None:
    with tracing.span("POST /jobs", kind="server") as span:
        begun = tracing.begin(span.context)
    tracing.shut_down()
    (request,) = collector.spans
    assert (request.kind, request.parent) == ("server", "")
    assert begun == TraceContext(request.trace, request.id, sampled=True)


def test_whoever_takes_a_job_in_decides_whether_it_is_sampled(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tracing.begin(None).sampled
    assert not tracing.begin(NOT_SAMPLED.origin).sampled
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    tracing.set_up("test")
    drawn = [tracing.begin(None).sampled for _ in range(200)]
    assert 40 < sum(drawn) < 160, "by chance less than once in 10^15 times"
    assert tracing.begin(SAMPLED.origin) == SAMPLED.origin


def test_without_a_recorder_a_trace_is_passed_on_all_the_same() -> None:
    begun = tracing.begin(None)
    assert not begun.sampled
    assert tracing.begin(None).trace_id != begun.trace_id
    trace = JobTrace("j", None, begun)
    with tracing.about(trace), tracing.span("part") as span:
        assert span.context == trace.root
        assert tracing.headers() == {"traceparent": str(trace.root)}
        span.set({"n": 1})
        span.fail(Failed("source"))
    assert tracing.headers() == {}


def test_log_lines_name_the_job_in_threads_that_copy_the_context() -> None:
    seen: list[dict[str, object]] = []
    with tracing.about(SAMPLED):
        thread = threading.Thread(
            target=copy_context().run, args=(lambda: seen.append(structlog.contextvars.get_contextvars()),)
        )
        thread.start()
        thread.join()
    assert seen == [{"job": "j", "tenant": "school", "trace_id": TRACE}]
    assert structlog.contextvars.get_contextvars() == {}


def test_the_functions_of_a_trace_are_as_they_were_outside(collector: Collector, tmp_path: Path) -> None:
    @tracing.span("step")
    def step(path: Path) -> Path:
        """Do something."""
        return path

    assert step.__doc__ == "Do something."
    with tracing.about(SAMPLED):
        assert (step(tmp_path), step(tmp_path)) == (tmp_path, tmp_path)
    tracing.shut_down()
    assert [span.name for span in collector.spans] == ["step", "step"]
