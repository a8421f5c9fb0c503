"""What every answer has in common: problems, headers, ids of requests, limits, metrics."""

from __future__ import annotations

import json
import re
import threading
from typing import get_args

import httpx
import pytest
import redis
from prometheus_client import REGISTRY

from api.problems import KINDS, ProblemName
from api.ratelimit import RateLimit
from cli.embedded import PrivateValkey
from gopfarm.log import configure_logging
from gopfarm.store import Fleet, TaskStore
from tests.api.serving import PATIENCE_SECONDS, allow, calling, problem, serving, settings_for
from tests.api.test_auth import OPERATIONS, PARTS
from tests.api.test_listing import make
from tests.gopfarm.store.jobs import begin

JOBS = "/api/v1/jobs"

#: All that can be read, but for streams.
READ = [path for method, path, _ in OPERATIONS if method == "GET" and not path.endswith("/events")]


def test_what_does_not_exist_is_a_problem(api: httpx.Client) -> None:
    said = problem(api.get("/nothing"), 404, "not-found")
    assert said["instance"] == "/nothing"
    answer = api.put(JOBS, json={})
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["Allow"] == "GET, HEAD, POST"
    for path in ("a%20b", "x" * 65, "%2e%2e", "a%00b"):
        problem(api.get(f"{JOBS}/{path}"), 404, "not-found")


def test_parameters_that_are_wrong_are_named(api: httpx.Client) -> None:
    answer = api.get(JOBS, params={"limit": 0, "state": "asleep", "q": "x" * 300})
    said = problem(answer, 422, "invalid")
    assert {(error["location"], error["field"]) for error in said["errors"]} == {
        ("query", "limit"),
        ("query", "state"),
        ("query", "q"),
    }


def test_parameters_that_do_not_exist_are_refused_and_those_that_do_are_named(api: httpx.Client) -> None:
    """A filter with a slip in its name must not list everything."""
    said = problem(api.get(JOBS, params={"stat": "failed", "limit": 5}), 422, "invalid")
    (error,) = said["errors"]
    assert (error["location"], error["field"]) == ("query", "stat")
    assert "tenant, state, q, limit, cursor" in error["detail"]
    said = problem(api.get("/api/v1/farm", params={"a": 1}), 422, "invalid")
    assert "this operation has none" in said["detail"]


