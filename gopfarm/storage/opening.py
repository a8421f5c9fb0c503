"""From the text of a SOURCE or DEST to the open thing."""

from __future__ import annotations

import os
from collections.abc import Collection

from gopfarm.facts import SourceRef
from gopfarm.storage.address import FileAddress, S3Address, parse_destination, parse_source
from gopfarm.storage.destination import Destination
from gopfarm.storage.file import FileDestination, open_file_source
from gopfarm.storage.patience import BRIEF, Patience
from gopfarm.storage.source import SourceFile


def open_source(
    url: str,
    *,
    https_hosts: Collection[str] = (),
    expected: SourceRef | None = None,
    patience: Patience = BRIEF,
) -> SourceFile:
    """Open a source for reading.

    Args:
        url: ``s3://bucket/key``, ``file:///path``, a path, or ``https://`` on one of ``https_hosts``.
        https_hosts: Setting ``source_hosts``: exact host names, ``host:port`` for a port other than 443.
        expected: What the source was when it was planned; only its size and entity tag are compared.
        patience: How long passing faults are borne, in opening and in each read.

    Raises:
        SpecError: The URL is of no allowed form, or its host is not allowed.
        SourceError: The source is missing, empty, not readable, not a regular file, or not the one expected.
        ServiceError: Its server cannot be reached, or refuses the farm's credentials.
        AbandonedError: ``patience`` was told to stop.
    """
    address = parse_source(url, https_hosts)
    if isinstance(address, FileAddress):
        return open_file_source(address.path, expected)
    if isinstance(address, S3Address):
        from gopfarm.storage.s3 import open_s3_source

        return open_s3_source(url, address, expected, patience)
    from gopfarm.storage.https import open_https_source

    return open_https_source(url, address, expected, patience)


def place_of(url: str) -> str:
    """Return one name for a destination, in whichever of its forms it is given.

    Raises:
        SpecError: The URL is of no allowed form.
    """
    address = parse_destination(url)
    if isinstance(address, FileAddress):
        return os.path.realpath(address.path)
    return f"s3://{address.bucket}/{address.key.strip('/')}"


def open_destination(url: str) -> Destination:
    """Return the destination at ``s3://bucket/prefix``, ``file:///folder`` or a folder's path.

    Nothing is opened or made yet: ``check_writable`` tells whether it can be used.

    Raises:
        SpecError: The URL is of no allowed form.
    """
    address = parse_destination(url)
    if isinstance(address, FileAddress):
        return FileDestination(address.path)
    from gopfarm.storage.s3 import S3Destination

    return S3Destination(address)
