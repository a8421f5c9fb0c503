"""What a SOURCE or DEST may be, read from its text and judged before anything is opened."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from gopfarm.errors import SpecError

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_AUTHORITY = re.compile(r"(?:[^@]*@)?(?:\[[^\]]*\]|[^:]*)(?::\d*)?")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HTTPS_PORT = 443

_SOURCE_FORMS = "a source is s3://bucket/key, file:///path, a path, or https:// on an allowed host"
_DESTINATION_FORMS = "a destination is s3://bucket/prefix, file:///folder, or a folder's path"


@dataclass(frozen=True)
class FileAddress:
    """An absolute path on this machine."""

    path: Path


@dataclass(frozen=True)
class S3Address:
    """A bucket and a key in it. The key is taken literally, without percent-decoding, as AWS's tools do."""

    bucket: str
    key: str


@dataclass(frozen=True)
class HttpsAddress:
    """An allowed https server and what to ask it for. ``target`` is the path with its query."""

    host: str
    port: int
    target: str


def shown(url: str) -> str:
    """Return ``url`` as messages may show it: no user, no password, no (possibly signed) query."""
    start = re.match(r"[\x00-\x20]*", url)
    match = _SCHEME.match(url, start.end() if start else 0)
    if not match:
        return url
    scheme, rest = match[1].lower(), url[match.end() :]
    if scheme not in ("s3", "file"):  # their names may hold a question mark
        rest = re.split(r"[?#]", rest, maxsplit=1)[0]
    authority, slash, path = rest.partition("/")
    if not _AUTHORITY.fullmatch(authority) and "@" in path:
        # A password with a slash that should have been written as %2F.
        authority, slash, path = path.rpartition("@")[2].partition("/")
    return f"{match[0]}{authority.rpartition('@')[2]}{slash}{path}"


def parse_source(url: str, https_hosts: Collection[str]) -> FileAddress | S3Address | HttpsAddress:
    """Read a SOURCE.

    Args:
        url: ``s3://bucket/key``, ``file:///path``, a path (``~`` means nothing here), or ``https://``.
        https_hosts: Hosts that https sources may come from. A port other than 443 is allowed only where it
            is named, as ``host:port``.

    Raises:
        SpecError: The text is none of these, or names a host that is not allowed.
    """
    if url.startswith("https://"):
        return _parse_https(url, https_hosts)
    return _parse_stored(url, _SOURCE_FORMS)


def parse_destination(url: str) -> FileAddress | S3Address:
    """Read a DEST: ``s3://bucket/prefix``, ``file:///folder`` or a folder's path.

    Raises:
        SpecError: The text is none of these.
    """
    address = _parse_stored(url, _DESTINATION_FORMS)
    if isinstance(address, S3Address):
        prefix = address.key.rstrip("/")
        if not _is_plain(prefix):
            raise SpecError(f"{shown(url)} has an empty, '.' or '..' part in its prefix; name it plainly")
        return S3Address(address.bucket, prefix)
    return address


def check_key(key: str) -> str:
    """Return ``key`` if it is a plain relative POSIX path such as ``720p/0a1b2c3d4e5f/00000.m4s``.

    Raises:
        SpecError: The key is absolute, could leave the destination, or is not printable.
    """
    if not _is_plain(key) or "\\" in key or _CONTROL.search(key):
        raise SpecError(f"key {key!r} is not a relative path without empty, '.' and '..' parts")
    return key


def _is_plain(key: str) -> bool:
    return not any(part in ("", ".", "..") for part in key.split("/"))


def _parse_stored(url: str, forms: str) -> FileAddress | S3Address:
    if not url or _CONTROL.search(url):
        raise SpecError(f"{shown(url)!r} is empty or holds control characters; {forms}")
    match = _SCHEME.match(url)
    if not match:
        return FileAddress(Path.cwd() / url)
    rest = url[match.end() :]
    if match[1] == "s3":
        bucket, _, key = rest.partition("/")
        if not _BUCKET.fullmatch(bucket) or not key.strip("/"):
            raise SpecError(f"{shown(url)} does not name a bucket and a key; {forms}")
        return S3Address(bucket, key)
    if match[1] == "file":
        path = unquote(rest.removeprefix("localhost"))
        if not path.startswith("/") or _CONTROL.search(path):
            raise SpecError(f"{shown(url)} does not name an absolute path; {forms}")
        return FileAddress(Path(path))
    raise SpecError(f"{shown(url)} cannot be used; {forms}")


def _parse_https(url: str, allowed: Collection[str]) -> HttpsAddress:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _HTTPS_PORT
    except ValueError:
        raise SpecError(f"{shown(url)} is not a URL; {_SOURCE_FORMS}") from None
    if not host or _CONTROL.search(url):
        raise SpecError(f"{shown(url)} names no host; {_SOURCE_FORMS}")
    if parts.username is not None or parts.password is not None:
        raise SpecError(f"{shown(url)} carries a user or password, which a source must not")
    name = f"[{host}]" if ":" in host else host
    if port != _HTTPS_PORT:
        name = f"{name}:{port}"
    if name not in {entry.lower() for entry in allowed}:
        raise SpecError(
            f"{shown(url)} is on host {name}, which is not allowed; GOPFARM_SOURCE_HOSTS lists the hosts "
            "that https:// sources may come from"
        )
    return HttpsAddress(host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
