"""What can be done to a job: cancel it, send it through again, make it more urgent."""

from __future__ import annotations

from fastapi import APIRouter

from api.auth import JobsWriter
from api.jobviews import JobId, job_of, no_such_job, view_for
from api.models import Job, Priority
from api.problems import Problem, documented
from api.routes import V1
from api.services import Farm, Services
from api.submission import full
from gopfarm.errors import LimitError
from gopfarm.log import get_logger
from gopfarm.store import JobState
from scheduler import orders

log = get_logger(__name__)

router = APIRouter(prefix=f"{V1}/jobs/{{job_id}}", tags=["jobs"])


@router.post(
    "/cancel",
    operation_id="cancelJob",
    summary="Cancel a job",
    response_model=Job,
    responses=documented(404, 409),
)
def cancel_job(farm: Farm, caller: JobsWriter, job_id: JobId) -> Job:
    """End a job. Its encoders stop within seconds, and what it has not published is removed.

    Cancelling a job that was cancelled before changes nothing and is no error. One that is done, has failed
    or is being published cannot be cancelled any more.
    """
    view_for(farm, caller, job_id)
    cancelled = farm.jobs.cancel(job_id)
    view = view_for(farm, caller, job_id)
    if not cancelled and view.state is not JobState.CANCELLED:
        raise Problem("conflict", f"the job is {view.state} and cannot be cancelled any more")
    if cancelled:
        _tell(farm, job_id, "job cancelled")
    return job_of(view)


@router.post(
    "/retry",
    operation_id="retryJob",
    summary="Retry a job",
    response_model=Job,
    responses=documented(404, 409),
)
def retry_job(farm: Farm, caller: JobsWriter, job_id: JobId) -> Job:
    """Send a job that failed or was cancelled through again.

    The source is looked at anew. What the job has stored and still fits is used: only what is missing is
    encoded.
    """
    view = view_for(farm, caller, job_id)
    try:
        outcome = orders.retry_job(farm.jobs, farm.settings, view)
    except LimitError as error:
        raise full(error) from None
    if not outcome:
        raise no_such_job(job_id)  # forgotten since
    if outcome != "retried":
        raise Problem("conflict", f"the job {orders.not_retried(outcome)}")
    _tell(farm, job_id, "job retried")
    return job_of(view_for(farm, caller, job_id))


@router.post(
    "/priority",
    operation_id="setPriority",
    summary="Change a job's priority",
    response_model=Job,
    responses=documented(400, 404, 409, 413),
)
def set_priority(farm: Farm, caller: JobsWriter, job_id: JobId, wanted: Priority) -> Job:
    """Make a job that has not ended more urgent, or less.

    It holds for all its tasks that no worker has yet; those that run go on. A retry of the job keeps it.
    """
    view = view_for(farm, caller, job_id)
    outcome = orders.set_priority(farm.jobs, farm.settings, view, wanted.priority)
    if not outcome:
        raise no_such_job(job_id)
    if outcome != "changed":
        raise Problem("conflict", f"the job is {outcome}: only the priority of jobs under way matters")
    _tell(farm, job_id, "priority changed", priority=wanted.priority)
    return job_of(view_for(farm, caller, job_id))


def _tell(farm: Services, job_id: str, event: str, **facts: object) -> None:
    with farm.jobs.about(job_id):
        log.info(event, **facts)
