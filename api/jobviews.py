"""Finding a job for a caller, and telling all of it."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Path

from api.auth import Caller
from api.models import Job, JobDetails
from api.problems import Problem
from api.services import Services
from api.watching import player_path
from gopfarm.errors import SpecError
from gopfarm.spec import JobSpec
from gopfarm.store import JobView
from scheduler.expected import expected_of
from scheduler.intake import JOB_ID

#: A job's id in a path.
JobId = Annotated[
    str,
    Path(
        pattern=f"^{JOB_ID}$",
        description="The job's id.",
        examples=["90d54dbe-b486-5c4d-b3c6-647ed2730280"],
    ),
]


def no_such_job(job_id: str) -> Problem:
    """Return the problem of a job that does not exist, or not for this caller."""
    return Problem("not-found", f"there is no job {job_id}")


def view_for(services: Services, caller: Caller, job_id: str) -> JobView:
    """Return a job that the caller may see.

    Raises:
        Problem: There is none: another tenant's job does not exist for the caller.
    """
    view = services.jobs.view(job_id)
    if view is None or not caller.sees(view.tenant):
        raise no_such_job(job_id)
    return view


def check_visible(services: Services, caller: Caller, job_id: str) -> None:
    """Refuse a job that does not exist for the caller.

    Raises:
        Problem: There is no such job.
    """
    tenant = services.jobs.tenant(job_id)
    if tenant is None or not caller.sees(tenant):
        raise no_such_job(job_id)


def job_of(view: JobView) -> Job:
    """Return a job as lists and actions tell it."""
    return Job.model_construct(**dict(view))


def details_of(services: Services, view: JobView) -> JobDetails:
    """Return all of a job."""
    spec = spec_of(services, view.id)
    expected = expected_of(services.jobs, view.id, view.state, services.settings.slot_hour_price)
    return JobDetails.model_construct(
        **dict(view),
        profile=_profile_name(spec) if spec else None,
        publish=spec.publish if spec else None,
        webhook=urlsplit(spec.webhook).hostname if spec and spec.webhook else None,
        playable=view.master is not None,
        player=player_path(view.id) if view.master else None,
        eta_seconds=expected.seconds if expected else None,
        expected_price=expected.price if expected else None,
    )


def spec_of(services: Services, job_id: str) -> JobSpec | None:
    """Return a job's spec; None of a submission that was refused without one."""
    try:
        return services.jobs.spec(job_id)
    except SpecError:
        return None


def _profile_name(spec: JobSpec) -> str:
    return spec.profile if isinstance(spec.profile, str) else spec.profile.name
