"""A destination as the farm sees it: a flat set of keys, on a disk or in a bucket."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path


class Destination(ABC):
    """A folder or bucket prefix that renditions are written to. Every method may be used from any thread.

    Keys are relative POSIX paths such as ``720p/0a1b2c3d4e5f/00000.m4s``; any other key is refused with
    ``SpecError``. Every method raises ``DestinationError`` with the reason where the destination refuses
    (no such bucket, no permission, a full disk, a file in the way), and ``ServiceError`` where object
    storage cannot be reached or refuses the credentials.

    Attributes:
        url: The destination as messages and reports name it.
    """

    url: str

    @abstractmethod
    def check_writable(self) -> None:
        """Raise unless files can be written; leave nothing behind, not even an empty folder."""

    @abstractmethod
    def put_file(self, key: str, path: Path) -> None:
        """Store a copy of the file at ``path``. A reader sees the old bytes or the new ones, never a mix."""

    @abstractmethod
    def put_bytes(self, key: str, data: bytes, growing: bool = False) -> None:
        """Store ``data``. A reader sees the old bytes or the new ones, never a mix.

        What is ``growing`` will be replaced in seconds, and caches are told so.
        """

    @abstractmethod
    def get_bytes(self, key: str) -> bytes | None:
        """Return what is stored at ``key``, or None if nothing is."""

    @abstractmethod
    def sizes(self, prefix: str) -> dict[str, int]:
        """Return the size in bytes of every key in the folder ``prefix`` and below; ``""`` means all."""

    @abstractmethod
    def delete(self, keys: Iterable[str]) -> None:
        """Remove keys; missing ones are fine. Folders that this empties go too, the root included."""
