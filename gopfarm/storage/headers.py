"""The HTTP headers of a published file, decided by its key alone. They are part of the public contract."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

#: Playlists, manifests and reports change; a cache asks again after a minute.
CACHE_SHORT = "public, max-age=60"

#: Segments lie under a plan's hash and never change their bytes: a year is what caches take for "always".
CACHE_IMMUTABLE = "public, max-age=31536000, immutable"

_CONTENT_TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",  # RFC 8216 section 4
    ".mpd": "application/dash+xml",
    ".m4s": "video/mp4",
    ".mp4": "video/mp4",
    ".ts": "video/mp2t",
    ".json": "application/json",
    ".vtt": "text/vtt",
}
_SEGMENT_SUFFIXES = frozenset({".m4s", ".mp4", ".ts", ".vtt"})


@dataclass(frozen=True)
class StoredHeaders:
    """Values of the ``Content-Type`` and ``Cache-Control`` headers."""

    content_type: str
    cache_control: str


def stored_headers(key: str) -> StoredHeaders:
    """Return the headers that the file at ``key`` (relative to the destination) is served with.

    Segments and init segments, which lie in ``<rendition>/<plan-hash>/``, are immutable; everything else,
    playlists in the same folder included, is cached for a minute.
    """
    path = PurePosixPath(key)
    content_type = _CONTENT_TYPES.get(path.suffix, "application/octet-stream")
    if content_type == "video/mp4" and path.parts[0].startswith("audio-"):
        content_type = "audio/mp4"
    immutable = path.suffix in _SEGMENT_SUFFIXES and len(path.parts) >= 3
    return StoredHeaders(content_type, CACHE_IMMUTABLE if immutable else CACHE_SHORT)
