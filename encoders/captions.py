"""Closed captions that travel inside the pictures (CEA-608 and CEA-708 in ATSC A/53 Part 4 user data)."""

from __future__ import annotations

from collections.abc import Iterable

#: One construct: flags and type, then two bytes of data (CTA-708, 4.4).
_CONSTRUCT = 3
_VALID = 0x04
_TYPE = 0x03

#: Types of constructs: CEA-608 in the first and the second field, CEA-708 packets (their rest, their start).
_FIELD_1, _FIELD_2, _PACKET_DATA, _PACKET_START = range(4)

#: The name by which playlists call what each type carries (RFC 8216, 4.3.4.1: INSTREAM-ID).
_CHANNELS = {_FIELD_1: "CC1", _FIELD_2: "CC3", _PACKET_DATA: "SERVICE1", _PACKET_START: "SERVICE1"}

#: CEA-608 bytes carry seven bits and a parity bit; these seven mean "nothing".
_NULL = 0
_DATA_BITS = 0x7F


def channels_of(constructs: Iterable[bytes]) -> frozenset[str]:
    """Return the caption channels that some frames carry: ``CC1``, ``CC3``, ``SERVICE1``.

    A channel counts when something is said in it. Where frames keep the place for captions free and say
    nothing yet, that is taken for ``CC1``, the channel that nearly every captioned programme uses.
    """
    found, reserved = set(), False
    for data in constructs:
        for at in range(0, len(data) - _CONSTRUCT + 1, _CONSTRUCT):
            flags, first, second = data[at : at + _CONSTRUCT]
            if not flags & _VALID:
                continue
            reserved = True
            if first & _DATA_BITS != _NULL or second & _DATA_BITS != _NULL:
                found.add(_CHANNELS[flags & _TYPE])
    return frozenset(found or ({"CC1"} if reserved else ()))
