"""Sources on https servers that the operator allows. No redirect is followed: it could lead anywhere."""

from __future__ import annotations

import ssl
import time
from contextlib import closing
from typing import TYPE_CHECKING, cast

from gopfarm.errors import FarmError, ServiceError, SourceChangedError, SourceError
from gopfarm.facts import SourceRef
from gopfarm.storage.address import HttpsAddress, shown
from gopfarm.storage.body import BodyError, read_body
from gopfarm.storage.counts import count_answer, count_fault, fault_of_status
from gopfarm.storage.patience import Patience
from gopfarm.storage.source import RangedSource, check_expected, needed_head, range_total
from gopfarm.storage.tls import is_untrusted

if TYPE_CHECKING:
    from urllib3 import HTTPResponse

#: Seconds to wait for a connection, and for the next bytes on it.
CONNECT_SECONDS = 5
READ_SECONDS = 30

#: How the metrics call what is asked of such a server.
_STORE, _GET = "https", "get"

_PASSING_STATUSES = (429, 500, 502, 503, 504)


def open_https_source(
    url: str, address: HttpsAddress, expected: SourceRef | None, patience: Patience
) -> RangedSource:
    """Open a file on an https server that gives ranges.

    This asks for the first bytes instead of sending HEAD: one request tells size, validator and whether
    the server gives ranges, and addresses that are signed for GET work too. The validator is the ``ETag``,
    or ``Last-Modified`` where there is none; each answer must carry the same one (RFC 9110 section 8.8).

    Raises:
        SourceError: The file is missing, empty, refused, not the one planned, or its server gives no ranges.
        ServiceError: The server has not answered for as long as the patience lasts.
    """
    server = _Server(url, address)
    try:
        ref, head = patience.insist(lambda: server.open(url, needed_head(expected)))
        check_expected(ref, expected)
    except BaseException:
        server.close()
        raise
    return RangedSource(
        ref, lambda start, length: server.fetch(ref, start, length), head, server.close, patience
    )


class _Server:
    """The server of one file, over one connection that is kept."""

    def __init__(self, url: str, address: HttpsAddress) -> None:
        import urllib3

        self._name = shown(url)
        self._target = address.target
        # The connection goes to the host that was checked, whatever another reading of the URL might say.
        self._pool = urllib3.HTTPSConnectionPool(
            address.host,
            address.port,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
            # The farm's patience tries again; urllib3 would log the address, with a signature in its query.
            retries=False,
            ssl_context=ssl.create_default_context(),
        )

    def close(self) -> None:
        self._pool.close()

    def open(self, url: str, wanted: int) -> tuple[SourceRef, bytes]:
        with closing(self._request(0, wanted)) as response:
            length = int(response.headers.get("Content-Length", -1))
            if response.status == 416 or (response.status == 200 and length == 0):
                raise SourceError(f"{self._name} is empty")
            if response.status not in (200, 206):
                raise self._refused(response.status)
            size = range_total(response.headers.get("Content-Range"), length)
            if response.status != 206 or size is None:
                raise SourceError(f"{self._name} cannot be read in ranges: its server does not support them")
            return SourceRef(url, size, _validator(response)), self._body(response, length)

    def fetch(self, ref: SourceRef, start: int, length: int) -> bytes:
        with closing(self._request(start, length)) as response:
            if response.status not in (200, 206, 404, 410, 412, 416):
                raise self._refused(response.status)
            span = f"bytes {start}-{start + length - 1}/{ref.size}"
            told = (response.status, response.headers.get("Content-Range"), _validator(response))
            if told != (206, span, ref.etag):
                raise SourceChangedError(f"{self._name} changed while it was being read")
            return self._body(response, length)

    def _request(self, start: int, length: int) -> HTTPResponse:
        from urllib3.exceptions import HTTPError
        from urllib3.exceptions import TimeoutError as NoAnswerError

        headers = {
            "Range": f"bytes={start}-{start + length - 1}",
            "Accept-Encoding": "identity",
            "User-Agent": "gopfarm",
        }
        began = time.perf_counter()
        try:
            response = self._pool.urlopen(
                "GET", self._target, headers=headers, redirect=False, preload_content=False
            )
        except HTTPError as error:
            fault = "timeout" if isinstance(error, NoAnswerError) else "unreachable"
            count_answer(_STORE, _GET, time.perf_counter() - began, fault)
            # Not chained: the text of urllib3's errors holds the query.
            if is_untrusted(error):
                raise SourceError(f"{self._name}: the server's TLS certificate is not trusted") from None
            raise ServiceError(f"{self._name} cannot be reached ({type(error).__name__})") from None
        count_answer(_STORE, _GET, time.perf_counter() - began, fault_of_status(response.status))
        return cast("HTTPResponse", response)

    def _body(self, response: HTTPResponse, length: int) -> bytes:
        try:
            return read_body(response, length)
        except BodyError as error:
            count_fault(_STORE, _GET, "broken")
            raise ServiceError(f"{self._name}: {error}") from None

    def _refused(self, status: int) -> FarmError:
        if status in (404, 410):
            return SourceError(f"{self._name} does not exist")
        if status in (401, 403):
            return SourceError(f"{self._name} cannot be read: access denied")
        if 300 <= status < 400:
            return SourceError(f"{self._name} redirects elsewhere, which is not followed: name the final URL")
        if status in _PASSING_STATUSES:
            return ServiceError(f"{self._name} answers {status}")
        return SourceError(f"{self._name} cannot be read: its server answers {status}")


def _validator(response: HTTPResponse) -> str:
    return response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
