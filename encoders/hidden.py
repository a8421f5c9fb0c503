"""Pictures that are sent but never shown: what VP8 and VP9 packets say of it in their first bytes."""

from __future__ import annotations

from collections.abc import Callable


def hidden_test(codec: str) -> Callable[[memoryview], bool] | None:
    """Return how to tell that a packet of a codec holds nothing but a picture that is not to be shown.

    VP8 (RFC 6386, 9.1) and VP9 (bitstream specification, 6.2) encoders send such pictures for others to refer
    to. The other codecs have no packets of this kind.
    """
    return {"vp8": _vp8_hidden, "vp9": _vp9_hidden}.get(codec)


def _vp8_hidden(data: memoryview) -> bool:
    return not data[0] >> 4 & 1


def _vp9_hidden(data: memoryview) -> bool:
    if data[-1] & 0xE0 == 0xC0:
        return False  # a superframe: its last picture is shown
    profile = (data[0] >> 5 & 1) | (data[0] >> 4 & 1) << 1
    bits = int.from_bytes(bytes(data[:2]).ljust(2, b"\0"))
    at = 12 - (profile == 3)  # the first bit after frame marker and profile
    show_existing, show = bits >> at - 1 & 1, bits >> at - 3 & 1
    return not show_existing and not show
