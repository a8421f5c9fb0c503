"""H.264 byte streams (ITU-T H.264, Annex B): NAL units, their MP4 form, and what the SPS says."""

from __future__ import annotations

import hashlib
import re
import struct
from itertools import pairwise

_START_CODE = re.compile(rb"\x00\x00\x01")

_NAL_IDR, _NAL_SPS, _NAL_PPS = 5, 7, 8


def nal_units(stream: bytes) -> list[bytes]:
    """Split a byte stream at its start codes."""
    starts = [match.end() for match in _START_CODE.finditer(stream)]
    bounds = pairwise([*starts, len(stream) + 3])
    # A NAL unit never ends in a zero byte (7.4.1): those belong to the next start code.
    units = (stream[start : following - 3].rstrip(b"\x00") for start, following in bounds)
    return [nal for nal in units if nal]


def to_length_prefixed(stream: bytes) -> bytes:
    """Turn start codes into 4-byte lengths, the form of MP4 samples, and leave parameter sets out."""
    units = (nal for nal in nal_units(stream) if nal[0] & 31 not in (_NAL_SPS, _NAL_PPS))
    return b"".join(struct.pack(">I", len(nal)) + nal for nal in units)


def parameter_sets(stream: bytes) -> tuple[bytes, ...]:
    """Return the SPS and PPS units found in a byte stream, in order."""
    return tuple(nal for nal in nal_units(stream) if nal[0] & 31 in (_NAL_SPS, _NAL_PPS))


def starts_with_idr(stream: bytes) -> bool:
    """Tell whether a coded frame is an IDR picture."""
    return any(nal[0] & 31 == _NAL_IDR for nal in nal_units(stream))


def codec_string(sets: tuple[bytes, ...]) -> str:
    """Return the RFC 6381 name, ``avc1.PPCCLL``: profile, constraints and level as the SPS has them.

    Raises:
        ValueError: There is no SPS among ``sets``.
    """
    for nal in sets:
        if nal[0] & 31 == _NAL_SPS:
            return f"avc1.{nal[1:4].hex()}"
    raise ValueError("the stream has no sequence parameter set")


def digest(sets: tuple[bytes, ...]) -> str:
    """Hash parameter sets: renditions whose chunks differ here cannot be joined."""
    return hashlib.sha256(b"".join(struct.pack(">I", len(nal)) + nal for nal in sets)).hexdigest()
