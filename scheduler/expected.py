"""What is still expected of a job, for whoever shows one."""

from __future__ import annotations

from gopfarm.store import JobState, TaskStore
from scheduler.outlook import Expected, of_job


def expected_of(store: TaskStore, job_id: str, state: JobState, hour_price: float | None) -> Expected | None:
    """Return what is still expected of a job; None unless its tasks are being done.

    It is taken to keep as many slots as it has now. Where none of its tasks runs, one is assumed.
    """
    left = store.remaining(job_id) if state is JobState.ENCODING else None
    return of_job(left, max(1, left.running), hour_price) if left is not None else None
