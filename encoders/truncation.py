"""Does a file end where it says? What a container declares of its own size, in the containers that do.

A file that is cut short is refused where its container tells: nobody wants a film to end in its middle. Where
the container is made to be cut (MPEG streams, Ogg, FLV, live Matroska and WebM), what is there is the film.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from encoders.ebml import elements

#: EBML (RFC 8794) and the Matroska segment (RFC 9559) that holds all of the rest.
_EBML, _SEGMENT = 0x1A45DFA3, 0x18538067

#: An end that no file has: where an element of unknown size would end.
_NOWHERE = 1 << 62

#: RIFF sizes that writers leave behind which cannot seek back: they say nothing.
_UNFINISHED = frozenset({0, 0x7FFFFFFF, 0xFFFFFFFF, 0x80000000})

#: Chunks are padded to even sizes, and some writers count a header wrong: so many bytes are forgiven.
_RIFF_SLACK = 64

#: The ASF file properties object, where its file size and flags lie in it, and the flag of a live stream.
_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_SIZE_AT, _ASF_FLAGS_AT, _ASF_BROADCAST = 40, 88, 1

#: The key of an MXF partition pack (SMPTE ST 377-1, 7.1), and its fields up to the footer's place.
_MXF_PARTITION = bytes.fromhex("060e2b34020501010d0102010102")
_MXF_FIELDS = struct.Struct(">HHIQQQ")
_MXF_RUN_IN = 65_536

#: Bytes at the start of a file in which its header is looked for.
_HEADER_BYTES = 65_536


def declared_size(source: BinaryIO) -> int | None:
    """Return how many bytes a file says that it has, at least; None where it does not say."""
    source.seek(0)
    head = source.read(12)
    if head[:4] == _EBML.to_bytes(4, "big"):
        return _matroska_size(source)
    if head[:4] == b"RIFF":
        size = int(struct.unpack("<I", head[4:8])[0])
        return None if size in _UNFINISHED else size + 8 - _RIFF_SLACK
    source.seek(0)
    header = source.read(_HEADER_BYTES)
    if header.startswith(_ASF_HEADER):
        return _asf_size(header)
    if (at := header.find(_MXF_PARTITION, 0, _MXF_RUN_IN)) >= 0:
        return _mxf_size(header, at)
    return None


def _matroska_size(source: BinaryIO) -> int | None:
    for element in elements(source, 0, _NOWHERE):
        if element.id == _SEGMENT:
            return None if element.end == _NOWHERE else element.end
    return None


def _asf_size(header: bytes) -> int | None:
    at = header.find(_ASF_PROPERTIES)
    if at < 0 or len(header) < at + _ASF_FLAGS_AT + 4:
        return None
    size, flags = (
        struct.unpack_from("<Q", header, at + _ASF_SIZE_AT)[0],
        struct.unpack_from("<I", header, at + _ASF_FLAGS_AT)[0],
    )
    return None if flags & _ASF_BROADCAST else int(size)


def _mxf_size(header: bytes, at: int) -> int | None:
    """Return the first byte after where the footer begins: that is the last thing that is written."""
    length = header[at + 16 : at + 17]
    fields = at + 17 + (length[0] & 0x7F if length and length[0] & 0x80 else 0)
    if len(header) < fields + _MXF_FIELDS.size:
        return None
    footer = int(_MXF_FIELDS.unpack_from(header, fields)[-1])
    return footer + 1 if footer else None
