"""Submitting jobs, and looking at them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from api.auth import JobsReader, JobsWriter
from api.jobviews import JobId, details_of, job_of, view_for
from api.models import Failures, JobDetails, JobsPage
from api.problems import Problem, documented
from api.routes import V1
from api.services import Farm
from api.submission import submit
from gopfarm.errors import SpecError
from gopfarm.store import JobState
from gopfarm.store.listing import Filter

router = APIRouter(prefix=f"{V1}/jobs", tags=["jobs"])

#: Jobs of a page, at most and by default.
_MOST_JOBS, _USUAL_JOBS = 200, 50

_LOCATION = {"Location": {"description": "The job's path.", "schema": {"type": "string"}}}


async def _json_body(request: Request) -> bytes:
    """Return the body as it came: the spec is read by the parser that reads those of the queue."""
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Problem("not-json", "send the body as Content-Type: application/json")
    return await request.body()


@router.post(
    "",
    operation_id="submitJob",
    summary="Submit a job",
    status_code=202,
    response_model=JobDetails,
    responses={
        200: {
            "description": "The job of this key, submitted before.",
            "model": JobDetails,
            "headers": _LOCATION,
        },
        202: {"description": "The new job.", "headers": _LOCATION},
        **documented(400, 409, 413, 415),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/JobSpec"}}},
        }
    },
)
def submit_job(
    farm: Farm,
    caller: JobsWriter,
    request: Request,
    response: Response,
    document: Annotated[bytes, Depends(_json_body)],
    idempotency_key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=256,
            description="The same as `idempotency_key` in the spec: sent again with it, the same job is "
            "answered.",
        ),
    ] = None,
) -> JobDetails:
    """Submit the job of transcoding one video.

    The answer is the job: it exists by then, and will be done whatever happens to this API. With an
    idempotency key it is safe to send the same request again when no answer came. `tenant` may be left out
    where the token is for one tenant only.
    """
    submission = submit(farm, caller, document, idempotency_key, request.headers.get("traceparent"))
    response.status_code = 202 if submission.new else 200
    response.headers["Location"] = request.app.url_path_for("get_job", job_id=submission.job_id)
    return details_of(farm, view_for(farm, caller, submission.job_id))


@router.get("", operation_id="listJobs", summary="List jobs", response_model=JobsPage, responses=documented())
def list_jobs(
    farm: Farm,
    caller: JobsReader,
    tenant: Annotated[list[str] | None, Query(max_length=50, description="Only of these tenants.")] = None,
    state: Annotated[list[JobState] | None, Query(max_length=8, description="Only in these states.")] = None,
    q: Annotated[
        str, Query(max_length=256, description="Only with this text in the id, source or destination.")
    ] = "",
    limit: Annotated[int, Query(ge=1, le=_MOST_JOBS, description="At most so many.")] = _USUAL_JOBS,
    cursor: Annotated[
        str | None, Query(max_length=512, description="`next` of the page before this one.")
    ] = None,
) -> JobsPage:
    """List jobs, newest first, by the time of their submission.

    Pages stay what they are while jobs are submitted: new ones come before the first page only.
    """
    tenants = set(tenant) if tenant else None
    if caller.tenants is not None:
        tenants = set(caller.tenants) if tenants is None else tenants & caller.tenants
    try:
        page = farm.listing.page(Filter(tenants, set(state) if state else None, q), limit, cursor)
    except SpecError as error:
        raise Problem("invalid", f"cursor: {error}") from None
    return JobsPage(jobs=[job_of(view) for view in page.jobs], next=page.next)


@router.get(
    "/{job_id}",
    operation_id="getJob",
    summary="Get a job",
    response_model=JobDetails,
    responses=documented(404),
)
def get_job(farm: Farm, caller: JobsReader, job_id: JobId) -> JobDetails:
    """Tell what a job is doing or how it ended, and while it is encoded what is still expected of it."""
    return details_of(farm, view_for(farm, caller, job_id))


@router.get(
    "/{job_id}/failures",
    operation_id="listFailures",
    summary="List a job's failed attempts",
    response_model=Failures,
    responses=documented(404),
)
def list_failures(farm: Farm, caller: JobsReader, job_id: JobId) -> Failures:
    """List the attempts at a job's tasks that failed, also those that another attempt made good."""
    return Failures(failures=view_for(farm, caller, job_id).failures)
