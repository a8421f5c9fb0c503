"""How much a caller may send: bytes of a body."""

from __future__ import annotations

from typing import NoReturn

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Problem

#: Largest body of a request, in bytes. A job spec with the most metadata and a long profile takes a tenth.
MAX_BODY_BYTES = 2**20

#: Of a body that is too large so much is read before the answer, and thrown away.
_MOST_SWALLOWED = 8 * MAX_BODY_BYTES


class BodyLimit:
    """Refuses bodies that are too large: by what the request says of them, and by what comes.

    Starlette's own middleware answers in plain text, and before the body has come: senders that read no
    answer until they have sent all would be cut off.
    """

    def __init__(self, app: ASGIApp, most: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request of which no more than the limit can be read."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        length = headers.get("Content-Length", "")
        said = int(length) if length.isdecimal() else 0
        waits = "Expect" in headers  # for our word before it sends anything
        came = 0

        async def receive_some() -> Message:
            nonlocal came
            if said > self._most:
                await self._refuse(receive, _MOST_SWALLOWED if waits else 0)
            message = await receive()
            came += len(message.get("body", b""))
            if came > self._most:
                await self._refuse(receive, came, message.get("more_body", False))
            return message

        await self._app(scope, receive_some, send)

    async def _refuse(self, receive: Receive, came: int, more: bool = True) -> NoReturn:
        """Let the rest of the body come, within reason, so that the sender gets to read why it is refused."""
        while more and came < _MOST_SWALLOWED:
            message = await receive()
            came += len(message.get("body", b""))
            more = message.get("more_body", False)
        raise Problem(
            "too-large",
            f"the body is larger than {self._most} bytes",
            headers={"Connection": "close"},  # what is still to come is not read
        )
