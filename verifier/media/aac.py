"""AAC: the AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1) and ADTS headers (1.A.2.2)."""

from __future__ import annotations

from dataclasses import dataclass

from verifier.media.bits import BitReader
from verifier.media.model import TrackConfig

#: Samples of a frame of AAC-LC.
FRAME_SAMPLES = 1024

_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)

#: Channels by channel configuration; 0 says that the bitstream tells.
_CHANNELS = (0, 1, 2, 3, 4, 5, 6, 8)

_HEADER_BYTES = 7


@dataclass(frozen=True)
class AdtsFrame:
    """An ADTS frame: object type, samples a second, channels, bytes with its header, number of AAC blocks."""

    object_type: int
    sample_rate: int
    channels: int
    size: int
    blocks: int


def read_specific_config(data: bytes) -> TrackConfig:
    """Read an AudioSpecificConfig.

    Raises:
        ValueError: It is damaged.
    """
    reader = BitReader(data)
    try:
        kind = _object_type(reader)
        rate = _sample_rate(reader)
        channels = reader.bits(4)
    except (EOFError, IndexError):
        raise ValueError("the AudioSpecificConfig is damaged") from None
    return audio_config(kind, rate, _CHANNELS[channels] if channels < len(_CHANNELS) else 0, data)


def audio_config(object_type: int, rate: int, channels: int, extradata: bytes = b"") -> TrackConfig:
    """Return the configuration of an AAC track."""
    return TrackConfig(
        kind="audio",
        codec=f"mp4a.40.{object_type}",
        coding="aac",
        channels=channels,
        sample_rate=rate,
        parameters=f"{object_type} {rate} {channels}",
        extradata=extradata,
    )


def read_adts(data: bytes, at: int) -> AdtsFrame | None:
    """Read the ADTS header at a position; None if there is none."""
    if at + _HEADER_BYTES > len(data) or data[at] != 0xFF or data[at + 1] & 0xF6 != 0xF0:
        return None
    bits = int.from_bytes(data[at : at + _HEADER_BYTES], "big")
    rate = bits >> 34 & 15
    size = bits >> 13 & 0x1FFF
    if rate >= len(_RATES) or size < _HEADER_BYTES:
        return None
    return AdtsFrame((bits >> 38 & 3) + 1, _RATES[rate], _CHANNELS[bits >> 30 & 7], size, (bits & 3) + 1)


def _object_type(reader: BitReader) -> int:
    kind = reader.bits(5)
    return 32 + reader.bits(6) if kind == 31 else kind


def _sample_rate(reader: BitReader) -> int:
    index = reader.bits(4)
    return reader.bits(24) if index == 15 else _RATES[index]
