"""Where a stream's parts lie: what an address in a playlist means, and which ones are followed.

A playlist may come from anyone. One on a web server leads to web servers only; one in a bucket to the same
bucket or to web servers; one on this machine to its multivariant playlist's folder or to web servers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from gopfarm.errors import SpecError
from gopfarm.storage.address import shown

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class RefusedError(Exception):
    """An address that is not followed; the message says why."""


@dataclass(frozen=True)
class Location:
    """Where one file of a stream lies.

    ``url`` is an http(s) or s3 URL, or an absolute path. ``root`` is, for paths, the folder that nothing may
    lead out of, and for s3 the bucket.
    """

    url: str
    root: str = ""

    @property
    def kind(self) -> str:
        """Return ``http``, ``s3`` or ``file``."""
        if self.url.startswith(("http://", "https://")):
            return "http"
        return "s3" if self.url.startswith("s3://") else "file"

    def shown(self) -> str:
        """Return the address as messages may show it, without secrets in its query."""
        return shown(self.url)

    def below(self, master: Location) -> str:
        """Return the address in relation to the folder of ``master``, where it lies there."""
        folder = master.shown().rpartition("/")[0] + "/"
        return self.shown().removeprefix(folder)


def locate(url: str) -> Location:
    """Read the address that a user gave: a path, ``file:///``, ``s3://bucket/key``, ``http://`` or ``https://``.

    Raises:
        SpecError: It is none of these.
    """
    if not url or _CONTROL.search(url):
        raise SpecError(f"{url!r} is empty or holds control characters")
    if url.startswith(("http://", "https://")):
        try:
            parts = urlsplit(url)
            _ = parts.port
        except ValueError:
            raise SpecError(f"{shown(url)} is not a URL") from None
        if not parts.hostname:
            raise SpecError(f"{shown(url)} names no host")
        return Location(url)
    if url.startswith("s3://"):
        bucket, _, key = url.removeprefix("s3://").partition("/")
        if not bucket or not key:
            raise SpecError(f"{url} does not name a bucket and a key")
        return Location(url, bucket)
    if url.startswith("file://"):
        path = unquote(url.removeprefix("file://").removeprefix("localhost"))
        if not path.startswith("/"):
            raise SpecError(f"{url} does not name an absolute path")
    elif _SCHEME.match(url) and "://" in url:
        raise SpecError(f"{shown(url)} cannot be read: name a path, file://, s3://, http:// or https://")
    else:
        path = url
    file = (Path.cwd() / path).resolve()
    return Location(str(file), str(file.parent))


def resolve(base: Location, reference: str) -> Location:
    """Return what ``reference`` means in a playlist that lies at ``base`` (RFC 3986 section 5).

    Raises:
        RefusedError: It is not a valid address, or one that is not followed from there.
    """
    if not reference or _CONTROL.search(reference) or " " in reference:
        raise RefusedError(f"{reference!r} is not a URI")
    if reference.startswith(("http://", "https://")) or (
        base.kind == "http" and not _SCHEME.match(reference)
    ):
        try:
            url = urljoin(base.url, reference) if base.kind == "http" else reference
            if not urlsplit(url).hostname:
                raise ValueError
        except ValueError:
            raise RefusedError(f"{reference!r} is not a URI") from None
        return Location(url)
    if _SCHEME.match(reference):
        raise RefusedError(f"{shown(reference)!r} is not followed from a playlist at {base.shown()}")
    path = unquote(re.split(r"[?#]", reference, maxsplit=1)[0])
    if _CONTROL.search(path) or path.startswith("//"):
        raise RefusedError(f"{reference!r} is not a URI that is followed")
    return _in_bucket(base, path, reference) if base.kind == "s3" else _in_folder(base, path, reference)


def _in_bucket(base: Location, path: str, reference: str) -> Location:
    key = base.url.removeprefix(f"s3://{base.root}/")
    parts: list[str] = [] if path.startswith("/") else key.split("/")[:-1]
    for part in path.lstrip("/").split("/"):
        if part == "..":
            if not parts:
                raise RefusedError(f"{reference!r} leads out of the bucket")
            parts.pop()
        elif part != ".":
            parts.append(part)
    return Location(f"s3://{base.root}/{'/'.join(parts)}", base.root)


def _in_folder(base: Location, path: str, reference: str) -> Location:
    # Links are followed before the check, or one in the folder could lead anywhere.
    file = (Path(base.url).parent / path).resolve()
    if path.startswith("/") or not file.is_relative_to(base.root):
        raise RefusedError(f"{reference!r} leads out of the folder of the multivariant playlist")
    return Location(str(file), base.root)
