"""A stand-in for object storage that counts what is read: one folder of files as one read-only bucket.

It speaks as much of S3 as reading takes (GET with Range and If-Match), and takes no memory for what it
serves: films may be large.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType

BUCKET = "bench"


class ObjectStore:
    """Serves the files of a folder as ``s3://bench/<name>``, on a free port, while it is entered."""

    def __init__(self, folder: Path) -> None:
        self.bytes_read: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, folder))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point boto3 here."""
        return {
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{self._server.server_port}",
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }

    def count(self, name: str, size: int) -> None:
        """Count a request and the bytes of its answer."""
        with self._lock:
            self.requests[name] += 1
            self.bytes_read[name] += size

    def __enter__(self) -> ObjectStore:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(store: ObjectStore, folder: Path) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = folder / Path(self.path.partition("?")[0]).name
            span = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            if not path.is_file() or span is None:
                self._answer(404)
                return
            facts = path.stat()
            etag = f'"{facts.st_mtime_ns:x}"'
            if self.headers.get("If-Match", etag) != etag:
                self._answer(412)
                return
            start, end = int(span[1]), min(int(span[2]) + 1, facts.st_size)
            with path.open("rb") as file:
                file.seek(start)
                data = file.read(end - start)
            store.count(path.name, len(data))
            self._answer(
                206, data, {"ETag": etag, "Content-Range": f"bytes {start}-{end - 1}/{facts.st_size}"}
            )

        def _answer(self, status: int, data: bytes = b"", headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(data))} | (headers or {})).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by http.server
            pass

    return Handler
