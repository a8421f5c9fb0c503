"""What the store tells about jobs and workers."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

#: The priorities of jobs: 9 is the most urgent.
PRIORITIES = range(10)


class JobState(enum.StrEnum):
    """The states of a job, in the order of a good life."""

    QUEUED = "queued"
    PROBING = "probing"
    PLANNING = "planning"
    ENCODING = "encoding"
    STITCHING = "stitching"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to the job."""
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


#: Every transition that exists: the state machine of a job.
TRANSITIONS: dict[JobState, tuple[JobState, ...]] = {
    # Only by a retry, which also forgets everything that the job had become.
    JobState.QUEUED: (),
    # A step whose scheduler died is done again from its beginning, by another that has claimed it.
    JobState.PROBING: (JobState.QUEUED, JobState.PROBING, JobState.PLANNING),
    JobState.PLANNING: (JobState.PROBING,),
    JobState.ENCODING: (JobState.PLANNING,),
    JobState.STITCHING: (JobState.ENCODING, JobState.STITCHING),
    JobState.DONE: (JobState.STITCHING,),
    JobState.FAILED: (
        JobState.QUEUED,
        JobState.PROBING,
        JobState.PLANNING,
        JobState.ENCODING,
        JobState.STITCHING,
    ),
    JobState.CANCELLED: (JobState.QUEUED, JobState.PROBING, JobState.PLANNING, JobState.ENCODING),
}


class Failure(BaseModel):
    """A failed attempt at a task: whose, why, and when (seconds since 1970)."""

    model_config = ConfigDict(frozen=True)

    task: str
    attempt: int
    worker: str
    kind: str
    reason: str
    at: float


class JobView(BaseModel):
    """A job as users see it. Times are seconds since 1970, by state; progress is 0 to 1.

    ``failures`` are the attempts at its tasks that failed, also those that another attempt made good, and
    ``retries`` counts how often the whole job was sent through again. ``trace_id`` is in every log line about
    it.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    state: JobState
    tenant: str
    priority: int
    source: str
    destination: str
    metadata: dict[str, Any] = Field(default_factory=dict)
    times: dict[str, float] = Field(default_factory=dict)
    error_kind: str | None = None
    error: str | None = None
    failures: tuple[Failure, ...] = ()
    retries: int = 0
    plan_hash: str | None = None
    tasks: int = 0
    tasks_done: int = 0
    progress: float = 0.0
    master: str | None = None
    trace_id: str | None = None


@dataclass(frozen=True)
class Growing:
    """How far a progressive job is: ``shown`` segments are seen by viewers.

    ``encoding_seconds`` is for how long it has been in state ``encoding``, 0 where it has not been so far.
    """

    state: JobState
    plan_hash: str | None
    shown: int
    encoding_seconds: float


class WorkerView(BaseModel):
    """A worker's announcement: slots by queue, what it can encode, and when Redis last heard of it."""

    model_config = ConfigDict(frozen=True)

    id: str
    host: str
    pid: int
    slots: dict[str, int]
    encoders: tuple[str, ...]
    seen: float
