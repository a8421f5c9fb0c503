"""The API as a real server on a free port, in a thread of this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from api.app import create_app
from api.server import ApiServer, listen
from gopfarm.settings import Settings
from gopfarm.tokens import ApiToken, Scope, digest_of

PATIENCE_SECONDS = 60


def settings_for(redis_url: str, **fields: Any) -> Settings:
    """Settings of an API that lets tests ask as often as they like."""
    return Settings(**{"redis_url": redis_url, "api_rate": 1e6, **fields})


def allow(token: str, *scopes: Scope, tenants: tuple[str, ...] | None = None) -> ApiToken:
    """The entry that lets a token in."""
    return ApiToken.model_validate({"sha256": digest_of(token), "scopes": scopes, "tenants": tenants})


@contextmanager
def serving(settings: Settings, port: int = 0) -> Iterator[str]:
    """Serve a farm; gives the address."""
    with listen("127.0.0.1", port) as listener:
        server = ApiServer(create_app(settings), listener)
        thread = threading.Thread(target=server.serve_forever, name="api")
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive(), "the server has not ended"


@contextmanager
def calling(url: str, token: str | None = None) -> Iterator[httpx.Client]:
    """Give a client that calls with a token."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    # Nothing is encrypted here, and reading certificates takes longer than most tests.
    with httpx.Client(base_url=url, headers=headers, timeout=PATIENCE_SECONDS, verify=False) as client:
        yield client


def problem(response: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    """Check that a response is a problem of a kind; return its document."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["status"] == status
    assert document["type"] == f"urn:gopfarm:problem:{kind}"
    assert document["request_id"] == response.headers["X-Request-ID"]
    return document
