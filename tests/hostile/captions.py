"""Closed captions in the pictures of H.264: CEA-608 in user data (ATSC A/53 Part 4, ANSI/CTA-608)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tests.hostile.expected import Cue

#: Two bytes each: resume caption loading, erase the hidden page, row 15, show it, erase what is shown.
_LOAD, _ERASE_HIDDEN, _ROW, _SHOW, _ERASE = (
    (0x14, 0x20),
    (0x14, 0x2E),
    (0x14, 0x70),
    (0x14, 0x2F),
    (0x14, 0x2C),
)
_NOTHING = (0, 0)

_SLICES = (1, 5)


def _parity(value: int) -> int:
    return value | (0 if value.bit_count() % 2 else 0x80)


def pairs_of(cues: Iterable[Cue], rate: int, count: int) -> list[tuple[int, int]]:
    """Return the two bytes that each frame carries so that cues pop on and off at their times."""
    pairs = [_NOTHING] * count
    for cue in cues:
        text = [ord(letter) for letter in cue.text] + [0] * (len(cue.text) % 2)
        codes = [_LOAD, _LOAD, _ERASE_HIDDEN, _ERASE_HIDDEN, _ROW, _ROW]
        codes += list(zip(text[::2], text[1::2], strict=True))
        start = round(cue.start * rate)
        pairs[start - len(codes) : start] = codes
        pairs[start : start + 2] = [_SHOW, _SHOW]
        end = round(cue.end * rate)
        pairs[end : end + 2] = [_ERASE, _ERASE]
    return [(_parity(first), _parity(second)) for first, second in pairs]


def _message(first: int, second: int) -> bytes:
    """A supplemental enhancement information unit with one pair of the first field."""
    data = b"\xb5\x00\x31GA94\x03" + bytes([0xC0 | 1, 0xFF, 0xFC, first, second, 0xFF])
    return b"\x00\x00\x01\x06\x04" + bytes([len(data)]) + data + b"\x80"


def with_captions(stream: bytes, pairs: list[tuple[int, int]]) -> bytes:
    """Put a pair before each picture of a raw stream with one slice a picture and without B-frames."""
    written, at, frame = [], 0, 0
    for match in re.finditer(rb"\x00\x00\x01", stream):
        if stream[match.end()] & 31 in _SLICES:
            written += [stream[at : match.start()], _message(*pairs[frame])]
            at, frame = match.start(), frame + 1
    return b"".join([*written, stream[at:]])
