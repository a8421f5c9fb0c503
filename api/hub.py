"""Events of jobs for whoever listens: one connection reads them for all listeners of a process."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from itertools import islice
from typing import Any, cast

import redis
import redis.asyncio

from gopfarm.log import get_logger
from gopfarm.store import JobState, is_passing, keys
from gopfarm.store.eventids import event_order
from gopfarm.store.events import ENDS, Event, event_of

log = get_logger(__name__)

#: Events that are kept here for listeners. One that is further behind reads on in Redis.
_KEPT = 1000

#: Events that are read at a time.
_PAGE = 500

#: Seconds for which Redis lets a read wait for an event, and after which no answer is expected any more.
_BLOCK_SECONDS = 5.0
_ANSWER_SECONDS = 10.0

#: Seconds between tries to reach Redis.
_PAUSE_SECONDS = 1.0

#: Connections for what is read besides: the past, for those that resume. Others wait for a free one.
_PAST_CONNECTIONS = 4

#: Timeouts are ours: for its own, redis-py uses what up to Python 3.11 loses cancellations.
_NO_TIMEOUT: dict[str, Any] = {"socket_connect_timeout": None, "socket_timeout": None}

#: What Redis being away looks like, and what its refusals are.
_FAULTS = (redis.RedisError, TimeoutError)


class Hub:
    """Hands on the stream of events.

    Each listener has a place in the stream and takes what comes behind it: from what is kept here, or, where
    it is too far behind for that, from Redis. So a slow one takes no memory, and misses nothing that Redis
    still has. While nobody listens, nothing is read.

    All of it is for one event loop.

    Args:
        url: Address of Redis.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._stopped = False
        self._listeners = 0
        self._reader: asyncio.Task[None] | None = None
        self._past: redis.asyncio.Redis | None = None
        # Up to where the stream was read (None: not at all so far); the events that came last; how many came
        # before the first of these. ``_news`` is set, and replaced, when any of this changes.
        self._place: str | None = None
        self._kept: deque[Event] = deque()
        self._dropped = 0
        self._news = asyncio.Event()

    async def listen(
        self, after: str | None = None, job: str | None = None, tenants: Collection[str] | None = None
    ) -> AsyncGenerator[Event, None]:
        """Yield events as they happen, until the hub is stopped.

        While Redis is away there are none; then it goes on where it was.

        Args:
            after: An id (see ``eventids``): begin with what has happened since that event; None: with what
                happens from now on.
            job: Only of this job. That ends with the end of the job, at once if it has ended before.
            tenants: Only of these tenants.
        """
        self._listeners += 1
        if self._reader is None and not self._stopped:
            self._reader = asyncio.create_task(self._read())
        try:
            async with aclosing(self._all(after, job)) as events:
                async for event in events:
                    if job in (None, event.job) and (tenants is None or event.tenant in tenants):
                        yield event
                        if job is not None and event.event in ENDS:
                            return
        finally:
            self._listeners -= 1
            if not self._listeners:
                self._rest()

    def stop(self) -> None:
        """End all listeners, and those that come later. To be called before the server waits for them."""
        self._stopped = True
        self._rest()
        self._wake()

    async def close(self) -> None:
        """Stop, and close the connections."""
        self.stop()
        if self._past is not None:
            await self._past.aclose()

    # What a listener takes.

    async def _all(self, after: str | None, job: str | None) -> AsyncGenerator[Event, None]:
        """Yield the events behind one, of all jobs; if the job has ended, only those there are by now."""
        while self._place is None:
            if self._stopped:
                return
            await self._news.wait()
        number, last = self._dropped + len(self._kept), self._place
        # Who was served by another process until now may know more than was read here so far.
        known = after if after is not None and event_order(after) > event_order(last) else None
        # The end of a job that has not ended yet will be behind that place.
        ended = job is not None and await self._has_ended(job)
        if after is not None or ended:
            async for event in self._between(after or last, "+" if ended else last):
                yield event
        while not (ended or self._stopped):
            news = self._news
            if number < self._dropped:
                number, until = self._dropped, f"({self._kept[0].id}"
                async for event in self._between(max(last, known or last, key=event_order), until):
                    last = event.id
                    yield event
            elif number < self._dropped + len(self._kept):
                for event in list(islice(self._kept, number - self._dropped, None)):
                    number, last = number + 1, event.id
                    if known is None or event_order(event.id) > event_order(known):
                        yield event
            else:
                await news.wait()

    async def _between(self, after: str, until: str) -> AsyncGenerator[Event, None]:
        """Yield the events in Redis behind one up to another."""
        while not self._stopped:
            page = await self._ask("XRANGE", keys.EVENTS, f"({after}", until, "COUNT", _PAGE)
            for entry in page or ():
                yield event_of(entry)
            if not page or len(page) < _PAGE:
                return
            after = page[-1][0]

    async def _has_ended(self, job: str) -> bool:
        state = await self._ask("HGET", keys.job(job), "state")
        return state is not None and JobState(state).ended

    async def _ask(self, *command: str | int) -> Any:
        """Return Redis' answer, however long that takes; None when the hub is stopped meanwhile.

        Raises:
            redis.RedisError: It refuses the command itself: another try would be refused as well.
        """
        if self._past is None:
            pool = redis.asyncio.BlockingConnectionPool.from_url(
                self._url,
                decode_responses=True,
                max_connections=_PAST_CONNECTIONS,
                timeout=None,
                **_NO_TIMEOUT,
            )
            self._past = redis.asyncio.Redis.from_pool(pool)
        while not self._stopped:
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    return await self._past.execute_command(*command)  # type: ignore[no-untyped-call]
            except _FAULTS as error:
                if isinstance(error, redis.RedisError) and not is_passing(error):
                    raise
                await asyncio.sleep(_PAUSE_SECONDS)
        return None

    # Reading the stream.

    async def _read(self) -> None:
        """Read the stream for all listeners, until it is cancelled, whatever Redis answers."""
        client = redis.asyncio.Redis.from_url(
            self._url, decode_responses=True, single_connection_client=True, **_NO_TIMEOUT
        )
        me, reachable = asyncio.current_task(), True
        try:
            while self._reader is me:  # a cancellation that comes while it connects may still be swallowed
                try:
                    async with asyncio.timeout(_ANSWER_SECONDS):
                        await self._read_on(client)
                    reachable = True
                except _FAULTS as error:
                    if reachable:
                        log.warning("events cannot be read for now", error=str(error) or "no answer")
                    reachable = False
                    await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            await client.aclose()

    async def _read_on(self, client: redis.asyncio.Redis) -> None:
        if self._place is None:
            newest = cast("list[Any]", await client.xrevrange(keys.EVENTS, count=1))
            self._place = str(newest[0][0]) if newest else "0-0"
            self._wake()
            return
        places: dict[Any, Any] = {keys.EVENTS: self._place}
        block = round(1000 * _BLOCK_SECONDS)
        answer = cast("list[Any]", await client.xread(places, count=_PAGE, block=block))
        for entry in answer[0][1] if answer else ():
            self._kept.append(event_of(entry))
            self._place = entry[0]
        while len(self._kept) > _KEPT:
            self._kept.popleft()
            self._dropped += 1
        if answer:
            self._wake()

    def _wake(self) -> None:
        """Let all listeners look for what is new."""
        self._news.set()
        self._news = asyncio.Event()

    def _rest(self) -> None:
        """Read no more, and know nothing of the stream any more."""
        if self._reader is not None:
            self._reader.cancel()
            self._reader = None
        self._place, self._dropped = None, 0
        self._kept.clear()
