"""Which trace something belongs to: W3C Trace Context, and what of it a job remembers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

#: Stands for the span of a trace in which nothing has been recorded yet.
NO_SPAN = "0" * 16

_NO_TRACE = "0" * 32
_SAMPLED = 0x01

#: https://www.w3.org/TR/trace-context/#traceparent-header; versions after 00 may add fields at the end.
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


@dataclass(frozen=True)
class TraceContext:
    """A place in a trace: under its span of that id whatever comes next belongs.

    Args:
        trace_id: 32 hexadecimal digits.
        span_id: 16 of them, or ``NO_SPAN``.
        sampled: Whether spans of this trace are recorded. Whoever begins the trace decides it.
    """

    trace_id: str
    span_id: str = NO_SPAN
    sampled: bool = False

    def __str__(self) -> str:
        """Return it as a ``traceparent`` header has it."""
        return f"00-{self.trace_id}-{self.span_id}-{_SAMPLED if self.sampled else 0:02x}"


def parse_traceparent(value: object) -> TraceContext | None:
    """Read a ``traceparent`` header; None where there is none, or one that is not valid."""
    context = read_context(value)
    return None if context is None or context.span_id == NO_SPAN else context


def read_context(value: object) -> TraceContext | None:
    """Read what ``TraceContext`` writes: as ``parse_traceparent``, but there may be no span."""
    match = _TRACEPARENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return None
    version, trace_id, span_id, flags, rest = match.groups()
    if version == "ff" or (version == "00" and rest) or trace_id == _NO_TRACE:
        return None
    return TraceContext(trace_id, span_id, bool(int(flags, 16) & _SAMPLED))


@dataclass(frozen=True)
class JobTrace:
    """What the store knows of a job's trace, and by which names logs tell of the job.

    The span of the whole job is written when the job has ended, by a process that may not have been there
    when it began. All others have to know its id before, so it is made from what they know anyway.

    Args:
        job: The job's id.
        tenant: Whose it is; None where that is not known.
        origin: Where the job hangs in its trace: under the submitter's span, or ``NO_SPAN``. None for a job
            that is not known.
        retries: How often it was sent through again. Each time has a span of its own, under the first one's.
        submitted: When its submission was sent, in seconds since 1970 by the submitter's clock.
    """

    #: The fields of a job's hash from which ``of`` makes one.
    FIELDS: ClassVar = ("trace", "tenant", "retries", "submitted")

    job: str
    tenant: str | None = None
    origin: TraceContext | None = None
    retries: int = 0
    submitted: float | None = None

    @classmethod
    def of(cls, job_id: str, values: Sequence[str | None]) -> JobTrace:
        """Read what the store has under ``FIELDS``."""
        trace, tenant, retries, submitted = values
        return cls(
            job_id, tenant, read_context(trace), int(retries or 0), float(submitted) if submitted else None
        )

    @property
    def trace_id(self) -> str | None:
        """The id that is in the logs."""
        return self.origin.trace_id if self.origin else None

    @property
    def root(self) -> TraceContext | None:
        """The span of the whole job, of this time that it is sent through."""
        return self._span_of(self.retries)

    @property
    def parent(self) -> TraceContext | None:
        """What that span hangs under; None where it is the root of the trace."""
        if self.retries:
            return self._span_of(0)
        return None if self.origin is None or self.origin.span_id == NO_SPAN else self.origin

    @property
    def names(self) -> dict[str, str]:
        """What every log line about the job has."""
        named = {"job": self.job, "tenant": self.tenant, "trace_id": self.trace_id}
        return {name: value for name, value in named.items() if value is not None}

    def _span_of(self, time: int) -> TraceContext | None:
        if self.origin is None:
            return None
        seed = f"{self.origin.trace_id} {self.job} {time}".encode()
        return TraceContext(
            self.origin.trace_id, hashlib.blake2b(seed, digest_size=8).hexdigest(), self.origin.sampled
        )
