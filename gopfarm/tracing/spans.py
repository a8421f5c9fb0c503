"""Spans: made and recorded where tracing is set up, and nothing at all elsewhere."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, Protocol

import structlog

from gopfarm.child.parent import AbandonedError
from gopfarm.errors import FarmError
from gopfarm.redact import redact
from gopfarm.tracing.context import JobTrace, TraceContext, parse_traceparent

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

#: What a span stands for, in the words of OpenTelemetry.
Kind = Literal["internal", "server", "client", "producer", "consumer"]

#: What a span can say of itself; None is left out.
Value = str | bool | int | float | Sequence[str] | None
Attributes = Mapping[str, Value]


@dataclass(frozen=True)
class Failed:
    """Why something failed: a word of few, as in ``error.type``, and a line for people."""

    kind: str
    message: str = ""

    @classmethod
    def by(cls, error: BaseException) -> Failed | None:
        """Return what an exception says; None for one that only tells that nobody wants the result."""
        if isinstance(error, AbandonedError):
            return None
        return cls(error.kind if isinstance(error, FarmError) else type(error).__qualname__, str(error))


class Span:
    """Something that takes time. This one is not recorded: it only tells what is done inside it where it is.

    Args:
        context: Its place in a trace; None outside of any.
    """

    recorded = False

    def __init__(self, context: TraceContext | None) -> None:
        self.context: Final = context

    def set(self, attributes: Attributes) -> None:
        """Add attributes, or replace them."""

    def fail(self, failed: Failed | None) -> None:
        """Note why it failed, if it did. Only the first reason counts."""

    def event(self, name: str, at: float) -> None:
        """Note that something happened at a time, in seconds since 1970."""

    def end(self, at: float | None = None) -> None:
        """End it, now or at a time in seconds since 1970. Only the first time counts."""


class Recorder(Protocol):
    """What makes and exports spans. Attributes and messages that it is given hold no secrets."""

    def samples(self, trace_id: str, parent: TraceContext | None) -> bool:
        """Decide whether a trace that begins here is recorded."""

    def start(
        self,
        name: str,
        parent: TraceContext | None,
        kind: Kind,
        attributes: Attributes,
        start: float | None,
        own: TraceContext | None,
    ) -> Span:
        """Start a span, now or at a time in seconds since 1970.

        Its ids are those of ``own``, if given. Without a parent a trace begins.
        """

    def current(self) -> TraceContext | None:
        """Return the span that a library has made here with OpenTelemetry, as FastAPI does of a request."""

    @property
    def provider(self) -> TracerProvider:
        """What such a library takes its tracer from."""

    def shut_down(self) -> None:
        """Send what is still to be sent, for some seconds at most."""


_recorder: Recorder | None = None
_span: ContextVar[Span | None] = ContextVar("span", default=None)
_job: ContextVar[JobTrace | None] = ContextVar("job", default=None)


def record_with(recorder: Recorder | None) -> Recorder | None:
    """Record all spans of this process from now on, or none; return what did until now."""
    global _recorder
    before, _recorder = _recorder, recorder
    return before


def is_recording() -> bool:
    """Tell whether spans are recorded in this process."""
    return _recorder is not None


def begin(parent: TraceContext | None) -> TraceContext:
    """Return the trace of a job that is taken in: the submitter's, if that sent one, else a new one."""
    context = parent or TraceContext(secrets.token_hex(16))
    if _recorder is None:
        return context
    return replace(context, sampled=_recorder.samples(context.trace_id, parent))


def of_request(traceparent: str | None) -> TraceContext | None:
    """Return what a request belongs to: its own span, or the one that its header ``traceparent`` names."""
    return (_recorder.current() if _recorder else None) or parse_traceparent(traceparent)


def provider() -> TracerProvider | None:
    """Return what libraries of which OpenTelemetry knows take their tracers from; None without a recorder."""
    return _recorder.provider if _recorder else None


@contextmanager
def about(trace: JobTrace) -> Iterator[None]:
    """Have log lines name a job, and spans belong to it. New threads need a copy of the context for that."""
    span, job = _span.set(Span(trace.root)), _job.set(trace)
    try:
        with structlog.contextvars.bound_contextvars(**trace.names):
            yield
    finally:
        _span.reset(span)
        _job.reset(job)


def current() -> Span:
    """Return the span that this is inside of."""
    return _span.get() or Span(None)


def headers() -> dict[str, str]:
    """Return the headers by which a request tells what it belongs to."""
    context = current().context
    return {} if context is None else {"traceparent": str(context)}


@contextmanager
def span(
    name: str,
    attributes: Attributes | None = None,
    *,
    kind: Kind = "internal",
    parent: TraceContext | None = None,
) -> Iterator[Span]:
    """Record what is done inside, also as a decorator. It fails by whatever is raised.

    Args:
        name: One of few, see docs/tracing.md.
        attributes: What is known of it at its start.
        kind: What it stands for.
        parent: What it belongs to; by default the span that this is inside of. Outside of any it begins a
            trace.
    """
    made = _start(name, attributes or {}, kind, parent, None, None)
    token = _span.set(made)
    try:
        yield made
    except BaseException as error:
        made.fail(Failed.by(error))
        raise
    finally:
        _span.reset(token)
        made.end()


def record(
    name: str,
    start: float,
    end: float,
    attributes: Attributes | None = None,
    *,
    kind: Kind = "internal",
    failed: Failed | None = None,
) -> None:
    """Record what was done between two times, in seconds since 1970, inside the current span."""
    made = _start(name, attributes or {}, kind, None, min(start, end), None)
    made.fail(failed)
    made.end(end)


def start_job(trace: JobTrace, start: float, attributes: Attributes) -> Span:
    """Return the span of a whole job, of a time in seconds since 1970, to be ended by the caller.

    It is made when the job has ended, inside ``about`` it: until then only its id is known.
    """
    if trace.root is None or not trace.root.sampled:
        return Span(trace.root)
    return _start("job", attributes, "internal", trace.parent, start, trace.root)


def _start(
    name: str,
    attributes: Attributes,
    kind: Kind,
    parent: TraceContext | None,
    start: float | None,
    own: TraceContext | None,
) -> Span:
    parent = parent or (None if own else current().context)
    job = _job.get()
    lost = parent is None and own is None and job is not None  # of a job whose trace is not known
    if _recorder is None or lost or (parent is not None and not parent.sampled):
        return Span(parent)
    known: Attributes = {"gopfarm.job.id": job.job, "gopfarm.tenant": job.tenant} if job else {}
    return _recorder.start(name, parent, kind, clean({**known, **attributes}), start, own)


def clean(attributes: Attributes) -> Attributes:
    """Return attributes without secrets and without those that are None."""
    return {name: _cleaned(value) for name, value in attributes.items() if value is not None}


def _cleaned(value: Value) -> Value:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return redact(value) if isinstance(value, str) else [redact(part) for part in value]
