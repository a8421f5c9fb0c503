"""A proxy in front of an HTTP server that does to its requests what networks and storage do on bad days.

``FaultProxy(url)`` listens on a free port of its own. Rules say which requests meet which fault::

    with FaultProxy("http://127.0.0.1:9000") as proxy:
        proxy.add("slow-down", method="PUT", key=r"\\.m4s$", times=3)
        proxy.add("hang", method="GET", seconds=10)
        proxy.refuse(20)  # nobody listens for 20 s

S3's signatures cover the Host header, which the server gets as the client wrote it.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

#: Faults that are an answer: status and S3's code.
ANSWERS = {
    "internal-error": (500, "InternalError"),
    "slow-down": (503, "SlowDown"),
    "too-many-requests": (429, "TooManyRequests"),
    "expired-token": (400, "ExpiredToken"),
    "invalid-access-key": (403, "InvalidAccessKeyId"),
    "access-denied": (403, "AccessDenied"),
    "no-such-bucket": (404, "NoSuchBucket"),
    "permanent-redirect": (301, "PermanentRedirect"),
    "request-timeout": (400, "RequestTimeout"),
}

#: Faults of the connection, by when they strike.
CONNECTION_FAULTS = (
    "reset",  # before a byte of the body is read; the server hears nothing
    "reset-upload",  # in the middle of the request's body; the server hears nothing
    "slow-upload",  # the request's body is read at ``bytes_per_second``
    "reset-answer",  # after the server has done it, instead of its answer
    "reset-body",  # in the middle of the answer's body
    "truncate",  # the same, but as an orderly end of the connection
    "trickle",  # the answer's body comes at ``bytes_per_second``
    "hang",  # nothing happens until the rule ends; then the connection is reset
)

FAULTS = (*ANSWERS, *CONNECTION_FAULTS)

#: Headers that belong to one connection.
_HOP_HEADERS = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "expect"})

_TICK_SECONDS = 0.05


@dataclass
class Rule:
    """Which requests meet a fault, see ``FaultProxy.add``. ``hits`` counts those that have met it."""

    fault: str
    method: str
    key: str
    times: int | None
    until: float
    bytes_per_second: int
    hits: int = 0

    @property
    def ended(self) -> bool:
        """Tell whether no further request meets this fault."""
        return (self.times is not None and self.hits >= self.times) or time.monotonic() >= self.until


@dataclass(frozen=True)
class Exchange:
    """A request that came, and the fault it met, if any. ``path`` has no query."""

    method: str
    path: str
    fault: str | None
    headers: dict[str, str] = field(compare=False, default_factory=dict)


class FaultProxy:
    """An HTTP proxy with faults. Every method may be used from any thread.

    Args:
        target: The server behind it, ``http://host:port``.
        change: Called with each answer's headers before they are sent on, to falsify them.
    """

    def __init__(self, target: str, change: Callable[[dict[str, str]], None] | None = None) -> None:
        parts = urlsplit(target)
        assert parts.hostname
        assert parts.port
        self.target = (parts.hostname, parts.port)
        self.change = change
        self.exchanges: list[Exchange] = []
        self._rules: list[Rule] = []
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._closed = threading.Event()
        self._server = self._listen(0)
        self.port: int = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"

    def add(
        self,
        fault: str,
        *,
        method: str = "",
        key: str = "",
        times: int | None = None,
        seconds: float = float("inf"),
        bytes_per_second: int = 1024,
    ) -> Rule:
        """Let requests meet a fault; of several rules that fit, the oldest that has not ended counts.

        Args:
            fault: One of ``FAULTS``.
            method: ``GET``, ``PUT``...; any by default.
            key: Regular expression that is searched for in the path (without query); any path by default.
            times: How many requests; all by default.
            seconds: For how long from now.
            bytes_per_second: How fast bodies go, for the slow faults.
        """
        if fault not in FAULTS:
            raise ValueError(f"there is no fault {fault!r}; there are {', '.join(FAULTS)}")
        rule = Rule(fault, method, key, times, time.monotonic() + seconds, bytes_per_second)
        with self._lock:
            self._rules.append(rule)
        return rule

    def clear(self) -> None:
        """End all rules."""
        with self._lock:
            for rule in self._rules:
                rule.until = 0.0
            self._rules.clear()

    def refuse(self, seconds: float | None = None) -> None:
        """Drop all connections and refuse new ones, for a time or until ``accept``. Does not wait."""
        with self._lock:
            self._server.shutdown()
            self._server.server_close()
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)  # its handler, which may read from it, closes it
            self._connections.clear()
        if seconds is not None:
            timer = threading.Timer(seconds, self.accept)
            timer.daemon = True
            timer.start()

    def accept(self) -> None:
        """End ``refuse``."""
        with self._lock:
            if not self._closed.is_set():
                self._server = self._listen(self.port)

    def count(self, method: str, key: str = "") -> int:
        """Return how many requests of a method came for a path that ``key`` is found in."""
        return sum(one.method == method and bool(re.search(key, one.path)) for one in list(self.exchanges))

    def close(self) -> None:
        """End everything, hanging connections included."""
        self._closed.set()
        self.clear()
        self.refuse()

    def __enter__(self) -> FaultProxy:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def choose(self, handler: BaseHTTPRequestHandler) -> Rule | None:
        """Return the rule that a request falls under, and count it."""
        path = urlsplit(handler.path).path
        with self._lock:
            fitting = (
                rule
                for rule in self._rules
                if not rule.ended and rule.method in ("", handler.command) and re.search(rule.key, path)
            )
            rule = next(fitting, None)
            if rule is not None:
                rule.hits += 1
            fault = rule and rule.fault
            self.exchanges.append(Exchange(handler.command, path, fault, dict(handler.headers.items())))
        return rule

    def pause(self, rule: Rule, seconds: float) -> bool:
        """Wait; False when the rule or the proxy has ended meanwhile."""
        until = time.monotonic() + seconds
        while (now := time.monotonic()) < min(until, rule.until):
            if self._closed.wait(min(_TICK_SECONDS, until - now)):
                return False
        return time.monotonic() < rule.until

    def opened(self, connection: socket.socket) -> None:
        """Note a connection, so that ``refuse`` can drop it."""
        with self._lock:
            self._connections.add(connection)

    def ended(self, connection: socket.socket) -> None:
        """Forget a connection."""
        with self._lock:
            self._connections.discard(connection)

    def _listen(self, port: int) -> _Server:
        server = _Server(("127.0.0.1", port), _Handler)
        server.proxy = self
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True, name="proxy").start()
        return server


class _Server(ThreadingHTTPServer):
    proxy: FaultProxy
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of connections that break: that is what they are here for."""


