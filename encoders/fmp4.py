"""CMAF init and media segments (ISO/IEC 23000-19, ISO/IEC 14496-12): one ``moof`` and ``mdat`` a segment.

libavformat writes the init segment. The fragments, and the edit list that joins the two, are written here:
the chunks of a rendition come from processes that know nothing of each other, and must still continue each
other exactly.

The first frame of a coded stream is decoded before it is shown: two frames for B-pyramids, one frame of
priming for AAC. So that nothing is decoded before time 0, the media time line runs ``lead`` ticks ahead of
the presentation, and an edit list takes them off again (the offset edit list of CMAF, 7.5.13). Unlike
negative composition offsets, which libavformat's demuxer shifts back by two frames, every player and tool
agrees on this form.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

#: Sample flags of ISO/IEC 14496-12, 8.8.3.1: an IDR depends on nothing; others depend and are not sync.
_SYNC_FLAGS = 0x02000000
_NON_SYNC_FLAGS = 0x01010000

#: tfhd: default-base-is-moof. trun: data offset, and duration, size, flags, composition offset per sample.
_TFHD_FLAGS = 0x020000
_TRUN_FLAGS = 0x000001 | 0x000100 | 0x000200 | 0x000400 | 0x000800


@dataclass(frozen=True)
class Sample:
    """One coded frame. ``dts``, ``pts`` and ``duration`` are ticks of the media time line."""

    data: bytes
    dts: int
    pts: int
    duration: int
    sync: bool


def _box(kind: bytes, *payload: bytes) -> bytes:
    size = 8 + sum(map(len, payload))
    return struct.pack(">I4s", size, kind) + b"".join(payload)


def _full_box(kind: bytes, version: int, flags: int, *payload: bytes) -> bytes:
    return _box(kind, struct.pack(">I", version << 24 | flags), *payload)


def _children(payload: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(payload):
        size, kind = struct.unpack_from(">I4s", payload, at)
        yield kind, payload[at + 8 : at + size]
        at += size


def with_edit_list(init: bytes, lead: int) -> bytes:
    """Return a one-track init segment that is presented ``lead`` ticks after its media time line starts."""
    edit = _full_box(b"elst", 0, 0, struct.pack(">IIiHH", 1, 0, lead, 1, 0))

    def rebuilt(payload: bytes) -> bytes:
        out = b""
        for kind, content in _children(payload):
            if kind in (b"moov", b"trak"):
                content = rebuilt(content)
            out += _box(kind, content)
            if kind == b"tkhd":
                out += _box(b"edts", edit)
        return out

    return rebuilt(init)


def media_segment(number: int, samples: Sequence[Sample]) -> bytes:
    """Return a media segment with ``samples`` of one track, in decoding order; ``number`` counts from 0."""
    rows = [
        struct.pack(
            ">IIIi",
            sample.duration,
            len(sample.data),
            _SYNC_FLAGS if sample.sync else _NON_SYNC_FLAGS,
            sample.pts - sample.dts,
        )
        for sample in samples
    ]

    def moof(data_offset: int) -> bytes:
        run = struct.pack(">Ii", len(samples), data_offset)
        return _box(
            b"moof",
            _full_box(b"mfhd", 0, 0, struct.pack(">I", number + 1)),
            _box(
                b"traf",
                _full_box(b"tfhd", 0, _TFHD_FLAGS, struct.pack(">I", 1)),
                _full_box(b"tfdt", 1, 0, struct.pack(">Q", samples[0].dts)),
                _full_box(b"trun", 1, _TRUN_FLAGS, run, *rows),
            ),
        )

    styp = _box(b"styp", b"msdh", struct.pack(">I", 0), b"msdh", b"msix", b"cmfs")
    # The offset of the first byte of mdat's payload, counted from the start of moof.
    header = moof(len(moof(0)) + 8)
    return styp + header + _box(b"mdat", *(sample.data for sample in samples))
