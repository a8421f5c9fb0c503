"""Sample entries: how a track of an MP4 file is coded (ISO/IEC 14496-12 8.5.2, 14496-15, 14496-1)."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from verifier.media import aac, h264
from verifier.media.boxes import Box, boxes, number
from verifier.media.model import TrackConfig

_VIDEO_FIELDS, _AUDIO_FIELDS = 78, 28

_VIDEO = {
    **dict.fromkeys((b"avc1", b"avc3"), "h264"),
    **dict.fromkeys((b"hvc1", b"hev1", b"dvh1", b"dvhe"), "hevc"),
    b"av01": "av1",
    b"vp09": "vp9",
}
_AUDIO = {b"mp4a": "aac", b"ac-3": "ac3", b"ec-3": "eac3", b"Opus": "opus", b"fLaC": "flac", b"alac": "alac"}
_TEXT = (b"wvtt", b"stpp", b"tx3g")

#: Entries of samples that only a key opens (ISO/IEC 14496-12, 8.12).
PROTECTED = (b"encv", b"enca")

#: Tag of the descriptor that holds the AudioSpecificConfig (ISO/IEC 14496-1, 7.2.2.1).
_SPECIFIC_INFO = 5
_CONTAINERS = {3: 3, 4: 13}


def read_entry(data: bytes, entry: Box) -> TrackConfig:
    """Read a sample entry.

    Raises:
        ValueError: It is damaged.
    """
    name = entry.kind.decode("ascii", "replace")
    if entry.kind in _VIDEO:
        return _video(data, entry, name)
    if entry.kind in _AUDIO:
        return _audio(data, entry, name)
    return TrackConfig(kind="text" if entry.kind in _TEXT else "other", codec=name, coding="")


def nal_length_size(config: TrackConfig) -> int:
    """Return how many bytes the lengths of NAL units take, from avcC or hvcC."""
    at = 4 if config.coding == "h264" else 21
    return (config.extradata[at] & 3) + 1 if len(config.extradata) > at else 4


def _video(data: bytes, entry: Box, name: str) -> TrackConfig:
    width, height = number(data, entry.at + 24, 2), number(data, entry.at + 26, 2)
    children = {box.kind: data[box.at : box.end] for box in boxes(data, entry.at + _VIDEO_FIELDS, entry.end)}
    transfer = 2
    colour = children.get(b"colr", b"")
    if colour[:4] == b"nclx":
        transfer = int.from_bytes(colour[6:8], "big")
    if b"avcC" in children:
        extradata = children[b"avcC"]
        config = h264.read_config(avc_sets(extradata), extradata)
        return config if name == "avc1" else _renamed(config, name)
    codec, extradata = name, b""
    if b"hvcC" in children:
        extradata = children[b"hvcC"]
        codec = _hevc_name(name, extradata)
    elif b"av1C" in children:
        extradata = children[b"av1C"]
        codec = _av1_name(extradata)
    return TrackConfig(
        kind="video",
        codec=codec,
        coding=_VIDEO[entry.kind],
        width=width,
        height=height,
        transfer=transfer,
        parameters=hashlib.sha256(extradata).hexdigest()[:16],
        extradata=extradata,
    )


def _renamed(config: TrackConfig, name: str) -> TrackConfig:
    return replace(config, codec=name + config.codec[4:])


def avc_sets(record: bytes) -> list[bytes]:
    """Return the parameter sets of an AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1)."""
    sets, at = [], 5
    for mask in (31, 255):
        many = number(record, at, 1) & mask
        at += 1
        for _ in range(many):
            size = number(record, at, 2)
            sets.append(record[at + 2 : at + 2 + size])
            at += 2 + size
    return [unit for unit in sets if unit]


def _hevc_name(name: str, record: bytes) -> str:
    """Return the name of ISO/IEC 14496-15 E.3 from an HEVCDecoderConfigurationRecord."""
    number(record, 12, 1)
    space = ("", "A", "B", "C")[record[1] >> 6]
    tier = "H" if record[1] & 32 else "L"
    flags = int(f"{number(record, 2, 4):032b}"[::-1], 2)
    constraints = [f"{byte:02X}".lstrip("0") or "0" for byte in record[6:12]]
    while constraints and constraints[-1] == "0":
        constraints.pop()
    return ".".join([name, f"{space}{record[1] & 31}", f"{flags:X}", f"{tier}{record[12]}", *constraints])


def _av1_name(record: bytes) -> str:
    """Return the short name of the AV1 ISO binding, section 5."""
    depth = (12 if record[2] & 32 else 10) if number(record, 2, 1) & 64 else 8
    return f"av01.{record[1] >> 5}.{record[1] & 31:02d}{'H' if record[2] & 128 else 'M'}.{depth:02d}"


def _audio(data: bytes, entry: Box, name: str) -> TrackConfig:
    channels, rate = number(data, entry.at + 16, 2), number(data, entry.at + 24, 2)
    version = number(data, entry.at + 8, 2)
    skipped = {1: 16, 2: 36}.get(version, 0)  # QuickTime's longer forms
    for box in boxes(data, entry.at + _AUDIO_FIELDS + skipped, entry.end):
        payload = data[box.at : box.end]
        if box.kind == b"esds" and (found := _specific_info(payload[4:])):
            return aac.read_specific_config(found)
        if box.kind == b"dOps":
            channels = payload[1]
        if box.kind == b"dac3":
            bits = int.from_bytes(payload[:3], "big")
            channels = (2, 1, 2, 3, 3, 4, 4, 5)[bits >> 11 & 7] + (bits >> 10 & 1)
        if box.kind == b"dec3":
            bits = int.from_bytes(payload[2:5], "big")
            channels = (2, 1, 2, 3, 3, 4, 4, 5)[bits >> 9 & 7] + (bits >> 8 & 1)
    return TrackConfig(
        kind="audio",
        codec="opus" if name == "Opus" else name,
        coding=_AUDIO[entry.kind],
        channels=channels,
        sample_rate=rate,
        parameters=f"{name} {rate} {channels}",
    )


def _specific_info(data: bytes) -> bytes | None:
    """Find the AudioSpecificConfig in the descriptors of an esds box."""
    at = 0
    while at + 2 <= len(data):
        tag, at = data[at], at + 1
        size = 0
        while at < len(data):
            byte, at = data[at], at + 1
            size = size << 7 | byte & 127
            if not byte & 128:
                break
        if tag == _SPECIFIC_INFO:
            return data[at : at + size]
        at += _CONTAINERS.get(tag, size)
    return None
