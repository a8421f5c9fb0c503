"""Listening to events: without gap or duplicate, by one connection, and to an end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
import redis
from structlog.testing import capture_logs

from api import hub as hub_module
from api.hub import Hub
from cli.embedded import PrivateValkey
from gopfarm.errors import SpecError
from gopfarm.store import JobState, connect
from gopfarm.store.eventids import event_id
from gopfarm.store.events import Event, EventStore
from tests.gopfarm.store.jobs import SPEC, store_on

T = TypeVar("T")

#: Behind this id Redis refuses to read on.
LAST_ID = "18446744073709551615-18446744073709551615"

#: A test that waits for so long waits for what does not come.
_PATIENCE = 20


def run(work: Callable[[], Awaitable[T]]) -> T:
    """Run a test in an event loop."""

    async def bounded() -> T:
        async with asyncio.timeout(_PATIENCE):
            return await work()

    return asyncio.run(bounded())


@asynccontextmanager
async def hub_on(url: str) -> AsyncIterator[Hub]:
    """A hub that is closed in the end."""
    hub = Hub(url)
    try:
        yield hub
    finally:
        await hub.close()


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    while not condition():
        await asyncio.sleep(0.005)


async def take(hub: Hub, number: int, **what: Any) -> list[str]:
    """Listen until so many events have come; return their ids."""
    found: list[str] = []
    async with aclosing(hub.listen(**what)) as events:
        async for event in events:
            found.append(event.id)
            if len(found) == number:
                break
    return found


def write(client: redis.Redis, number: int, entry: str = "*") -> list[str]:
    """Write events as the store's scripts do; return their ids."""
    fields: dict[Any, Any] = {"job": "j", "event": "job.progress", "tenant": "default"}
    fields |= {"time": "1", "progress": "0.5", "number": "1"}
    return [str(client.xadd("gopfarm:events", fields, id=entry)) for _ in range(number)]


def listening(client: redis.Redis) -> int:
    """How many connections wait for events."""
    return sum(one["cmd"] == "xread" for one in client.client_list())


def test_who_resumes_gets_what_has_happened_since_and_then_what_happens(
    valkey: redis.Redis, valkey_url: str
) -> None:
    async def work() -> None:
        ids = write(valkey, 1200)
        async with hub_on(valkey_url) as hub:
            found = asyncio.create_task(take(hub, 1209, after=ids[0]))
            await until(lambda: listening(valkey) == 1)
            ids.extend(write(valkey, 10))
            assert await found == ids[1:]

    run(work)


def test_who_does_not_resume_gets_only_what_happens_from_now_on(valkey: redis.Redis, valkey_url: str) -> None:
    async def work() -> None:
        write(valkey, 3)
        async with hub_on(valkey_url) as hub:
            found = asyncio.create_task(take(hub, 2))
            await until(lambda: listening(valkey) == 1)
            ids = write(valkey, 2)
            assert await found == ids

    run(work)


def test_who_knows_more_than_was_read_here_is_not_told_it_again(valkey: redis.Redis, valkey_url: str) -> None:
    """Another process of the API was quicker: the reader here has not come to what the listener saw there."""

    async def work() -> None:
        async with hub_on(valkey_url) as hub:
            first = asyncio.create_task(take(hub, 1))
            await until(lambda: listening(valkey) == 1)
            ids = [f"9999999999999-{number}" for number in range(3)]
            found = asyncio.create_task(take(hub, 1, after=ids[1]))
            await until(lambda: hub._listeners == 2)
            await asyncio.sleep(0)  # it has taken its place
            for one in ids:
                write(valkey, 1, entry=one)
            assert await found == ids[2:]
            assert await first == ids[:1]

    run(work)


