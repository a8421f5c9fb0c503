"""Events as a stream that browsers read: server-sent events (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable

import anyio
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.problems import RETRY_SECONDS, Problem
from gopfarm.store.events import Event

#: A comment is sent after so many seconds without an event: what lies between takes silence for an end.
HEARTBEAT_SECONDS = 15.0

#: A listener whose connection breaks comes back after so many milliseconds.
_RETRY_MS = 2000

#: Streams that a caller may have open at one process of the API: a browser's tab has two.
MOST_STREAMS = 200

_BEGIN = f"retry: {_RETRY_MS}\n: listening\n\n"
_HEARTBEAT = ": nothing new\n\n"
_END = ": the end\n\n"

MEDIA_TYPE = "text/event-stream"

#: Proxies that hold back what they pass on must not do so here (nginx).
_HEADERS = {"X-Accel-Buffering": "no"}


class Streams:
    """The streams of this process: how many each caller has open. For one event loop."""

    def __init__(self) -> None:
        self._open = Counter[str]()

    def respond(self, caller: str, events: AsyncGenerator[Event, None]) -> StreamingResponse:
        """Return the response that sends events as they come, and ends with them.

        Raises:
            Problem: The caller has too many streams open.
        """
        if self._open[caller] >= MOST_STREAMS:
            raise Problem(
                "too-many-requests",
                f"{MOST_STREAMS} streams of events are open already; close some",
                headers={"Retry-After": str(RETRY_SECONDS)},
            )
        self._open[caller] += 1

        def give_back() -> None:
            self._open[caller] -= 1

        return _EventStream(events, give_back)


class _EventStream(StreamingResponse):
    """Sends events, and calls ``at_end`` when that is over, however little of it could be sent."""

    def __init__(self, events: AsyncGenerator[Event, None], at_end: Callable[[], None]) -> None:
        super().__init__(frames(events), media_type=MEDIA_TYPE, headers=_HEADERS)
        self._at_end = at_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._at_end()


def frame(event: Event) -> str:
    """Return an event as it is sent. JSON has no line breaks of its own."""
    return f"id: {event.id}\nevent: {event.event}\ndata: {event.model_dump_json()}\n\n"


async def frames(
    events: AsyncGenerator[Event, None], heartbeat_seconds: float = HEARTBEAT_SECONDS
) -> AsyncIterator[str]:
    """Yield what is sent: a beginning at once, events, and heartbeats while there are none."""
    following = asyncio.ensure_future(anext(events))
    try:
        yield _BEGIN
        while True:
            # Not wait_for: it would cancel what is awaited, and with it the events' generator.
            await asyncio.wait({following}, timeout=heartbeat_seconds)
            if not following.done():
                yield _HEARTBEAT
                continue
            try:
                event = following.result()
            except StopAsyncIteration:
                yield _END
                return
            yield frame(event)
            following = asyncio.ensure_future(anext(events))
    finally:
        following.cancel()
        with anyio.CancelScope(shield=True):  # the caller has left, and this must not be left half done
            await asyncio.wait({following})
            await events.aclose()
