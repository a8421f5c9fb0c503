from __future__ import annotations

import hashlib
import hmac
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from gopfarm.store import JobState, JobView
from scheduler.notify import NotDeliveredError, payload, post, sign

SECRET = "hush"
VIEW = JobView(
    id="j",
    state=JobState.DONE,
    tenant="t",
    priority=5,
    source="s",
    destination="d",
    metadata={"id": 17, "name": "Grüße"},
)


class Receiver(HTTPServer):
    """A server that answers as its test wants and keeps what it gets."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 204
        self.location = ""
        self.got: list[tuple[str, dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.got.append((f"{self.command} {self.path}", dict(self.headers), body))
        self.send_response(self.server.status)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET = _answer  # noqa: N815 - names that http.server asks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


def test_the_receiver_gets_the_job_as_json(receiver: Receiver) -> None:
    post(f"{receiver.url}/done?x=1", payload(VIEW), None)
    ((request, headers, body),) = receiver.got
    assert request == "POST /done?x=1"
    assert headers["Content-Type"] == "application/json"
    assert "Gopfarm-Signature" not in headers
    assert json.loads(body) == {"event": "job.done", "job": VIEW.model_dump(mode="json")}


def test_a_receiver_can_verify_the_signature_with_the_shared_secret(receiver: Receiver) -> None:
    post(receiver.url, payload(VIEW), SECRET)
    ((_, headers, body),) = receiver.got
    match = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", headers["Gopfarm-Signature"])
    assert match
    assert abs(int(match[1]) - time.time()) < 60
    expected = hmac.new(SECRET.encode(), match[1].encode() + b"." + body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(match[2], expected)


def test_a_signature_is_good_for_one_body_one_time_and_one_secret() -> None:
    signatures = {sign(b"a", "s", 1), sign(b"b", "s", 1), sign(b"a", "s", 2), sign(b"a", "t", 1)}
    assert len(signatures) == 4


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(receiver: Receiver, status: int) -> None:
    receiver.status, receiver.location = status, f"{receiver.url}/inner"
    with pytest.raises(NotDeliveredError, match=f"the receiver answered {status}"):
        post(f"{receiver.url}/done", payload(VIEW), SECRET)
    assert [request for request, _, _ in receiver.got] == ["POST /done"]


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_a_refused_webhook_is_not_delivered_and_sent_once(receiver: Receiver, status: int) -> None:
    receiver.status = status
    with pytest.raises(NotDeliveredError, match=f"the receiver answered {status}"):
        post(receiver.url, payload(VIEW), SECRET)
    assert len(receiver.got) == 1


def test_a_receiver_that_is_not_there_is_an_undelivered_webhook() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(NotDeliveredError):
        post(f"http://127.0.0.1:{port}/", payload(VIEW), SECRET)


def test_a_receiver_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scheduler.notify._TIMEOUT_SECONDS", 0.2)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.raises(NotDeliveredError, match="Timeout"),
    ):
        post(f"http://127.0.0.1:{server.getsockname()[1]}/", payload(VIEW), SECRET)
