"""Whose turn it is: priority with aging, then weighted fair share, then age. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from gopfarm.store import WaitingJob
from gopfarm.tenants import TenantPolicy, policy_of


def urgencies(jobs: Iterable[WaitingJob], now: float, aging_seconds: float) -> dict[str, int]:
    """Return the urgency of each job."""
    return {job.id: urgency(job, now, aging_seconds) for job in jobs}


def urgency(job: WaitingJob, now: float, aging_seconds: float) -> int:
    """Return a job's priority, one more for each ``aging_seconds`` in which it was given nothing.

    It grows without bound, so whatever others submit, every job gets its turn; and it falls back with each
    task that is given out, so a long job that is being served does not overtake urgent ones.
    """
    return job.priority + int(max(0.0, now - job.since) / aging_seconds)


def choose(
    jobs: Iterable[WaitingJob],
    urgencies: Mapping[str, int],
    shares: Mapping[str, float],
    runs: Mapping[str, int],
) -> WaitingJob | None:
    """Choose the job that is given something next.

    The most urgent first; among equals the tenant that was given the least work for its weight (``shares``:
    seconds divided by weight), or has the fewest ``runs`` now if they were given the same; then the oldest
    job. This is start-time fair queueing (Goyal, Vin and Cheng, 1996) with the cost model's seconds for
    lengths.
    """
    return min(
        jobs,
        key=lambda job: (
            -urgencies[job.id],
            shares.get(job.tenant, 0.0),
            runs.get(job.tenant, 0),
            job.submitted,
            job.id,
        ),
        default=None,
    )


def raised_shares(
    shares: Mapping[str, float], busy: Collection[str], before: Collection[str]
) -> dict[str, float]:
    """Return new shares of tenants that have work again after none.

    They begin where the least served of those that were ``busy`` ``before`` is, or, if nobody was, where the
    best served of all has come to: what they left unused while they were idle is not theirs to catch up on.
    """
    steady = [shares.get(tenant, 0.0) for tenant in busy if tenant in before]
    floor = min(steady) if steady else max(shares.values(), default=0.0)
    return {tenant: floor for tenant in busy if tenant not in before and shares.get(tenant, 0.0) < floor}


def next_to_prepare(
    jobs: Iterable[WaitingJob],
    urgencies: Mapping[str, int],
    ahead: Mapping[str, int],
    policies: Mapping[str, TenantPolicy],
    wanted: Callable[[WaitingJob], bool],
) -> WaitingJob | None:
    """Choose the job that is probed and planned next, among those that are ``wanted``.

    The most urgent first; among equals the tenant that has the fewest jobs ``ahead`` (planned, or about to
    be) for its weight; then the oldest.
    """
    return min(
        (job for job in jobs if wanted(job)),
        key=lambda job: (
            -urgencies[job.id],
            ahead.get(job.tenant, 0) / policy_of(job.tenant, policies).weight,
            job.submitted,
            job.id,
        ),
        default=None,
    )