def test_a_bug_is_a_problem_that_tells_nothing_and_a_line_that_tells_all(
    valkey_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("error", json=True)
    with serving(settings_for(valkey_url)) as url, calling(url) as client:
        monkeypatch.setattr("api.routes.jobs.details_of", lambda *_: 1 / 0)
        monkeypatch.setattr("api.routes.jobs.view_for", lambda *_: None)
        answer = client.get(f"{JOBS}/x", headers={"X-Request-ID": "call-7"})
        said = problem(answer, 500, "internal")
        assert "division" not in answer.text
        assert said["request_id"] == "call-7"
        assert client.get("/healthz").status_code == 200
    (line,) = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert line["request_id"] == "call-7"
    assert "ZeroDivisionError" in line["exception"]


def test_redis_may_go_and_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    valkey = PrivateValkey()
    try:
        with serving(settings_for(valkey.url)) as url, calling(url) as client:
            assert client.get("/readyz").json() == {"status": "ok", "schedulers": 0}
            valkey.stop()
            for path in (JOBS, "/api/v1/farm", "/api/v1/webhooks", "/api/v1/events", "/readyz"):
                answer = client.get(path)
                problem(answer, 503, "unavailable")
                assert int(answer.headers["Retry-After"]) > 0
            assert client.get("/healthz").json() == {"status": "ok"}
    finally:
        valkey.stop()


def test_requests_have_ids(api: httpx.Client) -> None:
    assert api.get("/healthz", headers={"X-Request-ID": "a-1"}).headers["X-Request-ID"] == "a-1"
    made = {
        api.get("/healthz", headers={"X-Request-ID": given}).headers["X-Request-ID"] for given in ("", "a b")
    }
    assert len(made) == 2
    assert not made & {"", "a b"}


def test_answers_forbid_browsers_what_they_need_not(api: httpx.Client) -> None:
    for path in ("/healthz", JOBS, "/nothing"):
        headers = api.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "Access-Control-Allow-Origin" not in headers
        assert "Server" not in headers


#: By so many bytes two answers to the same question may differ, for the sake of the times in them.
MOST_DIGITS = 40


@pytest.mark.parametrize("path", READ)
def test_whatever_can_be_got_can_be_asked_for_by_its_head(
    api: httpx.Client, store: TaskStore, path: str
) -> None:
    begin(store, "theirs")
    path = re.sub(r"\{(\w+)\}", lambda match: PARTS[match[1]], path)
    got, head = api.get(path), api.head(path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    told = ("Content-Type", "Content-Encoding", "Content-Security-Policy")
    assert [head.headers.get(name) for name in told] == [got.headers.get(name) for name in told]
    # Bodies tell the time, of which not every moment has as many digits.
    lengths = [int(answer.headers.get("Content-Length", -1)) for answer in (got, head)]
    assert lengths[1] == pytest.approx(lengths[0], abs=MOST_DIGITS)
    assert ("Content-Length" in head.headers) == ("Content-Length" in got.headers)


def test_streams_of_events_and_what_cannot_be_got_have_no_head(api: httpx.Client, store: TaskStore) -> None:
    make(store, "job")
    for path, allowed in (
        ("/api/v1/events", "GET"),
        (f"{JOBS}/job/events", "GET"),
        (f"{JOBS}/job/retry", "POST"),
    ):
        answer = api.head(path)
        assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)


def test_pages_of_allowed_origins_may_call(valkey_url: str, valkey: redis.Redis) -> None:
    tokens = {"a": allow("a", "jobs:read")}
    settings = settings_for(valkey_url, api_tokens=tokens, api_origins=["https://ops.example"])
    wanted = "authorization, traceparent, tracestate"
    ask = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": wanted}
    with serving(settings) as url, calling(url) as client:
        allowed = client.options(JOBS, headers=ask | {"Origin": "https://ops.example"})
        assert allowed.status_code == 200, allowed.text
        assert allowed.headers["Access-Control-Allow-Origin"] == "https://ops.example"
        refused = client.options(JOBS, headers=ask | {"Origin": "https://evil.example"})
        assert "Access-Control-Allow-Origin" not in refused.headers
        answer = client.get(JOBS, headers={"Origin": "https://ops.example", "Authorization": "Bearer a"})
        assert answer.headers["Access-Control-Allow-Origin"] == "https://ops.example"
        assert "X-Request-ID" in answer.headers["Access-Control-Expose-Headers"]


def test_long_answers_are_compressed(api: httpx.Client, store: TaskStore) -> None:
    for number in range(20):
        make(store, f"job-{number}")
    assert api.get(JOBS).headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in api.get("/healthz").headers


def test_a_token_that_asks_too_often_has_to_wait(valkey: redis.Redis, valkey_url: str) -> None:
    tokens = {"a": allow("a", "jobs:read"), "b": allow("b", "jobs:read")}
    settings = settings_for(valkey_url, api_tokens=tokens, api_rate=0.001)
    with serving(settings) as url, calling(url, "a") as a, calling(url, "b") as b:
        assert a.get(JOBS).status_code == 200
        answer = a.get(JOBS)
        problem(answer, 429, "too-many-requests")
        assert 900 < int(answer.headers["Retry-After"]) <= 1000
        assert b.get(JOBS).status_code == 200
        assert a.get("/healthz").status_code == 200


def test_a_bucket_fills_again_and_no_further() -> None:
    now = 100.0
    limit = RateLimit(2.0, lambda: now)
    assert [limit.take("x") for _ in range(5)] == [0, 0, 0, 0, 0.5]
    now += 0.5
    assert [limit.take("x") for _ in range(2)] == [0, 0.5]
    now += 1000
    assert [limit.take("x") for _ in range(5)] == [0, 0, 0, 0, 0.5]


def test_requests_are_counted_by_route(api: httpx.Client) -> None:
    def count(route: str, status: int) -> float:
        labels = {"method": "GET", "route": route, "status": str(status)}
        return REGISTRY.get_sample_value("gopfarm_http_requests_total", labels) or 0.0

    before = count("/api/v1/jobs/{job_id}", 404), count("other", 404)
    for name in ("a", "b"):
        api.get(f"{JOBS}/{name}")
        api.get(f"/{name}")
    assert count("/api/v1/jobs/{job_id}", 404) == before[0] + 2
    assert count("other", 404) == before[1] + 2


def test_every_kind_of_problem_can_be_named_once() -> None:
    assert sorted(kind.name for kind in KINDS) == sorted(get_args(ProblemName))


def test_a_slow_request_is_finished_before_the_server_ends(
    valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    answers: list[int] = []

    def slow(fleet: Fleet) -> list[str]:
        begun.set()
        assert go_on.wait(PATIENCE_SECONDS)
        return []

    def ask(url: str) -> None:
        with calling(url) as client:
            answers.append(client.get("/readyz").status_code)

    monkeypatch.setattr(Fleet, "schedulers", slow)
    timer = threading.Timer(0.2, go_on.set)  # by then the server has been told to end
    with serving(settings_for(valkey_url)) as url:
        asks = threading.Thread(target=ask, args=(url,))
        asks.start()
        assert begun.wait(PATIENCE_SECONDS)
        timer.start()
    asks.join(PATIENCE_SECONDS)
    assert answers == [200]
