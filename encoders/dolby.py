"""Dolby Vision: whether the base layer is a picture that others than Dolby's decoders can show."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from encoders.ebml import elements, payload, unsigned
from encoders.tracks import box_tracks, matroska_tracks

#: The configuration record (Dolby Vision Streams Within the ISO Base Media File Format, 3.2): two bytes of
#: version, then profile (7 bits), level (6), three flags, and the base layer's compatibility (4).
_RECORD = struct.Struct(">2xHB")

#: Boxes that hold it, and Matroska's elements around it (RFC 9559, 5.1.4.1.17).
_BOXES = (b"dvcC", b"dvvC", b"dvwC")
_MAPPING, _MAPPING_TYPE, _MAPPING_DATA = 0x41E4, 0x41E7, 0x41ED
_LONGEST_RECORD = 64

#: Sample entries that only a Dolby decoder may show, where no record says otherwise.
_DOLBY_ENTRIES = frozenset({b"dvh1", b"dvhe", b"dva1", b"dvav", b"dav1", b"dvi1"})

#: Profiles whose base layer always is SDR, HDR10 or HLG, whatever old files write as its compatibility.
_COMPATIBLE = frozenset({4, 7, 8, 9})

_REFUSAL = (
    "it is Dolby Vision{profile} without a base layer that other decoders can show; "
    "transcoding needs a version with an HDR10, HLG or SDR base layer (such as profile 8)"
)


@dataclass(frozen=True)
class DolbyVision:
    """Profile of a track, and its base layer's signal (0: none but Dolby's, 1: HDR10, 2: SDR, 4: HLG)."""

    profile: int
    compatibility: int


def dolby_vision(source: BinaryIO, format_name: str, track: int) -> DolbyVision | None:
    """Return a video track's Dolby Vision configuration, or None where there is none.

    Profile 0 stands for a track of an MP4 that calls itself Dolby Vision and has no configuration.

    Args:
        source: The open file, seekable; its position is moved.
        format_name: libavformat's name of the container; MP4 and Matroska are read.
        track: Which video track, counted from 0 in the order of the file, cover pictures left out.
    """
    names = format_name.split(",")
    if "mp4" in names:
        boxed = next(islice(box_tracks(source), track, None), None)
        if boxed is None:
            return None
        record = next((boxed.boxes[name] for name in _BOXES if name in boxed.boxes), b"")
        bare = DolbyVision(0, 0) if boxed.kind in _DOLBY_ENTRIES else None
        return _read_record(record) or bare
    if "matroska" in names:
        entry = next(islice(matroska_tracks(source), track, None), None)
        for mapping in elements(source, entry.entry.start, entry.entry.end) if entry else ():
            if mapping.id != _MAPPING:
                continue
            fields = {field.id: field for field in elements(source, mapping.start, mapping.end)}
            if _MAPPING_TYPE not in fields or _MAPPING_DATA not in fields:
                continue
            if unsigned(source, fields[_MAPPING_TYPE]).to_bytes(8, "big")[4:] in _BOXES:
                return _read_record(payload(source, fields[_MAPPING_DATA], _LONGEST_RECORD))
    return None


def refusal(found: DolbyVision | None) -> str | None:
    """Say why a track's picture cannot be used, or return None where it can."""
    if found is None or found.profile in _COMPATIBLE:
        return None
    if found.profile != 5 and found.compatibility:
        return None
    return _REFUSAL.format(profile=f" profile {found.profile}" if found.profile else "")


def _read_record(data: bytes) -> DolbyVision | None:
    if len(data) < _RECORD.size:
        return None
    bits, last = _RECORD.unpack_from(data)
    return DolbyVision(profile=bits >> 9, compatibility=last >> 4)
