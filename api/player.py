"""A small web server that plays one published stream: the player page and the stream's folder, read only.

For looking at a result on one's own machine (``gopfarm play``) and for tests. It is not a CDN: one folder, no
encryption, no access control beyond the address it listens on.
"""

from __future__ import annotations

import html
import os
import re
import socket
import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from gopfarm.errors import SourceError, SpecError

STATIC = Path(__file__).parent / "static"
# The only files the page is made of; nothing else of the package is served.
PAGE_FILES = frozenset({"player.css", "player.js", "hls.min.js"})

CONTENT_TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
    ".m4s": "video/iso.segment",
    ".mp4": "video/mp4",
    ".ts": "video/mp2t",
    ".vtt": "text/vtt; charset=utf-8",
    ".json": "application/json",
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}
# hls.js runs its transmuxer in a worker made from a blob and feeds the video element from another.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "media-src 'self' blob:",
        "worker-src 'self' blob:",
        "img-src 'self' data:",
        "base-uri 'none'",
    )
)

BLOCK_BYTES = 256 * 1024
# A client that sends nothing for this long gives its thread back.
IDLE_SECONDS = 60

# RFC 9110, section 14.1.2; of several ranges none is honoured, which section 14.2 allows.
RANGE = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))")


def player_page(title: str, stream: str) -> bytes:
    """Return the page that plays the stream whose master playlist is at the path ``stream``."""
    page = (STATIC / "player.html").read_text(encoding="utf-8")
    filled = page.replace("{{title}}", html.escape(title)).replace("{{stream}}", html.escape(stream))
    return filled.encode()


class PlayerServer:
    """Serves the player page at ``url`` until it is closed. Use it as a context manager."""

    def __init__(self, folder: Path, host: str, port: int) -> None:
        if not folder.is_dir():
            raise SourceError(f"{folder}: no such folder, so there is no stream to play")
        handler = type("Handler", (_Handler,), {"folder": folder.resolve()})
        try:
            self._server = _server_class(host)((host, port), handler)
        except (OSError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise SpecError(
                f"cannot listen on {host}:{port}: {reason}; choose another host or port"
            ) from error
        # A short poll lets close() return at once.
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="player", daemon=True
        )
        self._thread.start()
        everywhere = host in ("", "0.0.0.0", "::")  # noqa: S104 - compared, not bound
        shown = "localhost" if everywhere else f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._server.server_address[1]}/"

    def __enter__(self) -> PlayerServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving and free the port. May be called twice."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def serve_player(folder: Path, host: str = "127.0.0.1", port: int = 0) -> PlayerServer:
    """Serve ``folder`` (one that holds master.m3u8) with the player page; ``port`` 0 takes a free one.

    Raises ``SourceError`` where there is no such folder and ``SpecError`` where the address cannot be used.
    """
    return PlayerServer(folder, host, port)


def _server_class(host: str) -> type[ThreadingHTTPServer]:
    class Server(ThreadingHTTPServer):
        daemon_threads = True
        # Browsers keep connections open; closing must not wait for them.
        block_on_close = False
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Stay silent: a viewer who seeks or leaves breaks connections, and that is no news."""

    return Server


class _Handler(BaseHTTPRequestHandler):
    folder: Path
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Keep quiet: a line for each segment would bury what the command says."""

    def version_string(self) -> str:
        return "gopfarm"

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def _answer(self, *, body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        if path in ("/", "/index.html"):
            self._send_page(body=body)
            return
        file = self._file_for(path)
        try:
            opened = file.open("rb") if file else None
        except OSError:
            opened = None
        if file is None or opened is None:
            self._send_text(HTTPStatus.NOT_FOUND, "no such file\n", body=body)
            return
        with opened:
            self._send_file(file, opened, body=body)

    def _file_for(self, path: str) -> Path | None:
        """Map a URL path to a regular file that lies in one of the two served folders, links resolved."""
        if path.startswith("/static/"):
            name = path.removeprefix("/static/")
            return STATIC / name if name in PAGE_FILES else None
        if not path.startswith("/stream/") or "\0" in path:
            return None
        try:
            file = (self.folder / path.removeprefix("/stream/").lstrip("/")).resolve()
            inside = file.is_relative_to(self.folder) and file.is_file()
        except (OSError, RuntimeError, ValueError):
            return None
        return file if inside else None

    def _send_page(self, *, body: bool) -> None:
        data = player_page(self.folder.name, "/stream/master.m3u8")
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", CONTENT_TYPES[".html"])
        self.send_header("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data)

    def _send_text(self, status: HTTPStatus, text: str, *, body: bool, **headers: str) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if body:
            self.wfile.write(data)

    def _send_file(self, path: Path, file: BinaryIO, *, body: bool) -> None:
        size = os.fstat(file.fileno()).st_size
        # RFC 9110, section 14.2: Range means something to GET only.
        asked = self.headers.get("Range") if body else None
        span = byte_span(asked, size)
        if span is None:
            self._send_text(
                HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
                "no such range\n",
                body=body,
                Content_Range=f"bytes */{size}",
            )
            return
        partial, start, end = span
        self.send_response(HTTPStatus.PARTIAL_CONTENT if partial else HTTPStatus.OK)
        self.send_header("Content-Type", CONTENT_TYPES.get(path.suffix.lower(), "application/octet-stream"))
        self.send_header("Content-Length", str(end - start))
        self.send_header("Accept-Ranges", "bytes")
        if partial:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        self.end_headers()
        if body:
            for block in _blocks(file, start, end):
                self.wfile.write(block)


def byte_span(header: str | None, size: int) -> tuple[bool, int, int] | None:
    """Read a Range header as (partial?, start, end), the end excluded; None where no byte of it exists.

    A header that is not understood is ignored, as RFC 9110 section 14.2 asks.
    """
    match = RANGE.fullmatch(header.strip()) if header else None
    if match is None:
        return False, 0, size
    first, last, suffix = match.groups()
    if suffix is not None:
        start, end = max(size - int(suffix), 0), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < int(first):
            return False, 0, size
    return (True, start, end) if start < end else None


def _blocks(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    file.seek(start)
    left = end - start
    while left > 0:
        block = file.read(min(BLOCK_BYTES, left))
        if not block:
            raise ConnectionAbortedError("the file became shorter while it was sent")
        left -= len(block)
        yield block
