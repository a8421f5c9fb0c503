"""The HTTP headers of a published file, decided by its key. They are part of the public contract."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

#: Playlists, manifests and reports change; a cache asks again after a minute.
CACHE_SHORT = "public, max-age=60"

#: A playlist that grows: players ask for it again every few seconds (RFC 8216 section 6.3.4: after half of a
#: target duration at the earliest), and must not be told for long what they know already.
CACHE_GROWING = "public, max-age=2"

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


def stored_headers(key: str, growing: bool = False) -> StoredHeaders:
    """Return the headers that the file at ``key`` (relative to the destination) is served with.

    Segments and init segments, which lie in ``<rendition>/<plan-hash>/``, are immutable; everything else,
    playlists in the same folder included, is cached for a minute; for two seconds while it is ``growing``.
    """
    path = PurePosixPath(key)
    content_type = _CONTENT_TYPES.get(path.suffix, "application/octet-stream")
    if content_type == "video/mp4" and path.parts[0].startswith("audio-"):
        content_type = "audio/mp4"
    immutable = path.suffix in _SEGMENT_SUFFIXES and len(path.parts) >= 3
    changing = CACHE_GROWING if growing else CACHE_SHORT
    return StoredHeaders(content_type, CACHE_IMMUTABLE if immutable else changing)
