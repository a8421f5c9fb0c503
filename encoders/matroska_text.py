"""WebVTT in Matroska as mkvmerge writes it, which libavformat does not know (it knows that of WebM)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from encoders.ebml import elements, payload, unsigned

#: Matroska's name of it, and what an element that holds names may measure.
_WEBVTT = b"S_TEXT/WEBVTT"
_LONGEST_NAME = 64

#: Identifiers of elements (RFC 9559), and the types of tracks that libavformat makes streams of: pictures,
#: sound, subtitles and metadata.
_SEGMENT, _CLUSTER, _TRACKS, _ENTRY, _TYPE, _CODEC = 0x18538067, 0x1F43B675, 0x1654AE6B, 0xAE, 0x83, 0x86
_STREAM_TYPES = frozenset({0x01, 0x02, 0x11, 0x21})


def webvtt_streams(source: BinaryIO) -> frozenset[int]:
    """Return the indices of the streams of a Matroska file whose track says that it is WebVTT."""
    return frozenset(index for index, codec in enumerate(_codecs(source)) if codec == _WEBVTT)


def settings_and_identifier(addition: bytes) -> tuple[str, str]:
    """Return cue settings and identifier from a block's addition: a line each, below its number's 8 bytes."""
    lines = addition[8:].decode(errors="replace").split("\n")
    return lines[0], lines[1] if len(lines) > 1 else ""


def _codecs(source: BinaryIO) -> Iterator[bytes]:
    end = source.seek(0, 2)
    segment = next((element for element in elements(source, 0, end) if element.id == _SEGMENT), None)
    if segment is None:
        return
    for child in elements(source, segment.start, segment.end):
        if child.id == _CLUSTER:
            return
        if child.id != _TRACKS:
            continue
        for entry in elements(source, child.start, child.end):
            fields = {field.id: field for field in elements(source, entry.start, entry.end)}
            if entry.id != _ENTRY or _TYPE not in fields or _CODEC not in fields:
                continue
            if unsigned(source, fields[_TYPE]) in _STREAM_TYPES:
                yield payload(source, fields[_CODEC], _LONGEST_NAME).rstrip(b"\0")
        return
