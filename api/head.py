"""HEAD wherever there is GET (RFC 9110, section 9.1): as uptime checkers and caches ask."""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.routes import V1

#: Streams of events: a GET has begun something there that goes on for ever, so HEAD is not offered.
_STREAM = re.compile(rf"{V1}/(jobs/[^/]+/)?events")


def has_head(path: str) -> bool:
    """Tell whether HEAD can be asked for where GET can."""
    return _STREAM.fullmatch(path) is None


class Head:
    """Serves HEAD as a GET of which only the beginning is sent.

    Routes could name both methods, but then each operation would stand twice in the API's description.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http" or scope["method"] != "HEAD" or not has_head(scope["path"]):
            await self._app(scope, receive, send)
            return

        async def send_no_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        # Ranges are defined for GET alone (RFC 9110, section 14.2).
        headers = [(name, value) for name, value in scope["headers"] if name != b"range"]
        as_get = {**scope, "method": "GET", "headers": headers}
        try:
            await self._app(as_get, receive, send_no_body)
        finally:
            scope["route"] = as_get.get("route")  # for metrics
