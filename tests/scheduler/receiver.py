"""A receiver of webhooks: a real https server on loopback that answers as its test wants."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trustme

#: The name in the receiver's certificate, besides 127.0.0.1.
NAME = "hooks.example.com"


@dataclass(frozen=True)
class Got:
    """A request that came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.body)
        return document


class Receiver(ThreadingHTTPServer):
    """``status`` answers every request; while ``held`` is not set, none is answered."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, authority: trustme.CA, address: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__((address, port), _Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(NAME, "127.0.0.1").configure_cert(context)
        # The handshake is made by the request's own thread, or one that is slow would hold up the others.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.status = 204
        self.location = ""
        self.got: list[Got] = []
        self.held = threading.Event()
        self.held.set()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that hang up."""


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append(Got(self.path, dict(self.headers), body))
        self.server.held.wait(60)
        self.send_response(self.server.status)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@contextmanager
def serving(server: Receiver) -> Iterator[Receiver]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.held.set()
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Names:
    """A resolver whose answers a test gives; it keeps what it was asked. The last answer stays."""

    answers: dict[str, list[list[str]]]
    asked: list[str] = field(default_factory=list)

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        left = self.answers[host]
        return left.pop(0) if len(left) > 1 else left[0]


def trust_file(authority: trustme.CA, folder: Path) -> Path:
    """Write the authority's certificate where ``SSL_CERT_FILE`` can name it."""
    path = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return path
