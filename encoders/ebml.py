"""Reading EBML (RFC 8794), the structure of Matroska and WebM, as far as a few header fields need it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

#: Longest identifier and longest size field, in bytes.
_LONGEST_ID, _LONGEST_SIZE = 4, 8

#: Bytes of the longest header of an element.
_HEADER = _LONGEST_ID + _LONGEST_SIZE

#: Elements looked at side by side: no header has nearly as many.
_MOST_ELEMENTS = 2000


@dataclass(frozen=True)
class Element:
    """An element: its identifier with the length bits, and where its payload begins and ends in the file."""

    id: int
    start: int
    end: int


def elements(source: BinaryIO, start: int, end: int) -> Iterator[Element]:
    """Yield the elements side by side between two bytes of a file.

    One whose size is unknown, or larger than what is around it, ends where that does. Stops at what is no
    element, and after a bounded number of them.
    """
    for _ in range(_MOST_ELEMENTS):
        if start >= end:
            return
        source.seek(start)
        head = source.read(_HEADER)
        id_length = _length(head[:1], _LONGEST_ID)
        size_length = _length(head[id_length : id_length + 1], _LONGEST_SIZE) if id_length else 0
        if not size_length or id_length + size_length > len(head):
            return
        size_bits = 7 * size_length
        size = int.from_bytes(head[id_length : id_length + size_length], "big") & ((1 << size_bits) - 1)
        at = start + id_length + size_length
        start = end if size == (1 << size_bits) - 1 else min(end, at + size)
        yield Element(int.from_bytes(head[:id_length], "big"), at, start)


def payload(source: BinaryIO, element: Element, longest: int) -> bytes:
    """Read an element's bytes, at most ``longest`` of them."""
    source.seek(element.start)
    return source.read(min(longest, element.end - element.start))


def unsigned(source: BinaryIO, element: Element) -> int:
    """Read an element's unsigned integer."""
    return int.from_bytes(payload(source, element, _LONGEST_SIZE), "big")


def _length(first: bytes, longest: int) -> int:
    """Return the length that the leading zero bits of a field's first byte tell, or 0."""
    length = 9 - first[0].bit_length() if first and first[0] else 0
    return length if length <= longest else 0
