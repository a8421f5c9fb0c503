from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gopfarm.tracing import JobTrace, TraceContext, parse_traceparent, read_context

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

hexadecimal = st.binary(min_size=16, max_size=16).filter(any).map(bytes.hex)


def test_the_header_of_the_specification_is_read_and_written() -> None:
    context = parse_traceparent(f"00-{TRACE}-{SPAN}-01")
    assert context == TraceContext(TRACE, SPAN, sampled=True)
    assert str(context) == f"00-{TRACE}-{SPAN}-01"
    assert parse_traceparent(f"00-{TRACE}-{SPAN}-00") == TraceContext(TRACE, SPAN, sampled=False)


def test_flags_and_versions_of_the_future_are_borne() -> None:
    assert parse_traceparent(f"00-{TRACE}-{SPAN}-03") == TraceContext(TRACE, SPAN, sampled=True)
    assert parse_traceparent(f"cc-{TRACE}-{SPAN}-01-what-comes") == TraceContext(TRACE, SPAN, sampled=True)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        7,
        ["00"],
        "nonsense",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-01-more",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
    ],
)
def test_what_is_not_valid_is_ignored(value: object) -> None:
    assert parse_traceparent(value) is None


@given(hexadecimal, st.booleans())
def test_what_the_farm_writes_it_reads_even_without_a_span(trace_id: str, sampled: bool) -> None:
    context = TraceContext(trace_id, sampled=sampled)
    assert read_context(str(context)) == context
    assert parse_traceparent(str(context)) is None


def test_a_job_that_was_sent_through_again_hangs_under_its_first_time() -> None:
    first = JobTrace("j", "school", TraceContext(TRACE, SPAN, sampled=True))
    again = JobTrace("j", "school", TraceContext(TRACE, SPAN, sampled=True), retries=1)
    assert first.parent == TraceContext(TRACE, SPAN, sampled=True)
    assert again.parent == first.root
    assert again.root != first.root


def test_two_jobs_of_one_trace_have_spans_of_their_own() -> None:
    origin = TraceContext(TRACE, SPAN)
    assert JobTrace("a", None, origin).root != JobTrace("b", None, origin).root


def test_a_job_that_is_not_known_has_no_trace() -> None:
    trace = JobTrace.of("j", [None, None, None, None])
    assert (trace.root, trace.parent, trace.trace_id) == (None, None, None)
    assert trace.names == {"job": "j"}
