"""H.264 (ITU-T H.264): what the sequence parameter set says, and closed captions in SEI messages."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from encoders.annexb import codec_string
from verifier.media.bits import BitReader
from verifier.media.model import Captions, TrackConfig

IDR, SEI, SPS, PPS = 5, 6, 7, 8

#: Profiles whose SPS tells the chroma format (7.3.2.1.1).
_WITH_CHROMA = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})

#: Sample aspect ratios by aspect_ratio_idc (table E-1); 255 means that the ratio follows.
_ASPECTS = (
    *((1, 1), (1, 1), (12, 11), (10, 11), (16, 11), (40, 33), (24, 11), (20, 11), (32, 11), (80, 33)),
    *((18, 11), (15, 11), (64, 33), (160, 99), (4, 3), (3, 2), (2, 1)),
)
_EXTENDED_ASPECT = 255

#: user_data_registered_itu_t_t35 with captions: United States, ATSC, "GA94", type 3 (ATSC A/53 part 4).
_T35 = 4
_CAPTIONS_PREFIX = b"\xb5\x00\x31GA94\x03"


@dataclass
class PictureScan:
    """What the NAL units of a stretch of pictures tell."""

    sets: dict[bytes, None] = field(default_factory=dict)
    captions: Captions = Captions.NONE

    def take(self, units: Iterable[bytes]) -> bool:
        """Look at the NAL units of one picture; tell whether it is an IDR picture."""
        idr = False
        for unit in units:
            kind = unit[0] & 31
            if kind == IDR:
                idr = True
            elif kind in (SPS, PPS):
                self.sets[unit] = None
            elif kind == SEI and self.captions < Captions.TEXT and b"GA94" in unit:
                self.captions = max(self.captions, find_captions(unit[1:]))
        return idr


def length_prefixed(data: bytes, size: int) -> Iterator[bytes]:
    """Split an MP4 sample into NAL units whose lengths take ``size`` bytes each.

    Raises:
        ValueError: A length leads out of the sample.
    """
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at : at + size], "big")
        at += size
        if at + length > len(data):
            raise ValueError("a NAL unit reaches beyond its sample")
        if length:
            yield data[at : at + length]
        at += length


def unescape(unit: bytes) -> bytes:
    """Remove emulation prevention bytes (7.4.1.1)."""
    parts, at = [], 0
    while (found := unit.find(b"\x00\x00\x03", at)) >= 0:
        parts.append(unit[at : found + 2])
        at = found + 3
    return b"".join(parts) + unit[at:]


def find_captions(sei: bytes) -> Captions:
    """Look for closed captions in SEI messages, given without their NAL header (ATSC A/53 part 4)."""
    data = unescape(sei)
    at, found = 0, Captions.NONE
    while at + 2 < len(data):
        kind, at = _sei_number(data, at)
        size, at = _sei_number(data, at)
        payload = data[at : at + size]
        at += size
        if kind == _T35 and payload.startswith(_CAPTIONS_PREFIX):
            found = max(found, _caption_data(payload[len(_CAPTIONS_PREFIX) :]))
    return found


def _sei_number(data: bytes, at: int) -> tuple[int, int]:
    """Read a type or size of an SEI message (7.3.2.3.1); return it and the position behind it."""
    value = 0
    while at < len(data) and data[at] == 255:
        value, at = value + 255, at + 1
    return (value + data[at], at + 1) if at < len(data) else (value, at)


def _caption_data(data: bytes) -> Captions:
    """Read cc_data(): triplets of flags and two characters. 0x80 0x80 and 0x00 0x00 are padding."""
    if len(data) < 2 or not data[0] & 0x40:
        return Captions.NONE
    for index in range(data[0] & 31):
        triplet = data[2 + 3 * index : 5 + 3 * index]
        valid = len(triplet) == 3 and triplet[0] & 4
        if valid and (triplet[1] & 0x7F or triplet[2] & 0x7F):
            return Captions.TEXT
    return Captions.PADDING


def read_config(sets: Iterable[bytes], extradata: bytes = b"") -> TrackConfig:
    """Read the configuration of a track from its parameter sets.

    Raises:
        ValueError: There is no SPS, or it is damaged.
    """
    units = tuple(sets)
    sps = next((unit for unit in units if unit[0] & 31 == SPS), None)
    if sps is None:
        raise ValueError("there is no sequence parameter set")
    try:
        facts = _read_sps(sps)
    except EOFError:
        raise ValueError("the sequence parameter set is damaged") from None
    return TrackConfig(
        kind="video",
        codec=codec_string(units),
        coding="h264",
        profile=sps[1],
        level=sps[3],
        parameters=hashlib.sha256(b"".join(sorted(units))).hexdigest()[:16],
        extradata=extradata,
        **facts,
    )


def _read_sps(unit: bytes) -> dict[str, Any]:
    reader = BitReader(unescape(unit[1:]))
    profile = reader.bits(8)
    reader.bits(16)
    reader.unsigned()
    chroma = 1
    if profile in _WITH_CHROMA:
        chroma = reader.unsigned()
        if chroma == 3:
            reader.flag()
        reader.unsigned()
        reader.unsigned()
        reader.flag()
        if reader.flag():
            for index in range(8 if chroma != 3 else 12):
                if reader.flag():
                    _skip_scaling_list(reader, 16 if index < 6 else 64)
    reader.unsigned()
    order = reader.unsigned()
    if order == 0:
        reader.unsigned()
    elif order == 1:
        reader.flag()
        reader.signed()
        reader.signed()
        for _ in range(reader.unsigned()):
            reader.signed()
    reader.unsigned()
    reader.flag()
    width = 16 * (reader.unsigned() + 1)
    map_units = reader.unsigned() + 1
    frames_only = reader.flag()
    height = 16 * map_units * (1 if frames_only else 2)
    if not frames_only:
        reader.flag()
    reader.flag()
    if reader.flag():
        across = 2 if chroma in (1, 2) else 1
        down = (2 if chroma == 1 else 1) * (1 if frames_only else 2)
        left, right, top, bottom = (reader.unsigned() for _ in range(4))
        width -= across * (left + right)
        height -= down * (top + bottom)
    aspect, transfer = _read_vui(reader) if reader.flag() else (Fraction(1), 2)
    return {
        "width": width,
        "height": height,
        "aspect": aspect,
        "transfer": transfer,
        "progressive": frames_only,
    }


def _skip_scaling_list(reader: BitReader, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + reader.signed()) % 256
        last = following or last


def _read_vui(reader: BitReader) -> tuple[Fraction, int]:
    """Return sample aspect ratio and transfer characteristics (E.1.1)."""
    aspect, transfer = Fraction(1), 2
    if reader.flag():
        code = reader.bits(8)
        if code == _EXTENDED_ASPECT:
            width, height = reader.bits(16), reader.bits(16)
            aspect = Fraction(width, height) if width and height else aspect
        elif code < len(_ASPECTS):
            aspect = Fraction(*_ASPECTS[code])
    if reader.flag():
        reader.flag()
    if reader.flag():
        reader.bits(4)
        if reader.flag():
            reader.bits(8)
            transfer = reader.bits(8)
    return aspect, transfer
