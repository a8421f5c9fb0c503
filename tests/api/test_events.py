"""Events over HTTP: each once, in order, from where a listener left off, until the server ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import httpx
import pytest
import redis
from starlette.types import Message

from api import sse
from api.problems import Problem
from api.sse import Streams, frames
from gopfarm.store import JobState, TaskStore
from gopfarm.store.events import Event
from tests.api.serving import PATIENCE_SECONDS, allow, calling, problem, serving, settings_for
from tests.api.test_hub import LAST_ID
from tests.api.test_listing import make
from tests.farm.processes import until

EVENTS = "/api/v1/events"


def told(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """Yield the events of a stream, checked against what their frames say besides."""
    said: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if name in ("id", "event", "data"):
            said[name] = value
        elif not line and "data" in said:
            event: dict[str, Any] = json.loads(said["data"])
            assert (event["id"], event["event"]) == (said["id"], said["event"])
            yield event
            said = {}


def kinds(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(event["job"], event["event"]) for event in events]


def take(client: httpx.Client, path: str, count: int, **request: Any) -> list[dict[str, Any]]:
    with client.stream("GET", path, **request) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        events = told(answer.iter_lines())
        return [next(events) for _ in range(count)]


def test_a_listener_hears_what_happens_from_now_on(api: httpx.Client, store: TaskStore) -> None:
    make(store, "before", JobState.FAILED)
    with api.stream("GET", EVENTS) as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith("retry: ")
        make(store, "now", JobState.CANCELLED)
        assert kinds([next(told(lines))]) == [("now", "job.cancelled")]


def test_a_listener_goes_on_where_it_was(api: httpx.Client, store: TaskStore) -> None:
    for name in ("a", "b", "c"):
        make(store, name, JobState.FAILED)
    everything = take(api, EVENTS, 3, params={"after": "0"})
    assert kinds(everything) == [(name, "job.failed") for name in ("a", "b", "c")]
    seen = everything[0]["id"]
    assert take(api, EVENTS, 2, headers={"Last-Event-ID": seen}) == everything[1:]
    assert take(api, EVENTS, 2, params={"after": seen}) == everything[1:]


def test_the_stream_of_a_job_ends_with_it(api: httpx.Client, store: TaskStore) -> None:
    make(store, "other", JobState.FAILED)
    make(store, "job", JobState.FAILED)
    make(store, "later", JobState.FAILED)
    with api.stream("GET", "/api/v1/jobs/job/events", params={"after": "0"}) as answer:
        assert kinds(list(told(answer.iter_lines()))) == [("job", "job.failed")]
    with api.stream("GET", "/api/v1/jobs/job/events") as answer:
        assert list(told(answer.iter_lines())) == []
    problem(api.get("/api/v1/jobs/none/events"), 404, "not-found")


def test_a_listener_hears_only_of_its_tenants(valkey: redis.Redis, valkey_url: str, store: TaskStore) -> None:
    make(store, "theirs", JobState.FAILED, tenant="school")
    make(store, "ours", JobState.FAILED, tenant="news")
    tokens = {"news": allow("news", "jobs:read", tenants=("news",))}
    with serving(settings_for(valkey_url, api_tokens=tokens)) as url, calling(url, "news") as client:
        assert kinds(take(client, EVENTS, 1, params={"after": "0"})) == [("ours", "job.failed")]


def test_a_caller_may_have_so_many_streams_open_and_others_as_many(
    valkey: redis.Redis, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "MOST_STREAMS", 1)
    tokens = {name: allow(name, "jobs:read") for name in ("one", "two")}
    with (
        serving(settings_for(valkey_url, api_tokens=tokens)) as url,
        calling(url, "one") as one,
        calling(url, "two") as two,
    ):
        with one.stream("GET", EVENTS) as answer:
            lines = answer.iter_lines()  # were it let go, the connection would be closed
            assert next(lines).startswith("retry: ")
            refused = one.get(EVENTS)
            problem(refused, 429, "too-many-requests")
            assert int(refused.headers["Retry-After"]) > 0
            with two.stream("GET", EVENTS) as other:
                assert other.status_code == 200

        def is_free() -> bool:
            with one.stream("GET", EVENTS) as again:
                return again.status_code == 200

        until(is_free, "the stream that was left makes room for another")


def test_streams_count_from_the_answer_on_and_until_its_end_even_if_nothing_was_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sse, "MOST_STREAMS", 1)

    async def events() -> AsyncGenerator[Event, None]:
        raise AssertionError("it is not asked for any")
        yield

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        raise ConnectionResetError

    async def scene() -> None:
        streams = Streams()
        for _ in range(2):
            response = streams.respond("one", events())
            with pytest.raises(Problem):
                streams.respond("one", events())
            with pytest.raises(ConnectionResetError):
                await response({"type": "http"}, receive, send)

    asyncio.run(scene())


@pytest.mark.parametrize("given", ["x", "-", "1-2-3", "99999999999999999999", "1 2", LAST_ID])
def test_what_is_no_events_id_is_refused(api: httpx.Client, given: str) -> None:
    problem(api.get(EVENTS, params={"after": given}), 422, "invalid")
    problem(api.get(EVENTS, headers={"Last-Event-ID": given}), 422, "invalid")


def test_the_server_ends_while_somebody_listens(valkey: redis.Redis, valkey_url: str) -> None:
    with httpx.Client(verify=False, timeout=PATIENCE_SECONDS) as client:
        with serving(settings_for(valkey_url)) as url:
            answer = client.send(client.build_request("GET", url + EVENTS), stream=True)
            lines = answer.iter_lines()
            assert next(lines).startswith("retry: ")
        assert list(lines)[-2:] == [": the end", ""]  # not broken off: it was said


def test_silence_is_filled_with_heartbeats_and_costs_no_event() -> None:
    event = Event(id="1-0", job="j", tenant="t", event="job.done", time=1.0, progress=1.0, number=1)

    async def scene() -> list[str]:
        heard, closed = asyncio.Event(), asyncio.Event()

        async def events() -> AsyncGenerator[Event, None]:
            try:
                await heard.wait()
                yield event
                await asyncio.Event().wait()
            finally:
                closed.set()

        sent = frames(events(), heartbeat_seconds=0.01)
        lines = [await anext(sent), await anext(sent), await anext(sent)]
        heard.set()
        while not lines[-1].startswith("id: "):
            lines.append(await anext(sent))
        await sent.aclose()  # type: ignore[attr-defined]
        assert closed.is_set()
        return lines

    lines = asyncio.run(scene())
    assert lines[1:3] == [": nothing new\n\n"] * 2
    assert lines[-1] == f"id: 1-0\nevent: job.done\ndata: {event.model_dump_json()}\n\n"
