"""A bucket whose server remembers what is stored in which order, and holds back what comes too early."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

#: Seconds for which an object is held back at most. Then ``late`` names it, and nothing is held back again.
_PATIENCE_SECONDS = 40


@dataclass(frozen=True)
class Stored:
    """One version of an object; ``key`` is relative to the destination."""

    key: str
    version: str


class WatchedBucket:
    """A bucket on a moto server of its own, which answers one request at a time.

    So the order in which it remembers the versions of objects is that in which any reader could see them.

    Args:
        client: A boto3 client of any moto server of this process.
        wanted: Tells of an object that is about to be stored whether it may be, by its key. Called again
            after each object that is stored.
    """

    prefix = "streams/film/"

    def __init__(self, client: Any, wanted: Callable[[WatchedBucket, str], bool]) -> None:
        self._client, self._wanted = client, wanted
        self._app = DomainDispatcherApplication(create_backend_app)
        self._changed = threading.Condition()
        self._answering = threading.Lock()
        self.log: list[Stored] = []
        self.late: list[str] = []
        self._released = False
        self.name = f"watched-{uuid.uuid4().hex[:8]}"
        self.url = f"s3://{self.name}/{self.prefix}".rstrip("/")
        client.create_bucket(Bucket=self.name)
        client.put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": "Enabled"})

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request (WSGI)."""
        start = f"/{self.name}/{self.prefix}"
        path: str = environ["PATH_INFO"]
        stores = environ["REQUEST_METHOD"] == "PUT" and path.startswith(start)
        key = path.removeprefix(start)

        def answer(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            if stores and status.startswith("200"):
                with self._changed:
                    self.log.append(Stored(key, dict(headers)["x-amz-version-id"]))
                    self._changed.notify_all()
            return start_response(status, headers, *more)

        if stores:
            with self._changed:
                if not self._changed.wait_for(
                    lambda: self._released or bool(self.late) or self._wanted(self, key), _PATIENCE_SECONDS
                ):
                    self.late.append(key)
                    self._changed.notify_all()
        with self._answering:
            return self._app(environ, answer)

    def release(self) -> None:
        """Hold nothing back any more."""
        with self._changed:
            self._released = True
            self._changed.notify_all()

    def objects(self) -> list[str]:
        """Return the keys of what is there now."""
        found = self._client.list_objects_v2(Bucket=self.name, Prefix=self.prefix)
        return [entry["Key"].removeprefix(self.prefix) for entry in found.get("Contents", [])]

    def versions(self, key: str) -> list[str]:
        """Return the names of the versions of an object, the first one first."""
        return [stored.version for stored in self.log if stored.key == key]

    def read(self, stored: Stored) -> Any:
        """Return a version of an object with its headers, as boto3 does."""
        return self._client.get_object(
            Bucket=self.name, Key=self.prefix + stored.key, VersionId=stored.version
        )

    def download(self, folder: Path) -> None:
        """Copy what is there now."""
        for stored in {stored.key: stored for stored in self.log}.values():
            path = folder / stored.key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.read(stored)["Body"].read())


@contextmanager
def watched_bucket(client: Any, wanted: Callable[[WatchedBucket, str], bool]) -> Iterator[WatchedBucket]:
    """Serve a watched bucket on a free port, which boto3's variables name meanwhile."""
    bucket = WatchedBucket(client, wanted)
    server = make_server("127.0.0.1", 0, bucket, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{server.server_port}")
        yield bucket
    server.shutdown()
    server.server_close()
    thread.join()
