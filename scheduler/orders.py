"""What is wanted of jobs, by queue, HTTP or command alike: to submit one, retry it, change its priority.

Here the operator's settings come in: what a tenant may have, and what a priority is worth.
"""

from __future__ import annotations

from gopfarm.errors import LimitError
from gopfarm.profile import Profile
from gopfarm.settings import Settings
from gopfarm.spec import JobSpec
from gopfarm.store import Created, JobState, JobStore, JobView
from gopfarm.tenants import policy_of
from gopfarm.tracing import TraceContext


def create_job(
    store: JobStore,
    settings: Settings,
    job_id: str,
    spec: JobSpec,
    profile: Profile,
    trace: TraceContext,
    sent: float,
) -> bool:
    """Create a job from a spec that was checked; tell whether it is new.

    Args:
        store, settings: The farm.
        job_id: Its id, see ``intake.job_id_for``.
        spec, profile: What is wanted.
        trace: The trace that it belongs to.
        sent: When it was submitted, in seconds since 1970.

    Raises:
        LimitError: Its tenant has as many jobs as it may.
    """
    limit = policy_of(spec.tenant, settings.tenants).max_queued
    head_start = _head_start(spec.priority, settings)
    created = store.create(job_id, spec, limit, head_start, profile.encoder, trace, sent)
    if created is Created.FULL:
        raise _full(spec.tenant, limit)
    return created is Created.CREATED


def retry_job(store: JobStore, settings: Settings, job: JobView) -> str:
    """Send a job through again: see ``JobStore.retry`` for what is returned, but ``full``.

    Raises:
        LimitError: Its tenant has as many jobs as it may.
    """
    limit = policy_of(job.tenant, settings.tenants).max_queued
    outcome = store.retry(job.id, limit, _head_start(job.priority, settings))
    if outcome == "full":
        raise _full(job.tenant, limit)
    return outcome


def not_retried(outcome: str) -> str:
    """Say in words, to follow "the job", why ``retry_job`` gave an outcome that is not ``retried``."""
    # One in such a state that is not retried has no spec that could be.
    refused = outcome in (JobState.FAILED, JobState.CANCELLED)
    what = "was refused as it was submitted" if refused else f"is {outcome}"
    return f"{what}: only failed and cancelled jobs are retried"


def set_priority(store: JobStore, settings: Settings, job: JobView, level: int) -> str:
    """Change the priority of a job: see ``JobStore.set_priority`` for what is returned."""
    weight = policy_of(job.tenant, settings.tenants).weight
    return store.set_priority(job.id, level, _head_start(level, settings), weight)


def _head_start(priority: int, settings: Settings) -> float:
    """Return the seconds by which a job is put before others: waiting so long counts as much."""
    return priority * settings.aging_seconds


def _full(tenant: str, limit: int | None) -> LimitError:
    return LimitError(
        f"tenant {tenant} has as many jobs that have not ended as it may ({limit}); "
        "submit or retry when some have ended"
    )
