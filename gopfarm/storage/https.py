"""Sources on https servers that the operator allows. No redirect is followed: it could lead anywhere."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from gopfarm.errors import FarmError, ServiceError, SourceError
from gopfarm.facts import SourceRef
from gopfarm.storage.address import HttpsAddress, shown
from gopfarm.storage.blocks import BLOCK_BYTES
from gopfarm.storage.source import RangedSource, TransferBrokenError, check_expected, range_total

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

#: Seconds to wait for a connection, and for the next bytes on it.
CONNECT_SECONDS = 5
READ_SECONDS = 60

#: Further attempts of a request that fails in passing, and of one whose connection cannot be made.
RETRIES = 3
CONNECT_RETRIES = 1

#: Seconds before the second retry; doubled before each further one.
BACKOFF_SECONDS = 0.5

_PASSING_STATUSES = (429, 500, 502, 503, 504)


def open_https_source(url: str, address: HttpsAddress, expected: SourceRef | None) -> RangedSource:
    """Open a file on an https server that gives ranges.

    This asks for the first block instead of sending HEAD: one request tells size, validator and whether
    the server gives ranges, and addresses that are signed for GET work too. The validator is the ``ETag``,
    or ``Last-Modified`` where there is none; each answer must carry the same one (RFC 9110 section 8.8).

    Raises:
        SourceError: The file is missing, empty, refused, not the one planned, or its server gives no ranges.
        ServiceError: The server cannot be reached.
    """
    server = _Server(url, address)
    try:
        ref, head = server.open(url)
        check_expected(ref, expected)
    except BaseException:
        server.close()
        raise
    return RangedSource(ref, lambda start, length: server.fetch(ref, start, length), head, server.close)


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
            retries=urllib3.Retry(
                total=RETRIES,
                connect=CONNECT_RETRIES,
                other=0,  # such as a certificate that is not trusted
                status_forcelist=_PASSING_STATUSES,
                backoff_factor=BACKOFF_SECONDS,
                raise_on_status=False,
                respect_retry_after_header=False,
            ),
            ssl_context=ssl.create_default_context(),
        )

    def close(self) -> None:
        self._pool.close()

    def open(self, url: str) -> tuple[SourceRef, bytes]:
        response = self._request(0, BLOCK_BYTES)
        try:
            length = int(response.headers.get("Content-Length", -1))
            if response.status == 416 or (response.status == 200 and length == 0):
                raise SourceError(f"{self._name} is empty")
            if response.status not in (200, 206):
                raise self._refused(response.status)
            size = range_total(response.headers.get("Content-Range"), length)
            if response.status != 206 or size is None:
                raise SourceError(f"{self._name} cannot be read in ranges: its server does not support them")
            return SourceRef(url, size, _validator(response)), self._body(response, length)
        except TransferBrokenError as error:
            raise ServiceError(f"{self._name}: the connection broke while it was opened") from error
        finally:
            response.close()

    def fetch(self, ref: SourceRef, start: int, length: int) -> bytes:
        response = self._request(start, length)
        try:
            if response.status not in (200, 206, 404, 410, 412, 416):
                raise self._refused(response.status)
            span = f"bytes {start}-{start + length - 1}/{ref.size}"
            told = (response.status, response.headers.get("Content-Range"), _validator(response))
            if told != (206, span, ref.etag):
                raise SourceError(f"{self._name} changed while it was being read")
            return self._body(response, length)
        finally:
            response.close()

    def _request(self, start: int, length: int) -> BaseHTTPResponse:
        from urllib3.exceptions import HTTPError, MaxRetryError, SSLError

        headers = {
            "Range": f"bytes={start}-{start + length - 1}",
            "Accept-Encoding": "identity",
            "User-Agent": "gopfarm",
        }
        try:
            return self._pool.urlopen(
                "GET", self._target, headers=headers, redirect=False, preload_content=False
            )
        except HTTPError as error:
            reason = error.reason if isinstance(error, MaxRetryError) else error
            if isinstance(reason, SSLError):
                raise SourceError(f"{self._name}: the server's TLS certificate is not trusted") from error
            raise ServiceError(f"{self._name} cannot be reached ({type(reason).__name__})") from error

    def _body(self, response: BaseHTTPResponse, length: int) -> bytes:
        from urllib3.exceptions import HTTPError

        try:
            return response.read(length)
        except HTTPError as error:
            raise TransferBrokenError from error

    def _refused(self, status: int) -> FarmError:
        if status in (404, 410):
            return SourceError(f"{self._name} does not exist")
        if status in (401, 403):
            return SourceError(f"{self._name} cannot be read: access denied")
        if 300 <= status < 400:
            return SourceError(f"{self._name} redirects elsewhere, which is not followed: name the final URL")
        if status in _PASSING_STATUSES:
            return ServiceError(f"{self._name} keeps answering {status}")
        return SourceError(f"{self._name} cannot be read: its server answers {status}")


def _validator(response: BaseHTTPResponse) -> str:
    return response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
