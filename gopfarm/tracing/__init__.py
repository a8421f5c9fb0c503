"""Traces of jobs across processes, and what joins the log lines of a job.

Every job has a trace id from its intake on (see ``context``), which all log lines about it carry (``about``).
Spans are recorded only where the standard ``OTEL_*`` variables ask for it (``set_up``): until then nothing of
OpenTelemetry is loaded here, and ``span`` and ``record`` do nothing.
"""

from gopfarm.tracing.context import NO_SPAN, JobTrace, TraceContext, parse_traceparent, read_context
from gopfarm.tracing.setup import set_up, shut_down
from gopfarm.tracing.spans import (
    Failed,
    Kind,
    Span,
    Value,
    about,
    begin,
    current,
    headers,
    is_recording,
    of_request,
    provider,
    record,
    span,
    start_job,
)

__all__ = [
    "NO_SPAN",
    "Failed",
    "JobTrace",
    "Kind",
    "Span",
    "TraceContext",
    "Value",
    "about",
    "begin",
    "current",
    "headers",
    "is_recording",
    "of_request",
    "parse_traceparent",
    "provider",
    "read_context",
    "record",
    "set_up",
    "shut_down",
    "span",
    "start_job",
]
