"""Events as a stream that browsers read: server-sent events (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import anyio
from fastapi.responses import StreamingResponse

from gopfarm.store.events import Event

#: A comment is sent after so many seconds without an event: what lies between takes silence for an end.
HEARTBEAT_SECONDS = 15.0

#: A listener whose connection breaks comes back after so many milliseconds.
_RETRY_MS = 2000

_BEGIN = f"retry: {_RETRY_MS}\n: listening\n\n"
_HEARTBEAT = ": nothing new\n\n"
_END = ": the end\n\n"

MEDIA_TYPE = "text/event-stream"

#: Proxies that hold back what they pass on must not do so here (nginx).
_HEADERS = {"X-Accel-Buffering": "no"}


def stream(events: AsyncGenerator[Event, None]) -> StreamingResponse:
    """Return the response that sends events as they come, and ends with them."""
    return StreamingResponse(frames(events), media_type=MEDIA_TYPE, headers=_HEADERS)


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
