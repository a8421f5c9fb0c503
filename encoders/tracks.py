"""What containers say of their video tracks, for the few facts that PyAV does not hand on.

Headers alone are read, a bounded number of them, whatever a file claims of their sizes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO

from encoders.ebml import Element, elements, unsigned
from encoders.media import boxes

#: Boxes looked at side by side, and bytes kept of one: far more than headers have.
_MOST_BOXES = 500
_MOST_BYTES = 256

#: ISO/IEC 14496-12: where ``hdlr`` names the kind of track; fields of ``stsd`` before its first entry; of a
#: visual sample entry before its boxes, and the width and height in there.
_HANDLER_AT = 8
_STSD_FIELDS = 8
_VISUAL_FIELDS = 78
_SIZE_AT, _SIZE = 24, struct.Struct(">HH")

#: Matroska (RFC 9559): identifiers, and the track type of a picture.
_SEGMENT, _CLUSTER, _TRACKS, _ENTRY, _VIDEO = 0x18538067, 0x1F43B675, 0x1654AE6B, 0xAE, 0xE0
_ENCODINGS, _ENCODING, _ENCRYPTION = 0x6D80, 0x6240, 0x5035
TRACK_TYPE = 0x83
_PICTURES = 1


@dataclass(frozen=True)
class BoxTrack:
    """A video track's first sample entry in an ISO BMFF file: its type, size, and the boxes inside."""

    kind: bytes = b""
    width: int = 0
    height: int = 0
    boxes: dict[bytes, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class MatroskaTrack:
    """A video track of a Matroska file: its ``TrackEntry``, and the ``Video`` element in there."""

    entry: Element
    video: Element | None


def box_tracks(source: BinaryIO) -> Iterator[BoxTrack]:
    """Yield the video tracks of an ISO BMFF file, in its order."""
    for kind, at, size in islice(boxes(source), _MOST_BOXES):
        if kind == b"moov":
            for inner, start, length in islice(boxes(source, at, at + size), _MOST_BOXES):
                if inner == b"trak":
                    yield from _box_track(source, start, length)
            return


def _box_track(source: BinaryIO, at: int, size: int) -> Iterator[BoxTrack]:
    media = _find(source, (at, size), b"mdia")
    handler = _find(source, media, b"hdlr")
    if handler is None or _read(source, (handler[0] + _HANDLER_AT, 4)) != b"vide":
        return
    described = _find(source, _find(source, _find(source, media, b"minf"), b"stbl"), b"stsd")
    if described is None:
        yield BoxTrack()
        return
    entries = boxes(source, described[0] + _STSD_FIELDS, sum(described))
    kind, start, length = next(entries, (b"", 0, 0))
    fields = _read(source, (start + _SIZE_AT, _SIZE.size))
    if len(fields) < _SIZE.size:
        yield BoxTrack(kind)
        return
    width, height = _SIZE.unpack(fields)
    inside = islice(boxes(source, start + _VISUAL_FIELDS, start + length), _MOST_BOXES)
    found = {name: (where, count) for name, where, count in inside}
    yield BoxTrack(kind, width, height, {name: _read(source, where) for name, where in found.items()})


def _find(source: BinaryIO, around: tuple[int, int] | None, wanted: bytes) -> tuple[int, int] | None:
    """Return (position, size) of the payload of the first box of a type inside another one."""
    if around is None:
        return None
    inside = islice(boxes(source, around[0], sum(around)), _MOST_BOXES)
    return next(((at, size) for kind, at, size in inside if kind == wanted), None)


def _read(source: BinaryIO, where: tuple[int, int]) -> bytes:
    source.seek(where[0])
    return source.read(min(where[1], _MOST_BYTES))


def matroska_tracks(source: BinaryIO) -> Iterator[MatroskaTrack]:
    """Yield the video tracks of a Matroska or WebM file, in its order."""
    for entry, fields in matroska_entries(source):
        if TRACK_TYPE in fields and unsigned(source, fields[TRACK_TYPE]) == _PICTURES:
            yield MatroskaTrack(entry, fields.get(_VIDEO))


def matroska_entries(source: BinaryIO) -> Iterator[tuple[Element, dict[int, Element]]]:
    """Yield all tracks of a Matroska or WebM file: the element of each, and those inside it by identifier."""
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
            if entry.id == _ENTRY:
                yield entry, {field.id: field for field in elements(source, entry.start, entry.end)}
        return


def matroska_is_encrypted(source: BinaryIO) -> bool:
    """Tell whether a track of a Matroska or WebM file is encrypted (RFC 9559, 5.1.4.1.31)."""
    for _, fields in matroska_entries(source):
        if _ENCODINGS in fields:
            around = fields[_ENCODINGS]
            for encoding in elements(source, around.start, around.end):
                inside = elements(source, encoding.start, encoding.end)
                if encoding.id == _ENCODING and any(one.id == _ENCRYPTION for one in inside):
                    return True
    return False