def test_nothing_is_missed_or_told_twice_while_others_write(
    valkey: redis.Redis, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few events are kept, so that those who come in the middle read in Redis and here in turn."""
    monkeypatch.setattr(hub_module, "_KEPT", 7)
    monkeypatch.setattr(hub_module, "_PAGE", 5)

    async def work() -> None:
        first = write(valkey, 1)[0]
        async with hub_on(valkey_url) as hub:
            found = []
            ids: list[str] = []
            for _ in range(12):
                ids.extend(await asyncio.to_thread(write, valkey, 10))
                found.append(asyncio.create_task(take(hub, 120, after=first)))
            for one in found:
                assert await one == ids

    run(work)


def test_a_slow_listener_reads_on_in_redis(
    valkey: redis.Redis, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "_KEPT", 4)

    async def work() -> None:
        async with hub_on(valkey_url) as hub, aclosing(hub.listen()) as slow:
            first = asyncio.ensure_future(anext(slow))
            await until(lambda: listening(valkey) == 1)
            ids = write(valkey, 1)
            assert (await first).id == ids[0]
            quick = asyncio.create_task(take(hub, 30))
            await until(lambda: hub._listeners == 2)
            ids.extend(write(valkey, 30))
            assert await quick == ids[1:]
            assert [(await anext(slow)).id for _ in range(30)] == ids[1:]

    run(work)


def test_many_listeners_take_one_connection_and_none_takes_none(valkey: redis.Redis, valkey_url: str) -> None:
    async def work() -> None:
        async with hub_on(valkey_url) as hub:
            before = len(valkey.client_list())
            found = [asyncio.create_task(take(hub, 3)) for _ in range(200)]
            await until(lambda: listening(valkey) == 1)
            assert len(valkey.client_list()) == before + 1
            ids = write(valkey, 3)
            assert await asyncio.gather(*found) == [ids] * 200
            await until(lambda: len(valkey.client_list()) == before)

    run(work)


def test_only_the_events_of_a_job_or_of_tenants_are_told(valkey: redis.Redis, valkey_url: str) -> None:
    async def work() -> None:
        store = store_on(valkey)
        for job, tenant in (("a", "school"), ("b", "studio"), ("c", "school")):
            store.create(job, SPEC.model_copy(update={"tenant": tenant}))
            store.cancel(job)
        a, b, c = (event.id for event in EventStore(valkey).events())
        async with hub_on(valkey_url) as hub:
            assert await take(hub, 2, after="0", tenants={"school"}) == [a, c]
            assert await take(hub, 1, after="0", job="b") == [b]
            assert await take(hub, 1, after="0", job="b", tenants={"school"}) == []

    run(work)


def test_a_jobs_stream_ends_with_the_job(valkey: redis.Redis, valkey_url: str) -> None:
    store = store_on(valkey)

    async def names(hub: Hub, **what: Any) -> list[str]:
        return [event.event async for event in hub.listen(job="j", **what)]

    async def work() -> None:
        store.create("j", SPEC)
        async with hub_on(valkey_url) as hub:
            live = asyncio.create_task(names(hub))
            await until(lambda: listening(valkey) == 1)
            write(valkey, 1)
            store.move("j", JobState.FAILED)
            assert await live == ["job.progress", "job.failed"]
            # Who comes when it is over.
            assert await names(hub, after="0") == ["job.progress", "job.failed"]
            assert await names(hub) == []
            last = EventStore(valkey).last_event()
            assert await names(hub, after=last) == []

    run(work)


def test_stopping_ends_every_listener(valkey: redis.Redis, valkey_url: str) -> None:
    async def everything(hub: Hub) -> list[Event]:
        return [event async for event in hub.listen()]

    async def work() -> None:
        async with hub_on(valkey_url) as hub:
            found = [asyncio.create_task(everything(hub)) for _ in range(3)]
            await until(lambda: listening(valkey) == 1)
            hub.stop()
            assert await asyncio.gather(*found) == [[], [], []]
            assert await everything(hub) == []
            await until(lambda: listening(valkey) == 0)

    run(work)


def test_listeners_go_on_when_redis_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "_PAUSE_SECONDS", 0.05)
    server = PrivateValkey()

    async def work() -> None:
        with connect(server.url) as client:
            async with hub_on(server.url) as hub, aclosing(hub.listen(after="0")) as events:
                ids = write(client, 2)
                assert [(await anext(events)).id for _ in range(2)] == ids
                socket = Path(server.url.partition("://")[2].partition("?")[0])
                socket.rename(socket.with_suffix(".away"))
                client.client_kill_filter(skipme=True, _type="normal")
                with capture_logs() as logs:
                    await until(lambda: bool(logs))
                ids = write(client, 2)
                late = asyncio.create_task(take(hub, 2, after="0"))
                socket.with_suffix(".away").rename(socket)
                assert [(await anext(events)).id for _ in range(2)] == ids
                assert len(await late) == 2

    try:
        run(work)
    finally:
        server.stop()


def test_who_asks_for_what_redis_refuses_is_not_left_waiting(valkey: redis.Redis, valkey_url: str) -> None:
    async def work() -> None:
        async with hub_on(valkey_url) as hub:
            with pytest.raises(redis.ResponseError):
                await take(hub, 1, after=LAST_ID)

    run(work)


@pytest.mark.parametrize(
    "text", ["", "x", "1-2-3", "-1", "18446744073709551616-0", "1-18446744073709551616", LAST_ID]
)
def test_what_is_no_id_of_an_event_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match="id of an event"):
        event_id(text)
    assert event_id("1760000000000-3") == "1760000000000-3"
