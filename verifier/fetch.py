"""Reading the files of a stream, from wherever they lie."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from gopfarm.errors import FarmError, ServiceError, SourceError
from gopfarm.storage import open_source
from verifier.locations import Location

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

#: Largest playlist and largest segment that are read, in bytes.
MAX_PLAYLIST = 16 << 20
MAX_SEGMENT = 512 << 20

#: Seconds to wait for a connection, and for the next bytes on it.
CONNECT_SECONDS = 5
READ_SECONDS = 60

#: Further attempts of a request that fails in passing, and redirects that are followed.
RETRIES = 2
REDIRECTS = 5

_PASSING_STATUSES = (429, 500, 502, 503, 504)


class MissingError(Exception):
    """A file that cannot be had; the message says why."""


@dataclass(frozen=True)
class Span:
    """A range of bytes (RFC 8216 section 4.3.2.2)."""

    offset: int
    length: int


@dataclass(frozen=True)
class Fetched:
    """A file, or a range of it. ``content_type`` is empty where nothing tells it."""

    data: bytes
    location: Location
    content_type: str = ""
    redirected: bool = False


class Fetcher:
    """Reads files one at a time. One that is asked for twice in a row is fetched once."""

    def __init__(self) -> None:
        self._pool: PoolManager | None = None
        self._last: tuple[tuple[Location, Span | None], Fetched] | None = None

    def fetch(self, location: Location, span: Span | None = None, limit: int = MAX_SEGMENT) -> Fetched:
        """Read a file or a range of it.

        Raises:
            MissingError: It is not there, is refused, or is larger than ``limit`` bytes.
            ServiceError: Its server cannot be reached.
        """
        key = (location, span)
        if self._last is None or self._last[0] != key:
            read = self._http if location.kind == "http" else self._stored
            self._last = (key, read(location, span, limit))
        return self._last[1]

    def close(self) -> None:
        """Close all connections."""
        if self._pool is not None:
            self._pool.clear()

    def _stored(self, location: Location, span: Span | None, limit: int) -> Fetched:
        try:
            with open_source(location.url) as source:
                size = span.length if span else source.ref.size
                if size > limit:
                    raise MissingError(f"it is larger than {limit} bytes")
                source.seek(span.offset if span else 0, os.SEEK_SET)
                parts, left = [], size
                while left and (data := source.read(left)):
                    parts.append(data)
                    left -= len(data)
        except ServiceError:
            raise
        except FarmError as error:
            raise MissingError(str(error)) from None
        if left:
            raise MissingError(f"its range ends {left} bytes after the file")
        return Fetched(b"".join(parts), location)

    def _http(self, location: Location, span: Span | None, limit: int) -> Fetched:
        at = location.url
        for _ in range(REDIRECTS + 1):
            response = self._request(at, span)
            try:
                target = response.headers.get("Location")
                if 300 <= response.status < 400 and target:
                    at = urljoin(at, target)
                    if urlsplit(at).scheme not in ("http", "https"):
                        raise MissingError("it redirects to something that is not http(s)")
                    continue
                data = self._body(response, span, limit)
                kind = response.headers.get("Content-Type", "")
                return Fetched(data, Location(at), kind, at != location.url)
            finally:
                response.close()
        raise MissingError(f"it redirects more than {REDIRECTS} times")

    def _body(self, response: BaseHTTPResponse, span: Span | None, limit: int) -> bytes:
        from urllib3.exceptions import HTTPError

        if response.status not in (200, 206):
            raise MissingError(f"the server answers {response.status}")
        wanted = limit if span is None else span.length + (span.offset if response.status == 200 else 0)
        if wanted > limit:
            raise MissingError(f"it is larger than {limit} bytes")
        try:
            data = response.read(wanted + (span is None))
        except HTTPError as error:
            raise MissingError(f"the connection broke ({type(error).__name__})") from error
        if span is None:
            if len(data) > limit:
                raise MissingError(f"it is larger than {limit} bytes")
            return data
        if response.status == 200:  # a server that knows no ranges sends the whole file
            data = data[span.offset :]
        if len(data) < span.length:
            raise MissingError(f"its range ends {span.length - len(data)} bytes after the file")
        return data[: span.length]

    def _request(self, url: str, span: Span | None) -> BaseHTTPResponse:
        import urllib3
        from urllib3.exceptions import HTTPError, LocationParseError, MaxRetryError

        if self._pool is None:
            self._pool = urllib3.PoolManager(
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
                retries=urllib3.Retry(
                    total=RETRIES,
                    redirect=0,
                    status_forcelist=_PASSING_STATUSES,
                    backoff_factor=0.5,
                    raise_on_status=False,
                    respect_retry_after_header=False,
                ),
            )
        headers = {"Accept-Encoding": "identity", "User-Agent": "gopfarm"}
        if span is not None:
            headers["Range"] = f"bytes={span.offset}-{span.offset + span.length - 1}"
        try:
            return self._pool.request("GET", url, headers=headers, redirect=False, preload_content=False)
        except LocationParseError:
            raise MissingError("its address is not valid") from None
        except HTTPError as error:
            reason = error.reason if isinstance(error, MaxRetryError) else error
            shown = Location(url).shown()
            raise ServiceError(f"{shown} cannot be reached ({type(reason).__name__})") from error


def fetch_playlist(fetcher: Fetcher, location: Location) -> Fetched:
    """Read the multivariant playlist that the user named.

    Raises:
        SourceError: It is not there.
        ServiceError: Its server cannot be reached.
    """
    try:
        return fetcher.fetch(location, limit=MAX_PLAYLIST)
    except MissingError as error:
        text = str(error)
        shown = location.shown()
        raise SourceError(text if text.startswith(shown) else f"{shown} cannot be read: {text}") from None