class _ResetError(Exception):
    """The client's connection is to be reset."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    wbufsize = -1

    def setup(self) -> None:
        super().setup()
        self.server.proxy.opened(self.connection)

    def finish(self) -> None:
        self.server.proxy.ended(self.connection)
        with contextlib.suppress(OSError, ValueError):
            super().finish()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def handle_expect_100(self) -> bool:
        """Answer at once: boto3 waits a second for it before it sends the body all the same."""
        told = super().handle_expect_100()
        self.wfile.flush()
        return told

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._do
        raise AttributeError(name)

    def _do(self) -> None:
        rule = self.server.proxy.choose(self)
        try:
            self._meet(rule)
            self.wfile.flush()
        except (_ResetError, OSError, http.client.HTTPException):
            self.close_connection = True
            _reset(self.connection)

    def _meet(self, rule: Rule | None) -> None:
        fault = rule.fault if rule else None
        if rule and fault == "hang":
            self.server.proxy.pause(rule, float("inf"))
            raise _ResetError
        if fault == "reset":
            raise _ResetError
        body = self._read_body(rule)
        if fault in ANSWERS:
            self._refuse(*ANSWERS[fault])
            return
        status, reason, headers, data = self._forward(body)
        if fault == "reset-answer":
            raise _ResetError
        if self.server.proxy.change is not None:
            self.server.proxy.change(headers)
        self.send_response_only(status, reason)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self._send_body(data, rule)

    def _read_body(self, rule: Rule | None) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._read_chunks()
        length = int(self.headers.get("Content-Length") or 0)
        if rule and rule.fault == "reset-upload":
            self.rfile.read(length // 2)
            raise _ResetError
        if rule and rule.fault == "slow-upload":
            parts = []
            while length:
                parts.append(self.rfile.read(min(length, max(1, rule.bytes_per_second // 10))))
                length -= len(parts[-1])
                if not parts[-1]:
                    raise _ResetError
                self.server.proxy.pause(rule, 0.1)
            return b"".join(parts)
        return self.rfile.read(length)

    def _read_chunks(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(parts)

    def _forward(self, body: bytes) -> tuple[int, str, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(*self.server.proxy.target, timeout=60)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in _HOP_HEADERS:
                    connection.putheader(name, value)
            if body or self.command in ("PUT", "POST"):
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            data = answer.read()
            headers = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP_HEADERS}
            length = answer.headers.get("Content-Length") if self.command == "HEAD" else None
            if answer.status != 204:
                headers["Content-Length"] = length or str(len(data))
            return answer.status, answer.reason, headers, data
        finally:
            connection.close()

    def _send_body(self, data: bytes, rule: Rule | None) -> None:
        fault = rule.fault if rule else None
        if fault in ("reset-body", "truncate"):
            self.wfile.write(data[: len(data) // 2])
            self.wfile.flush()
            if fault == "reset-body":
                time.sleep(_TICK_SECONDS)  # a reset overtakes what the client has not taken in yet
                raise _ResetError
            self.close_connection = True
        elif rule and fault == "trickle":
            step = max(1, rule.bytes_per_second // 10)
            for at in range(0, len(data), step):
                self.wfile.write(data[at : at + step])
                self.wfile.flush()
                if not self.server.proxy.pause(rule, 0.1):
                    raise _ResetError
        else:
            self.wfile.write(data)

    def _refuse(self, status: int, code: str) -> None:
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>a fault</Message></Error>".encode()
        self.send_response_only(status, code)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _reset(connection: socket.socket) -> None:
    """Close a connection so that the other side gets a reset, whatever is on its way."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
