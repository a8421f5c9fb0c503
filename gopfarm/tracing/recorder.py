"""Recording spans with OpenTelemetry's SDK. Only ``set_up`` loads this module."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace import Span as SdkSpan

from gopfarm import __version__
from gopfarm.redact import redact
from gopfarm.tracing.context import TraceContext
from gopfarm.tracing.spans import Attributes, Failed, Kind, Span, clean

#: Seconds that sending the last spans may take when the process ends, for it must not wait for a collector
#: that is away.
_LAST_SECONDS: Final = 5.0

_KINDS: Final[dict[Kind, SpanKind]] = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}


class OpenTelemetryRecorder:
    """Makes spans and sends them in batches, from a thread of its own.

    Args:
        service: The service's name, unless the variables have another one.
        exporters: Where spans go: ``otlp``, or ``console``, which is standard error: standard output is for
            answers.
    """

    def __init__(self, service: str, exporters: Sequence[str]) -> None:
        self._ids = _Ids()
        self.provider = TracerProvider(
            resource=_resource(service), id_generator=self._ids, shutdown_on_exit=False
        )
        for name in exporters:
            exporter: SpanExporter = (
                OTLPSpanExporter() if name == "otlp" else ConsoleSpanExporter(out=sys.stderr)
            )
            self.provider.add_span_processor(BatchSpanProcessor(exporter))
        self._opened = _Opened()
        self._tracer = self.provider.get_tracer("gopfarm", __version__)

    def samples(self, trace_id: str, parent: TraceContext | None) -> bool:
        """Decide whether a trace that begins here is recorded."""
        context = _context_of(parent)
        result = self.provider.sampler.should_sample(context, int(trace_id, 16), "job")
        return result.decision is Decision.RECORD_AND_SAMPLE

    def start(
        self,
        name: str,
        parent: TraceContext | None,
        kind: Kind,
        attributes: Attributes,
        start: float | None,
        own: TraceContext | None,
    ) -> Span:
        """Start a span."""
        with self._ids.given(own):
            span = self._tracer.start_span(
                name,
                _context_of(parent),
                _KINDS[kind],
                dict(attributes),
                start_time=None if start is None else _nanoseconds(start),
            )
        return _Recorded(
            span, _ours(span.get_span_context()), parent.span_id if parent else None, self._opened
        )

    def current(self) -> TraceContext | None:
        """Return the span that a library has made here with OpenTelemetry."""
        context = get_current_span().get_span_context()
        return _ours(context) if context.is_valid else None

    def shut_down(self) -> None:
        """Send what is still to be sent, for some seconds at most."""
        last = threading.Thread(target=self.provider.shutdown, name="last spans", daemon=True)
        last.start()
        last.join(_LAST_SECONDS)


class _Opened:
    """The spans of this process that have not ended, by id, and those that ended inside of each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside: dict[str, list[tuple[_Recorded, int]]] = {}

    def add(self, span_id: str) -> None:
        """Note that a span has begun."""
        with self._lock:
            self._inside[span_id] = []

    def close(
        self, span: _Recorded, span_id: str, parent: str | None, ended: int
    ) -> Sequence[tuple[_Recorded, int]]:
        """Note that a span has ended; return what is to be sent now, it and those inside, outermost first.

        Nothing, if it has ended before, or if it is inside of one that has not ended.
        """
        with self._lock:
            if span_id not in self._inside:
                return ()
            ready = [(span, ended), *self._inside.pop(span_id)]
            if parent in self._inside:
                self._inside[parent].extend(ready)
                return ()
            return ready


class _Recorded(Span):
    """A span that is recorded, unless the sampler of this process decided against it.

    It is sent after the span that it is inside of, if that is one of this process: should the process be
    killed, no span is there whose parent got lost.

    Args:
        span: OpenTelemetry's.
        context: Its place in its trace.
        parent: Id of the span that it is inside of.
        opened: The spans of this process that have not ended.
    """

    def __init__(self, span: SdkSpan, context: TraceContext, parent: str | None, opened: _Opened) -> None:
        super().__init__(context)
        self._span = span
        self._failed = False
        self._parent = parent
        self._opened, self._id = opened, context.span_id
        self.recorded = span.is_recording()
        if self.recorded:
            opened.add(context.span_id)

    def set(self, attributes: Attributes) -> None:
        self._span.set_attributes(dict(clean(attributes)))

    def fail(self, failed: Failed | None) -> None:
        if failed is not None and not self._failed:
            self._failed = True
            self._span.set_attribute("error.type", failed.kind)
            self._span.set_status(Status(StatusCode.ERROR, redact(failed.message)))

    def event(self, name: str, at: float) -> None:
        self._span.add_event(name, timestamp=_nanoseconds(at))

    def end(self, at: float | None = None) -> None:
        ended = time.time_ns() if at is None else _nanoseconds(at)
        for span, when in self._opened.close(self, self._id, self._parent, ended):
            span._span.end(when)


class _Ids(RandomIdGenerator):
    """Random ids, except where a span's ids are given: those of the span of a whole job are known before."""

    def __init__(self) -> None:
        self._given: ContextVar[TraceContext | None] = ContextVar("ids", default=None)

    @contextmanager
    def given(self, own: TraceContext | None) -> Iterator[None]:
        """Give spans these ids, if any, inside the block."""
        token = self._given.set(own)
        try:
            yield
        finally:
            self._given.reset(token)

    def generate_trace_id(self) -> int:
        own = self._given.get()
        return int(own.trace_id, 16) if own else super().generate_trace_id()

    def generate_span_id(self) -> int:
        own = self._given.get()
        return int(own.span_id, 16) if own else super().generate_span_id()


def _resource(service: str) -> Resource:
    """Describe this process. A name given by ``OTEL_SERVICE_NAME`` or ``OTEL_RESOURCE_ATTRIBUTES`` wins."""
    named = os.environ.get("OTEL_SERVICE_NAME") or (
        f"{SERVICE_NAME}=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    )
    own = {SERVICE_VERSION: __version__}
    return Resource.create(own if named else {SERVICE_NAME: service, **own})


def _context_of(parent: TraceContext | None) -> Context:
    """Return a context whose current span is the parent. An empty one begins a trace."""
    if parent is None:
        return Context()
    flags = TraceFlags(TraceFlags.SAMPLED if parent.sampled else TraceFlags.DEFAULT)
    span = SpanContext(int(parent.trace_id, 16), int(parent.span_id, 16), is_remote=True, trace_flags=flags)
    return set_span_in_context(NonRecordingSpan(span), Context())


def _ours(context: SpanContext) -> TraceContext:
    return TraceContext(f"{context.trace_id:032x}", f"{context.span_id:016x}", context.trace_flags.sampled)


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)
