"""Changing the boxes of an MP4 file whose ``moov`` lies at its end (ISO/IEC 14496-12)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

#: Boxes that hold boxes.
_PARENTS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"udta")


def children(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and payload of each box."""
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, at + 8)
            head = 16
        elif size == 0:
            size = len(data) - at
        yield kind, data[at + head : at + size]
        at += size


def box(kind: bytes, payload: bytes) -> bytes:
    """Write a box."""
    return struct.pack(">I4s", len(payload) + 8, kind) + payload


def rewrite(
    data: bytes, change: Callable[[tuple[bytes, ...], bytes], bytes | None], path: tuple[bytes, ...] = ()
) -> bytes:
    """Rewrite boxes: ``change`` gets the path of kinds and the payload of each; None removes the box."""
    written = []
    for kind, payload in children(data):
        here = (*path, kind)
        if kind in _PARENTS:
            payload = rewrite(payload, change, here)
        new = change(here, payload)
        if new is not None:
            written.append(box(kind, new))
    return b"".join(written)


def track_kind(trak: bytes) -> bytes:
    """Return the handler of a track: ``vide``, ``soun``, ..."""
    for kind, payload in children(trak):
        if kind == b"mdia":
            return next(inner[8:12] for name, inner in children(payload) if name == b"hdlr")
    return b""


def timescale(trak: bytes) -> int:
    """Return the ticks a second of a track (its ``mdhd`` must be of version 0)."""
    mdia = next(payload for kind, payload in children(trak) if kind == b"mdia")
    mdhd = next(payload for kind, payload in children(mdia) if kind == b"mdhd")
    return int(struct.unpack_from(">I", mdhd, 12)[0])


def with_edits(data: bytes, kind: bytes, edits: list[tuple[float, float | None]]) -> bytes:
    """Give the tracks of a kind an edit list.

    Args:
        data: The file, ``moov`` last.
        kind: Handler of the tracks.
        edits: Length, and start in the track's own time (None: show nothing), of each edit, in seconds.
    """
    moov = next(payload for kind, payload in children(data) if kind == b"moov")
    mvhd = next(payload for kind, payload in children(moov) if kind == b"mvhd")
    (movie_scale,) = struct.unpack_from(">I", mvhd, 12)

    def change(path: tuple[bytes, ...], payload: bytes) -> bytes | None:
        if path[-1] != b"trak" or track_kind(payload) != kind:
            return payload
        scale = timescale(payload)
        entries = b"".join(
            struct.pack(
                ">IiI", round(length * movie_scale), -1 if start is None else round(start * scale), 0x10000
            )
            for length, start in edits
        )
        edts = box(b"edts", box(b"elst", struct.pack(">II", 0, len(edits)) + entries))
        rest = [(name, inner) for name, inner in children(payload) if name != b"edts"]
        return b"".join(box(name, inner) + (edts if name == b"tkhd" else b"") for name, inner in rest)

    return rewrite(data, change)


def without(data: bytes, *kinds: bytes) -> bytes:
    """Remove boxes by kind."""
    return rewrite(data, lambda path, payload: None if path[-1] in kinds else payload)


#: Display matrices of a track, a b u c d v x y w in 16.16 and 2.30 fixed point, without the shift.
MATRICES = {
    "hflip": (-1, 0, 0, 1),
    "vflip": (1, 0, 0, -1),
    "90": (0, 1, -1, 0),
    "180": (-1, 0, 0, -1),
    "270": (0, -1, 1, 0),
    "transpose": (0, 1, 1, 0),
}


def with_matrix(data: bytes, name: str, width: int, height: int) -> bytes:
    """Give the video track a display matrix, shifted so that the picture lies at the origin."""
    a, b, c, d = MATRICES[name]
    x = -min(0, a * width, c * height, a * width + c * height)
    y = -min(0, b * width, d * height, b * width + d * height)
    numbers = [a << 16, b << 16, 0, c << 16, d << 16, 0, x << 16, y << 16, 1 << 30]

    def change(path: tuple[bytes, ...], payload: bytes) -> bytes:
        if path[-1] != b"trak" or track_kind(payload) != b"vide":
            return payload
        parts = []
        for kind, inner in children(payload):
            if kind == b"tkhd":
                inner = inner[:40] + struct.pack(">9i", *numbers) + inner[76:]
            parts.append(box(kind, inner))
        return b"".join(parts)

    return rewrite(data, change)


def with_sample_box(data: bytes, extra: bytes) -> bytes:
    """Append a box to the first video sample entry."""

    def change(path: tuple[bytes, ...], payload: bytes) -> bytes:
        if path[-1] != b"stsd":
            return payload
        size, kind = struct.unpack_from(">I4s", payload, 8)
        if kind not in (b"avc1", b"hvc1", b"hev1"):
            return payload
        entry = struct.pack(">I", size + len(extra)) + payload[12 : 8 + size] + extra
        return payload[:8] + entry + payload[8 + size :]

    return rewrite(data, change)
