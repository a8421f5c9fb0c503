"""WebVTT in Matroska as mkvmerge writes it, which libavformat does not know (it knows that of WebM)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from encoders.ebml import payload, unsigned
from encoders.tracks import TRACK_TYPE, matroska_entries

#: Matroska's name of it, and what an element that holds names may measure.
_WEBVTT = b"S_TEXT/WEBVTT"
_LONGEST_NAME = 64

#: Identifiers of elements (RFC 9559), and the types of tracks that libavformat makes streams of: pictures,
#: sound, subtitles and metadata.
_CODEC = 0x86
_STREAM_TYPES = frozenset({0x01, 0x02, 0x11, 0x21})


def webvtt_streams(source: BinaryIO) -> frozenset[int]:
    """Return the indices of the streams of a Matroska file whose track says that it is WebVTT."""
    return frozenset(index for index, codec in enumerate(_codecs(source)) if codec == _WEBVTT)


def settings_and_identifier(addition: bytes) -> tuple[str, str]:
    """Return cue settings and identifier from a block's addition: a line each, below its number's 8 bytes."""
    lines = addition[8:].decode(errors="replace").split("\n")
    return lines[0], lines[1] if len(lines) > 1 else ""


def _codecs(source: BinaryIO) -> Iterator[bytes]:
    for _, fields in matroska_entries(source):
        if TRACK_TYPE not in fields or _CODEC not in fields:
            continue
        if unsigned(source, fields[TRACK_TYPE]) in _STREAM_TYPES:
            yield payload(source, fields[_CODEC], _LONGEST_NAME).rstrip(b"\0")
