"""Damage of many kinds, the same for the same random numbers."""

from __future__ import annotations

import random
import re
import struct
from collections.abc import Callable, Sequence

Mutation = Callable[[bytearray, random.Random, Sequence[bytes]], bytearray]

#: Numbers at the edges of what fields hold.
_EDGES = (0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)

#: A box of ISO BMFF, a chunk of RIFF, an atom: four letters beside a length.
_NAMED = re.compile(rb"[A-Za-z][A-Za-z0-9 ]{2}[A-Za-z0-9 ]")

#: Headers lie near the start, or (the index of many formats) near the end.
_HEADER_BYTES = 4096


def flip_bits(data: bytearray, chance: random.Random, others: Sequence[bytes]) -> bytearray:
    """Flip single bits, anywhere."""
    for _ in range(chance.choice((1, 3, 10, 100))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return data


def hit_headers(data: bytearray, chance: random.Random, others: Sequence[bytes]) -> bytearray:
    """Change bytes near one end of the file."""
    span = min(len(data), _HEADER_BYTES)
    base = chance.choice((0, len(data) - span))
    for _ in range(chance.choice((1, 2, 5, 20))):
        data[base + chance.randrange(span)] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
    return data


def set_numbers(data: bytearray, chance: random.Random, others: Sequence[bytes]) -> bytearray:
    """Write numbers of two, four or eight bytes over others near one end."""
    span = min(len(data), _HEADER_BYTES)
    base = chance.choice((0, len(data) - span))
    for _ in range(chance.choice((1, 2, 4))):
        layout = chance.choice((">H", "<H", ">I", "<I", ">Q", "<Q"))
        number = chance.choice((*_EDGES, chance.getrandbits(32))) & (256 ** struct.calcsize(layout) - 1)
        at = base + chance.randrange(span)
        data[at : at + struct.calcsize(layout)] = struct.pack(layout, number)
    return data


def set_sizes(data: bytearray, chance: random.Random, others: Sequence[bytes]) -> bytearray:
    """Write over the length, or the first fields, of boxes and chunks that have names of four letters."""
    found = [match.start() for match in _NAMED.finditer(data, 0, 1 << 20)]
    for at in chance.sample(found, min(len(found), chance.choice((1, 2, 3)))):
        where = at + chance.choice((-4, -4, 4, 8, 12, 16, 20))
        layout = chance.choice((">I", ">I", "<I"))
        if where >= 0:
            data[where : where + 4] = struct.pack(layout, chance.choice((*_EDGES, len(data), 8, 16, 4096)))
    return data


def truncate(data: bytearray, chance: random.Random, others: Sequence[bytes]) -> bytearray:
    """Cut the end off."""
    return data[: chance.randrange(1, len(data))]


def _piece(data: bytes | bytearray, chance: random.Random) -> tuple[int, int]:
    length = min(len(data), chance.choice((1, 4, 16, 188, 512, 4096, len(data) // 4 + 1)))
    start = chance.randrange(len(data) - length + 1)
    return start, start + length


def cut_out(data: bytearray, chance: random.Random, others: Sequence[bytes]) -> bytearray:
    """Leave a range out."""
    start, end = _piece(data, chance)
    return data[:start] + data[end:]


def repeat(data: bytearray, chance: random.Random, others: Sequence[bytes]) -> bytearray:
    """Repeat a range, a few times or many."""
    start, end = _piece(data, chance)
    times = chance.choice((1, 2, 10, min(1000, 200_000 // (end - start))))
    return data[:end] + data[start:end] * times + data[end:]


def swap(data: bytearray, chance: random.Random, others: Sequence[bytes]) -> bytearray:
    """Write a range over another one."""
    start, end = _piece(data, chance)
    at = chance.randrange(len(data))
    piece = data[start:end][: len(data) - at]
    data[at : at + len(piece)] = piece
    return data


def fill(data: bytearray, chance: random.Random, others: Sequence[bytes]) -> bytearray:
    """Fill a range with zeros, ones or noise."""
    start, end = _piece(data, chance)
    length = end - start
    data[start:end] = chance.choice((bytes(length), b"\xff" * length, chance.randbytes(length)))
    return data


def splice(data: bytearray, chance: random.Random, others: Sequence[bytes]) -> bytearray:
    """Put a piece of another file in, or go on with it."""
    other = chance.choice(others)
    start, end = _piece(other, chance)
    at = chance.randrange(len(data))
    return data[:at] + other[start:end] + (b"" if chance.random() < 0.3 else data[at:])


MUTATIONS: tuple[Mutation, ...] = (
    flip_bits,
    hit_headers,
    set_numbers,
    set_sizes,
    set_sizes,
    truncate,
    cut_out,
    repeat,
    swap,
    fill,
    splice,
)


def mutated(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Return a damaged copy: one kind of damage, or several."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4))):
        if changed:
            changed = chance.choice(MUTATIONS)(changed, chance, others)
    return bytes(changed) or b"\0"
