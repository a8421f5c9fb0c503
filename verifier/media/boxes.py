"""Boxes of ISO base media files (ISO/IEC 14496-12), of bytes that lie in memory."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

#: Bytes before the first box within a box of these types.
_FIELDS = {b"stsd": 8, b"meta": 4, b"dref": 8}


@dataclass(frozen=True)
class Box:
    """A box: its type, where it starts, and where its payload lies in the same bytes."""

    kind: bytes
    start: int
    at: int
    end: int


def boxes(data: bytes, at: int = 0, end: int | None = None) -> Iterator[Box]:
    """Yield the boxes side by side in a stretch of bytes.

    Raises:
        ValueError: A box reaches beyond the stretch, or is no box.
    """
    end = len(data) if end is None else end
    while at < end:
        if at + 8 > end:
            raise ValueError("it ends within the header of a box")
        size, kind = struct.unpack_from(">I4s", data, at)
        header = 8
        if size == 1 and at + 16 <= end:
            size, header = struct.unpack_from(">Q", data, at + 8)[0], 16
        elif size == 0:
            size = end - at
        if size < header:
            raise ValueError(f"a box {kind!r} has an impossible size")
        if at + size > end:
            raise ValueError(
                f"box {kind.decode('ascii', 'replace')} is cut off: {at + size - end} bytes are missing"
            )
        yield Box(kind, at, at + header, at + size)
        at += size


def inside(data: bytes, box: Box) -> Iterator[Box]:
    """Yield the boxes in a box."""
    yield from boxes(data, box.at + _FIELDS.get(box.kind, 0), box.end)


def first(data: bytes, box: Box, *path: bytes) -> Box | None:
    """Return the first box at the end of a path of types below a box."""
    found: Box | None = box
    for kind in path:
        if found is None:
            return None
        found = next((child for child in inside(data, found) if child.kind == kind), None)
    return found


def number(data: bytes, at: int, size: int) -> int:
    """Return an unsigned number of ``size`` bytes.

    Raises:
        ValueError: The data ends before.
    """
    if at + size > len(data):
        raise ValueError("a box is shorter than its fields")
    return int.from_bytes(data[at : at + size], "big")
