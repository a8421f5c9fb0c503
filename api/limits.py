"""What a caller may ask for at most: requests a second, and bytes of a body."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Problem

#: Largest body of a request, in bytes. A job spec with the most metadata and a long profile takes a tenth.
MAX_BODY_BYTES = 2**20

#: Of a body that is too large so much is read before the answer, and thrown away.
_MOST_SWALLOWED = 8 * MAX_BODY_BYTES

#: So many seconds' worth of requests may come at once.
_BURST_SECONDS = 2.0


@dataclass
class _Bucket:
    tokens: float
    filled: float


class RateLimit:
    """A token bucket for each caller, in this process' memory.

    Args:
        rate: Requests a second that a caller may make in the long run.
        clock: Seconds, from any point on.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._size = max(1.0, rate * _BURST_SECONDS)
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, _Bucket] = {}  # by the name of a token: as many as the operator has made

    def take(self, caller: str) -> float:
        """Count a request; return 0 if it may be served, else the seconds after which one may be."""
        with self._lock:
            now = self._clock()
            bucket = self._buckets.setdefault(caller, _Bucket(self._size, now))
            bucket.tokens = min(self._size, bucket.tokens + (now - bucket.filled) * self._rate)
            bucket.filled = now
            if bucket.tokens < 1.0:
                return (1.0 - bucket.tokens) / self._rate
            bucket.tokens -= 1.0
            return 0.0

    def check(self, caller: str) -> None:
        """Count a request.

        Raises:
            Problem: The caller has made too many.
        """
        wait = self.take(caller)
        if wait:
            seconds = math.ceil(wait)
            raise Problem(
                "too-many-requests",
                f"more than {self._rate:g} requests a second; try again in {seconds} s",
                headers={"Retry-After": str(seconds)},
            )


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
