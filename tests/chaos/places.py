"""Destinations as a viewer sees them: a folder, or a prefix in a bucket."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Place(Protocol):
    """Where a job publishes.

    ``url`` is what the job is told; ``look_seconds`` how long a viewer waits between two looks.
    """

    url: str
    look_seconds: float

    def sizes(self) -> dict[str, int]:
        """Return every file with its size in bytes."""

    def read(self, name: str) -> bytes | None:
        """Return a file's bytes; None if there is none."""


class Folder:
    """A folder on the disk."""

    look_seconds = 0.03

    def __init__(self, path: Path) -> None:
        self.url = str(path)
        self.path = path

    def sizes(self) -> dict[str, int]:
        """Return every file with its size, partial ones too."""
        found = {}
        for path in self.path.rglob("*"):
            try:
                if path.is_file():
                    found[path.relative_to(self.path).as_posix()] = path.stat().st_size
            except FileNotFoundError:
                continue  # removed while we looked
        return found

    def read(self, name: str) -> bytes | None:
        """Return a file's bytes; None if there is none."""
        try:
            return (self.path / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None


class Bucket:
    """A prefix in a bucket, reached past whatever stands between the farm and the storage."""

    look_seconds = 0.25

    def __init__(self, client: S3Client, bucket: str, prefix: str) -> None:
        self.url = f"s3://{bucket}/{prefix}"
        self._client, self._bucket, self._prefix = client, bucket, f"{prefix}/"

    def sizes(self) -> dict[str, int]:
        """Return every object with its size."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix
        )
        return {
            entry["Key"].removeprefix(self._prefix): entry["Size"]
            for page in pages
            for entry in page.get("Contents", [])
        }

    def read(self, name: str) -> bytes | None:
        """Return an object's bytes; None if there is none."""
        try:
            return self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)["Body"].read()
        except self._client.exceptions.NoSuchKey:
            return None
