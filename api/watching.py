"""The player page for a job's stream; what it plays comes from the API, with a token."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.player import CONTENT_SECURITY_POLICY, CONTENT_TYPES, PAGE_FILES, STATIC, player_page
from api.problems import Problem
from api.routes import V1
from scheduler.intake import JOB_ID
from stitcher import MASTER

router = APIRouter(include_in_schema=False)

_PATH = "/player"


def player_path(job_id: str) -> str:
    """Return the path of the page that plays a job's stream."""
    return f"{_PATH}?job={job_id}"


@router.get(_PATH)
def show_player(job: Annotated[str, Query(pattern=f"^{JOB_ID}$")]) -> Response:
    """Serve the page. It is the same for every job that might exist."""
    page = player_page(job, f"{V1}/jobs/{job}/stream/{MASTER}")
    headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY, "Cache-Control": "no-cache"}
    return Response(page, media_type=CONTENT_TYPES[".html"], headers=headers)


@router.get("/static/{name}")
def show_part(name: str) -> Response:
    """Serve one of the page's scripts and style sheets; nothing else of the package."""
    if name not in PAGE_FILES:
        raise Problem("not-found", f"the player has no file {name}")
    path = STATIC / name
    return Response(
        path.read_bytes(), media_type=CONTENT_TYPES[path.suffix], headers={"Cache-Control": "no-cache"}
    )
