"""What happens around every request: its id, a line in the log, metrics, headers, and a last word on bugs."""

from __future__ import annotations

import re
import time
import uuid

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Problem, answer
from gopfarm import metrics
from gopfarm.log import get_logger

log = get_logger(__name__)

#: Requests that a probe sends every few seconds: not worth a line.
_QUIET = frozenset({"/healthz", "/readyz"})

#: The label of what no route answers.
_NO_ROUTE = "other"

#: A caller's own id of a request, if it is fit for logs.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")

#: What every answer says to browsers, unless its route says otherwise: do not guess types, show no frame,
#: load nothing, and keep nothing.
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Access:
    """The outermost part of the application that is ours."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request and tell of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("X-Request-ID", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        begun, status = time.perf_counter(), 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_headers)
            except Exception:
                log.exception("a request failed by a bug", path=scope["path"])
                if status:
                    raise  # the answer has begun: all that is left is to break it off
                problem = Problem("internal", "the API's log has its details, under the request's id")
                await answer(Request(scope), problem)(scope, receive, send_with_headers)
            finally:
                _tell(scope, status, time.perf_counter() - begun)


def _tell(scope: Scope, status: int, seconds: float) -> None:
    """Log and count a request. A status of 0 is a caller who left before there was an answer."""
    route = route_of(scope)
    metrics.HTTP_REQUESTS.labels(scope["method"], route, status).inc()
    metrics.HTTP_SECONDS.labels(scope["method"], route).observe(seconds)
    tell = log.debug if scope["path"] in _QUIET else log.info
    tell(
        "request",
        method=scope["method"],
        path=scope["path"],
        status=status,
        seconds=round(seconds, 4),
        client=scope["client"][0] if scope.get("client") else None,
        caller=scope.get("state", {}).get("caller"),
    )


def route_of(scope: Scope) -> str:
    """Return the template of the route that answered, such as ``/api/v1/jobs/{job_id}``."""
    return getattr(scope.get("route"), "path", None) or _NO_ROUTE
