"""Sources and destinations in S3, or in anything that speaks its protocol."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from gopfarm.errors import DestinationError, FarmError, ServiceError, SourceChangedError, SourceError
from gopfarm.facts import SourceRef
from gopfarm.storage.address import S3Address, check_key
from gopfarm.storage.body import Body, BodyError, read_body
from gopfarm.storage.counts import count_fault
from gopfarm.storage.destination import Destination
from gopfarm.storage.headers import stored_headers
from gopfarm.storage.patience import Patience
from gopfarm.storage.s3_client import MISSING_CODES, endpoint, error_code, s3_client, s3_errors
from gopfarm.storage.s3_counts import STORE
from gopfarm.storage.source import RangedSource, check_expected, needed_head, range_total

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

#: Files up to this many bytes are read into memory for their upload; larger ones are streamed.
SMALL_BYTES = 16 << 20

#: Most keys of one DeleteObjects request, by S3's own rule.
DELETE_BATCH = 1000

_CHANGED_CODES = MISSING_CODES | {"PreconditionFailed", "412", "InvalidRange", "416"}


def open_s3_source(
    url: str, address: S3Address, expected: SourceRef | None, patience: Patience
) -> RangedSource:
    """Open an object. One request brings size, entity tag and the first bytes, and needs no s3:ListBucket.

    Every further request is bound to that entity tag (``If-Match``), also after the client was made anew.

    Raises:
        SourceError: The object is missing, empty, forbidden, archived, or not the one planned.
        ServiceError: S3 cannot be reached, or refuses the credentials, for as long as the patience lasts.
    """
    found = _Object(url, address)
    ref, head = patience.insist(lambda: found.open(needed_head(expected)))
    check_expected(ref, expected)
    return RangedSource(ref, lambda start, length: found.fetch(ref, start, length), head, patience=patience)


class _Object:
    """One object, read in ranges. The client is asked for each time: new credentials come with a new one."""

    def __init__(self, url: str, address: S3Address) -> None:
        self._url = url
        self._bucket = address.bucket
        self._key = address.key

    def open(self, wanted: int) -> tuple[SourceRef, bytes]:
        from botocore.exceptions import ClientError

        with s3_errors(self._url, SourceError):
            try:
                response = self._get(0, wanted)
            except ClientError as error:
                if error_code(error) in ("InvalidRange", "416"):  # no range fits into an empty object
                    raise SourceError(f"{self._url} is empty") from None
                raise
        with closing(response["Body"]):
            length = response["ContentLength"]
            size = range_total(response.get("ContentRange"), length) if length else 0
            if size is None:
                raise SourceError(f"{self._url} cannot be read in ranges: its server does not support them")
            return SourceRef(self._url, size, response["ETag"]), self._body(response, length)

    def fetch(self, ref: SourceRef, start: int, length: int) -> bytes:
        from botocore.exceptions import ClientError

        with s3_errors(self._url, SourceError):
            try:
                response = self._get(start, length, ref.etag)
            except ClientError as error:
                if error_code(error) in _CHANGED_CODES:
                    raise _changed(self._url) from None
                raise
        with closing(response["Body"]):
            # Not every server that speaks S3 heeds If-Match.
            if response["ETag"] != ref.etag or response["ContentLength"] != length:
                raise _changed(self._url)
            return self._body(response, length)

    def _get(self, start: int, length: int, etag: str | None = None) -> GetObjectOutputTypeDef:
        client, span = s3_client(), f"bytes={start}-{start + length - 1}"
        if etag is None:
            return client.get_object(Bucket=self._bucket, Key=self._key, Range=span)
        return client.get_object(Bucket=self._bucket, Key=self._key, Range=span, IfMatch=etag)

    def _body(self, response: GetObjectOutputTypeDef, length: int) -> bytes:
        try:
            with response["Body"] as raw:  # what lies below boto3's stream, which waits for all it is asked
                return read_body(cast("Body", raw), length)
        except BodyError as error:
            count_fault(STORE, "get", "broken")
            raise ServiceError(f"S3 at {endpoint()}, reading {self._url}: {error}") from None


def _changed(url: str) -> FarmError:
    return SourceChangedError(f"{url} changed while it was being read")


class S3Destination(Destination):
    """A prefix in a bucket. Objects carry their content type, cache headers and a SHA-256 checksum."""

    def __init__(self, address: S3Address) -> None:
        self.url = f"s3://{address.bucket}/{address.key}"
        self._bucket = address.bucket
        self._root = f"{address.key}/"

    def check_writable(self) -> None:
        """Begin an upload in parts and abort it, which takes the permission to write and leaves no object."""
        client = s3_client()
        with s3_errors(self.url, DestinationError):
            key = self._root + "job.json"
            upload = client.create_multipart_upload(Bucket=self._bucket, Key=key)["UploadId"]
            client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload)

    def put_file(self, key: str, path: Path) -> None:
        """Upload the file at ``path`` in one request, whatever its size.

        Parts would be faster for large files, but those of an upload that dies stay, unseen and paid for.
        """
        with path.open("rb") as file:
            self._put(key, file.read() if path.stat().st_size <= SMALL_BYTES else file)

    def put_bytes(self, key: str, data: bytes, growing: bool = False) -> None:
        """Upload ``data`` in one request."""
        self._put(key, data, growing)

    def _put(self, key: str, body: bytes | BinaryIO, growing: bool = False) -> None:
        headers = stored_headers(check_key(key), growing)
        with s3_errors(f"{self.url}/{key}", DestinationError):
            s3_client().put_object(
                Bucket=self._bucket,
                Key=self._root + key,
                Body=body,
                ContentType=headers.content_type,
                CacheControl=headers.cache_control,
                ChecksumAlgorithm="SHA256",
            )

    def get_bytes(self, key: str) -> bytes | None:
        """Download the object, or return None if there is none.

        Without s3:ListBucket, S3 calls a missing object forbidden: that is a ``DestinationError`` here too.
        """
        from botocore.exceptions import ClientError

        with s3_errors(f"{self.url}/{check_key(key)}", DestinationError):
            try:
                response = s3_client().get_object(Bucket=self._bucket, Key=self._root + key)
            except ClientError as error:
                if error_code(error) in MISSING_CODES:
                    return None
                raise
            with closing(response["Body"]) as stream:
                return stream.read()

    def sizes(self, prefix: str) -> dict[str, int]:
        """List the objects, a thousand with each request."""
        folder = f"{check_key(prefix.rstrip('/'))}/" if prefix.rstrip("/") else ""
        found: dict[str, int] = {}
        with s3_errors(self.url, DestinationError):
            pages = s3_client().get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._root + folder):
                for entry in page.get("Contents", ()):
                    if not entry["Key"].endswith("/"):  # what some tools leave to show an empty folder
                        found[entry["Key"].removeprefix(self._root)] = entry["Size"]
        return found

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects, a thousand with each request."""
        for batch in _batches([self._root + check_key(key) for key in keys]):
            with s3_errors(self.url, DestinationError):
                answer = s3_client().delete_objects(
                    Bucket=self._bucket,
                    Delete={"Objects": [{"Key": key} for key in batch], "Quiet": True},
                )
            for fault in answer.get("Errors", ()):
                raise DestinationError(
                    f"s3://{self._bucket}/{fault.get('Key')} cannot be deleted: {fault.get('Code')}"
                )


def _batches(keys: list[str]) -> Iterator[list[str]]:
    rest = iter(keys)
    while batch := list(islice(rest, DELETE_BATCH)):
        yield batch
