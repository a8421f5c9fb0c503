"""Counting the jobs that have ended, and recording their spans: the leading scheduler does, once for each."""

from __future__ import annotations

from collections.abc import Mapping

import redis

from gopfarm import metrics, tracing
from gopfarm.store import Ended, EndedJob, JobState
from gopfarm.store.reading import JobReader
from gopfarm.tenants import TenantPolicy, class_of
from scheduler.spans import record_ended


class Ends:
    """Counts how jobs end, and records their spans.

    Args:
        client: A connection that decodes responses.
        tenants: What holds for tenants, by name.
    """

    def __init__(self, client: redis.Redis, tenants: Mapping[str, TenantPolicy]) -> None:
        self._ended = Ended(client)
        self._jobs = JobReader(client)
        self._tenants = tenants

    def count(self) -> None:
        """Count and trace those that have ended since it was asked last, by whichever scheduler."""
        ended = self._ended.take()
        for job in ended:
            if not job.refused:
                self._count(job)
        if tracing.is_recording():  # behind all counts, as Redis may go away meanwhile
            for job in ended:
                self._record(job)

    def _record(self, job: EndedJob) -> None:
        view = self._jobs.view(job.id)
        if view is not None and view.state is job.state:  # else it was sent through again a moment ago
            record_ended(self._jobs.trace(job.id), view)

    def _count(self, job: EndedJob) -> None:
        tenant_class = class_of(job.tenant, self._tenants)
        metrics.JOBS_ENDED.labels(job.state.value, tenant_class).inc()
        if job.begun is not None:
            metrics.JOB_QUEUE_SECONDS.observe(max(0.0, job.begun - job.submitted))
        if job.state is JobState.FAILED:
            metrics.JOB_FAILURES.labels(job.error_kind).inc()
        if job.state is not JobState.DONE:
            return
        seconds = max(0.0, job.ended - job.submitted)
        metrics.JOB_SECONDS.observe(seconds)
        if job.media_seconds is not None:
            metrics.MEDIA_SECONDS.labels(tenant_class).inc(job.media_seconds)
            if seconds:
                metrics.JOB_REALTIME_FACTOR.observe(job.media_seconds / seconds)
