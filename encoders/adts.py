"""AAC outside MP4: ADTS headers (ISO/IEC 13818-7, 6.2) for MPEG-TS."""

from __future__ import annotations

from typing import Protocol

_SAMPLE_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_HEADER_BYTES = 7


class _Track(Protocol):
    @property
    def timescale(self) -> int: ...
    @property
    def channels(self) -> int: ...


def frame(data: bytes, track: _Track) -> bytes:
    """Put an AAC-LC frame of a track with ``timescale`` samples per second behind its ADTS header."""
    size = len(data) + _HEADER_BYTES
    rate = _SAMPLE_RATES.index(track.timescale)
    bits = 0xFFF  # syncword
    for value, width in (
        (0b0001, 4),  # MPEG-4, layer 0, no CRC
        (1, 2),  # AAC-LC
        (rate, 4),
        (0, 1),
        (track.channels, 3),
        (0, 4),
        (size, 13),
        (0x7FF, 11),  # variable bit rate
        (0, 2),  # one AAC frame
    ):
        bits = bits << width | value
    return bits.to_bytes(_HEADER_BYTES, "big") + data
