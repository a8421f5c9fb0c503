"""The operators' dashboard: files that are the same for everybody. What they show comes from the API."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

from fastapi import APIRouter, HTTPException, Request, Response

from api.player import CONTENT_TYPES, STATIC

FOLDER = STATIC / "dashboard"
INDEX = "index.html"

#: No script, style or connection but our own, no frame around the page, and no text that becomes markup.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class _File:
    data: bytes
    content_type: str
    etag: str


@cache
def _files() -> dict[str, _File]:
    """Return the files of the dashboard by name. Nothing else of the package is served."""
    return {
        path.name: _File(
            path.read_bytes(),
            CONTENT_TYPES[path.suffix],
            f'"{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"',
        )
        for path in FOLDER.iterdir()
        if path.suffix in (".html", ".css", ".js")
    }


@router.get("/")
def index(request: Request) -> Response:
    """Serve the page itself."""
    return _answer(request, INDEX)


@router.get("/dashboard/{name}")
def part(request: Request, name: str) -> Response:
    """Serve one of the page's scripts and style sheets."""
    return _answer(request, name)


def _answer(request: Request, name: str) -> Response:
    file = _files().get(name)
    if file is None:
        raise HTTPException(404, f"the dashboard has no file {name}")
    headers = {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        # Kept, but asked for again each time: scripts of two releases do not fit together.
        "Cache-Control": "no-cache",
        "ETag": file.etag,
    }
    if request.headers.get("If-None-Match") == file.etag:
        return Response(status_code=304, headers=headers)
    return Response(file.data, media_type=file.content_type, headers=headers)
