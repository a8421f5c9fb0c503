"""The spans that schedulers record from what messages and the store say: intake, and the whole job."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import dramatiq

from gopfarm import tracing
from gopfarm.errors import FarmError
from gopfarm.store import JobState, JobView
from gopfarm.tracing import Failed, JobTrace, TraceContext

#: A submission that says it was sent longer ago, or in the future, has another clock, or means other units.
_LONGEST_ON_ITS_WAY = 86400.0


@dataclass(frozen=True)
class Submission:
    """A message that submits a job.

    Args:
        id: The message's id.
        trace: The trace that its sender has named in the option ``traceparent``, or a new one.
        sent: When it was sent, in seconds since 1970.
    """

    id: str
    trace: TraceContext
    sent: float

    @classmethod
    def by(cls, message: dramatiq.Message[Any]) -> Submission:
        """Read a message, of which not even the types are certain: any program may have written it."""
        now, sent = time.time(), message.message_timestamp
        seconds = sent / 1000 if isinstance(sent, (int, float)) else now
        parent = tracing.read_context(message.options.get("traceparent"))
        return cls(
            message.message_id,
            tracing.begin(parent),
            seconds if 0 <= now - seconds <= _LONGEST_ON_ITS_WAY else now,
        )

    def record(self, error: FarmError | None = None) -> None:
        """Record its way from the sender until now: it has become a job, or was refused."""
        attributes = {
            "messaging.system": "dramatiq",
            "messaging.destination.name": "jobs",
            "messaging.operation.name": "submit",
            "messaging.operation.type": "process",
            "messaging.message.id": self.id,
        }
        failed = None if error is None else Failed.by(error)
        tracing.record("submit", self.sent, time.time(), attributes, kind="consumer", failed=failed)


def record_ended(trace: JobTrace, job: JobView) -> None:
    """Record the span of a job that has ended, and how long it waited for its turn to be probed.

    Whoever ended it, be it a worker or a command, this is left to the scheduler that leads, which hears of
    each end once.
    """
    queued, ended = job.times["queued"], job.times[job.state]
    began = queued if trace.retries or trace.submitted is None else min(trace.submitted, queued)
    with tracing.about(trace):
        span = tracing.start_job(
            trace,
            began,
            {
                "gopfarm.job.state": job.state.value,
                "gopfarm.job.priority": job.priority,
                "gopfarm.job.retries": job.retries,
                "gopfarm.job.tasks": job.tasks,
                "gopfarm.job.tasks_done": job.tasks_done,
                "gopfarm.source": job.source,
                "gopfarm.destination": job.destination,
                "gopfarm.plan": job.plan_hash,
            },
        )
        for name, at in job.times.items():
            span.event(name, at)
        if job.state is JobState.FAILED:
            span.fail(Failed(job.error_kind or FarmError.kind, job.error or ""))
        span.end(ended)
        tracing.record("wait", queued, job.times.get("probing", ended))
