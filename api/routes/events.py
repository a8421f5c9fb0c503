"""What happens to jobs, as it happens."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from api.auth import Caller, JobsReader
from api.hub import Hub
from api.jobviews import JobId, check_visible
from api.problems import FieldError, Problem, documented
from api.routes import V1
from api.services import Farm
from api.sse import MEDIA_TYPE, Streams
from gopfarm.errors import SpecError
from gopfarm.store.eventids import event_id
from gopfarm.store.events import Event

router = APIRouter(prefix=V1, tags=["events"])

#: The id of an event, as it is given in a request.
After = Annotated[
    str | None,
    Query(
        max_length=41,
        description="Begin with what has happened since the event of this id; 0: with all that is "
        "remembered. Left out: with what happens from now on.",
        examples=["1764032737123-0"],
    ),
]
LastEventId = Annotated[
    str | None,
    Header(
        alias="Last-Event-ID",
        max_length=41,
        description="The same as `after`; browsers send it when a connection was lost.",
    ),
]

_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events: `id` is the event's, `event` its kind (job.progress, "
        "job.playable, job.done, job.failed, job.cancelled), `data` all of it as JSON. A comment is sent "
        "every 15 s while nothing happens.",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
    },
    **documented(404),
}


@router.get(
    "/events",
    operation_id="listenToEvents",
    summary="Listen to all jobs",
    response_class=StreamingResponse,
    responses=_RESPONSES,
)
async def listen_to_all(
    farm: Farm,
    caller: JobsReader,
    request: Request,
    after: After = None,
    last_event_id: LastEventId = None,
) -> StreamingResponse:
    """Send what happens to the jobs of the token's tenants, until the caller leaves."""
    begin = _begin(after, last_event_id) or await run_in_threadpool(farm.events.last_event)
    return _respond(request, caller, _hub(request).listen(begin, tenants=caller.tenants))


@router.get(
    "/jobs/{job_id}/events",
    operation_id="listenToJob",
    summary="Listen to a job",
    response_class=StreamingResponse,
    responses=_RESPONSES,
)
async def listen_to_job(
    farm: Farm,
    caller: JobsReader,
    request: Request,
    job_id: JobId,
    after: After = None,
    last_event_id: LastEventId = None,
) -> StreamingResponse:
    """Send what happens to a job, until its end: at once if it has ended before."""
    begin = _begin(after, last_event_id)
    await run_in_threadpool(check_visible, farm, caller, job_id)
    begin = begin or await run_in_threadpool(farm.events.last_event)
    return _respond(request, caller, _hub(request).listen(begin, job_id, caller.tenants))


def _hub(request: Request) -> Hub:
    hub: Hub = request.app.state.hub
    return hub


def _respond(request: Request, caller: Caller, events: AsyncGenerator[Event, None]) -> StreamingResponse:
    streams: Streams = request.app.state.streams
    return streams.respond(caller.name or "", events)


def _begin(after: str | None, last_event_id: str | None) -> str | None:
    """Return where to begin; None: now. A browser that comes back knows better than its first address."""
    given = last_event_id or after
    if not given:
        return None
    try:
        return event_id(given)
    except SpecError as error:
        where = FieldError.model_validate(
            {"location": "header", "field": "Last-Event-ID", "detail": str(error)}
            if last_event_id
            else {"location": "query", "field": "after", "detail": str(error)}
        )
        raise Problem("invalid", str(error), [where]) from None
