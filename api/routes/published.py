"""What a job has planned and published: its ladder, its report, and the stream itself."""

from __future__ import annotations

import json
import re

from fastapi import APIRouter, Header, Path, Response

from api.auth import Caller, JobsReader
from api.jobviews import JobId, view_for
from api.plans import PlanView, plan_view
from api.player import CONTENT_TYPES, byte_span
from api.problems import Problem, documented
from api.routes import V1
from api.services import Farm, Services
from gopfarm.errors import DestinationError
from gopfarm.log import get_logger
from gopfarm.storage import Destination, open_destination
from gopfarm.storage.headers import stored_headers
from gopfarm.store import JobView
from stitcher import MANIFEST, MASTER
from stitcher.report import REPORT

log = get_logger(__name__)

router = APIRouter(prefix=f"{V1}/jobs/{{job_id}}", tags=["jobs"])

#: A file of a rendition: ``<rendition>/<plan hash>/<file>``.
_PART = re.compile(
    r"[A-Za-z0-9][\w.-]{0,127}/(?P<plan>[0-9a-f]{1,64})/\w[\w-]{0,63}\.(m3u8|m4s|mp4|ts|vtt)", re.ASCII
)


@router.get(
    "/plan",
    operation_id="getPlan",
    summary="Get a job's plan",
    response_model=PlanView,
    responses=documented(404),
)
def get_plan(farm: Farm, caller: JobsReader, job_id: JobId) -> PlanView:
    """Tell what a job's source is, and the renditions that are made of it.

    There is a plan from state `encoding` on. A job that is done keeps it for a minute; after that its report
    has the same facts. One that failed or was cancelled keeps it for as long as the farm remembers it; sent
    through again, it gets another.
    """
    view = view_for(farm, caller, job_id)
    plan = farm.jobs.plan(job_id)
    if plan is None or plan.hash != view.plan_hash:  # that of a former attempt stays until there is another
        raise Problem("not-found", f"job {job_id} has no plan: none yet, or none any more")
    return plan_view(plan)


@router.get(
    "/report",
    operation_id="getReport",
    summary="Get a job's report",
    response_class=Response,
    responses={
        200: {
            "description": "`job.json`: source, ladder as planned and as measured, files, times, cost.",
            "content": {"application/json": {"schema": {"type": "object"}}},
        },
        **documented(404, 502),
    },
)
def get_report(farm: Farm, caller: JobsReader, job_id: JobId) -> Response:
    """Return the report that lies beside the published stream, once the job is done."""
    destination, _ = _published(farm, caller, job_id)
    document = _read(destination, REPORT)
    if document is None or not _is_of(document, job_id):
        raise Problem("not-found", f"there is no report of job {job_id} at its destination (any more)")
    return Response(document, media_type="application/json")


@router.get(
    "/stream/{path:path}",
    operation_id="getStream",
    summary="Get a file of a job's stream",
    response_class=Response,
    responses={
        200: {
            "description": "The file.",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        },
        206: {"description": "The part of the file that was asked for."},
        **documented(404, 416, 502),
    },
)
def get_stream(
    farm: Farm,
    caller: JobsReader,
    job_id: JobId,
    path: str = Path(
        max_length=512,
        description="As playlists name it, from the destination on.",
        examples=["master.m3u8"],
    ),
    range_: str | None = Header(default=None, alias="Range", description="One range of bytes."),
) -> Response:
    """Return a playlist or segment of what a job has published.

    This is for looking at a result, such as the player page does. Viewers are served by a CDN.
    """
    destination, view = _published(farm, caller, job_id)
    part = _PART.fullmatch(path)
    known = path in (MASTER, MANIFEST) or (part is not None and part["plan"] == view.plan_hash)
    data = _read(destination, path) if known else None
    if data is None or (part is None and (view.plan_hash or "").encode() not in data):
        raise Problem("not-found", f"job {job_id} has published no {path}")
    return _ranged(path, data, range_)


def _published(farm: Services, caller: Caller, job_id: str) -> tuple[Destination, JobView]:
    """Return where a job has published, or shows already what it has.

    Raises:
        Problem: There is no such job, or nothing of it to see yet.
    """
    view = view_for(farm, caller, job_id)
    if view.master is None or view.plan_hash is None:
        raise Problem("not-found", f"job {job_id} is {view.state} and has published nothing")
    return open_destination(farm.jobs.spec(job_id).destination), view


def _read(destination: Destination, key: str) -> bytes | None:
    try:
        return destination.get_bytes(key)
    except DestinationError as error:
        log.warning("a destination cannot be read", reason=str(error))
        raise Problem("destination", str(error)) from None


def _is_of(document: bytes, job_id: str) -> bool:
    """Tell whether a report is that of the job, and not of another that has published there since."""
    try:
        return bool(json.loads(document)["job"]["id"] == job_id)
    except (ValueError, KeyError, TypeError):
        return False


def _ranged(path: str, data: bytes, asked: str | None) -> Response:
    kept = stored_headers(path)
    headers = {"Accept-Ranges": "bytes", "Cache-Control": kept.cache_control.replace("public", "private")}
    span = byte_span(asked, len(data))
    if span is None:
        whole = len(data)
        raise Problem(
            "bad-range", f"the file has {whole} bytes", headers={"Content-Range": f"bytes */{whole}"}
        )
    partial, start, end = span
    if partial:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
    suffix = path[path.rindex(".") :]
    return Response(
        data[start:end],
        status_code=206 if partial else 200,
        headers=headers,
        media_type=CONTENT_TYPES.get(suffix, kept.content_type),
    )
