"""Who may do what: every route, with every scope, for every tenant. A new route is tested by being there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import redis
from fastapi.routing import iter_route_contexts

from api.app import create_app
from gopfarm.store import JobState, TaskStore
from gopfarm.tokens import SCOPES, ApiToken, Scope, digest_of, find_token, new_token
from tests.api.serving import allow, calling, problem, serving, settings_for
from tests.api.test_listing import make

#: Routes that need no token: health, the API's own description, and pages that are the same for everybody.
OPEN = {"/healthz", "/readyz", "/openapi.json", "/", "/player", "/static/{name}", "/dashboard/{name}"}

#: Routes that any token may ask.
ANY_SCOPE = {"/api/v1/token"}

#: What stands for the parts of a path.
PARTS = {"job_id": "theirs", "webhook_id": "theirs:1", "path": "master.m3u8"}

BODIES: dict[str, Any] = {
    "/api/v1/jobs": {"source": "s3://films/film.mp4", "destination": "s3://streams/film", "tenant": "school"},
    "/api/v1/jobs/{job_id}/priority": {"priority": 9},
}


def described() -> dict[str, Any]:
    document: dict[str, Any] = create_app(settings_for("redis://nowhere.invalid")).openapi()
    return document


def operations() -> list[tuple[str, str, set[str] | None]]:
    """Return method, path and needed scopes of all that the API describes; None where it is open."""
    return [
        (method.upper(), path, set(entry["security"][0]["token"]) if "security" in entry else None)
        for path, entries in described()["paths"].items()
        for method, entry in entries.items()
    ]


OPERATIONS = operations()
GUARDED = [operation for operation in OPERATIONS if operation[2] is not None]


def named(scope: Scope) -> str:
    """A name for the token of a scope: a scope is none itself."""
    return scope.replace(":", ".")


@pytest.fixture(scope="session")
def guarded_url(valkey_url: str) -> Iterator[str]:
    """Address of an API with a token for each scope, and for each scope one for another tenant."""
    tokens = {named(scope): allow(f"token {scope}", scope) for scope in SCOPES}
    others = {scope: allow(f"other {scope}", scope, tenants=("news",)) for scope in SCOPES}
    tokens |= {f"other-{named(scope)}": token for scope, token in others.items()}
    with serving(settings_for(valkey_url, api_tokens=tokens)) as url:
        yield url


@pytest.fixture
def theirs(valkey: redis.Redis, store: TaskStore) -> None:
    """A job of tenant school with a webhook that waits."""
    fields = {"tenant": "school", "webhook": "https://hooks.example/", "webhook_events": ["job.failed"]}
    make(store, "theirs", JobState.FAILED, **fields)


def call(client: httpx.Client, method: str, path: str) -> httpx.Response:
    filled = re.sub(r"\{(\w+)(:path)?\}", lambda match: PARTS[match[1]], path)
    if path.endswith("/events"):
        with client.stream(method, filled) as answer:  # it goes on for ever
            if answer.is_error:
                answer.read()
            return answer
    return client.request(method, filled, json=BODIES.get(path))


def test_every_route_is_described_and_guarded() -> None:
    app = create_app(settings_for("redis://nowhere.invalid"))
    assert {path for _, path, scopes in OPERATIONS if scopes is None} <= OPEN
    assert {path for _, path, scopes in OPERATIONS if scopes == set()} == ANY_SCOPE
    paths = {getattr(context, "path", None) for context in iter_route_contexts(app.routes)}
    assert paths - OPEN == {path.replace("{path}", "{path:path}") for _, path, _ in OPERATIONS} - OPEN


@pytest.mark.parametrize(("method", "path", "scopes"), GUARDED, ids=lambda part: str(part))
def test_a_route_lets_in_only_its_scope(
    guarded_url: str, theirs: None, method: str, path: str, scopes: set[str]
) -> None:
    with calling(guarded_url) as nobody:
        answer = call(nobody, method, path)
        problem(answer, 401, "unauthorized")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    with calling(guarded_url, "token of nobody") as stranger:
        problem(call(stranger, method, path), 401, "unauthorized")
    for scope in SCOPES:
        with calling(guarded_url, f"token {scope}") as client:
            answer = call(client, method, path)
        if scopes <= {scope}:
            assert answer.status_code not in (401, 403), answer
        else:
            said = problem(answer, 403, "forbidden")
            assert next(iter(scopes)) in said["detail"]


@pytest.mark.parametrize(
    ("method", "path", "scopes"),
    [operation for operation in GUARDED if "{" in operation[1]],
    ids=lambda part: str(part),
)
def test_another_tenants_things_do_not_exist(
    guarded_url: str, theirs: None, store: TaskStore, method: str, path: str, scopes: set[str]
) -> None:
    before = store.view("theirs")
    with calling(guarded_url, f"other {next(iter(scopes))}") as client:
        problem(call(client, method, path), 404, "not-found")
    assert store.view("theirs") == before


def test_lists_have_only_the_tokens_own_tenants(guarded_url: str, theirs: None, store: TaskStore) -> None:
    make(store, "ours", JobState.FAILED, tenant="news", webhook="https://hooks.example/")
    with calling(guarded_url, "other jobs:read") as client:
        jobs = client.get("/api/v1/jobs").json()["jobs"]
        assert [job["id"] for job in jobs] == ["ours"]
        assert client.get("/api/v1/jobs", params={"tenant": "school"}).json()["jobs"] == []
        webhooks = client.get("/api/v1/webhooks").json()["webhooks"]
        assert [webhook["job"] for webhook in webhooks] == ["ours"]
        problem(client.get("/api/v1/webhooks", params={"job": "theirs"}), 404, "not-found")


def test_the_farm_tells_only_the_tokens_own_tenants(valkey_url: str, store: TaskStore) -> None:
    make(store, "ours", tenant="news")
    make(store, "theirs", tenant="school")
    tokens = {"all": allow("all", "farm:read"), "news": allow("news", "farm:read", tenants=("news",))}
    told = {}
    with serving(settings_for(valkey_url, api_tokens=tokens)) as url:
        for token in tokens:
            with calling(url, token) as client:
                rows = client.get("/api/v1/farm").json()["tenants"]
                told[token] = [row["tenant"] for row in rows]
    assert told == {"all": ["news", "school"], "news": ["news"]}


def test_a_token_can_ask_what_it_is(guarded_url: str) -> None:
    with calling(guarded_url, "other jobs:read") as client:
        assert client.get("/api/v1/token").json() == {
            "name": "other-jobs.read",
            "scopes": ["jobs:read"],
            "tenants": ["news"],
        }


@pytest.mark.parametrize("header", ["", "Bearer", "Basic dG9rZW4=", "token jobs:read", "Bearer \xff"])
def test_what_is_no_bearer_token_lets_nobody_in(guarded_url: str, header: str) -> None:
    with calling(guarded_url) as client:
        answer = client.get("/api/v1/jobs", headers=[(b"Authorization", header.encode("latin-1"))])
    problem(answer, 401, "unauthorized")


def test_a_token_is_known_by_its_digest_only() -> None:
    token = new_token()
    known = {"a": allow(new_token(), "jobs:read"), "b": allow(token, "jobs:read")}
    assert find_token(token, known) == "b"
    assert find_token(token[:-1], known) is None
    assert find_token(digest_of(token), known) is None
    assert digest_of(token) not in repr(known)
    assert ApiToken(sha256=digest_of(token).upper(), scopes={"jobs:read"}).sha256 == digest_of(token)


# Without tokens, whoever is on this machine may do everything; web pages of others may not.


def test_without_tokens_only_this_machine_is_answered(api: httpx.Client) -> None:
    assert api.get("/api/v1/jobs", headers={"Host": "localhost:8080"}).status_code == 200
    assert api.get("/api/v1/jobs", headers={"Host": "[::1]"}).status_code == 200
    problem(api.get("/api/v1/jobs", headers={"Host": "rebound.example:8080"}), 403, "forbidden")


@pytest.mark.parametrize(
    "host",
    ["", "a{b.evil.example:8080", "evil.example:x", "evil.example: 80", "localhost@evil.example", "[::1"],
)
def test_without_tokens_a_host_that_is_none_is_not_taken_for_this_machine(
    api: httpx.Client, host: str
) -> None:
    problem(api.get("/api/v1/jobs", headers={"Host": host}), 403, "forbidden")


def test_without_tokens_web_pages_of_others_change_nothing(api: httpx.Client, store: TaskStore) -> None:
    make(store, "job")
    own = f"http://{api.base_url.host}:{api.base_url.port}"
    for origin in ("https://evil.example", "null", "http://["):
        foreign = api.post("/api/v1/jobs/job/cancel", headers={"Origin": origin})
        problem(foreign, 403, "forbidden")
    assert store.state("job") is JobState.QUEUED
    assert api.post("/api/v1/jobs/job/cancel", headers={"Origin": own}).status_code == 200
