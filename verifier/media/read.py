"""From the bytes of a segment to what it holds: which format it is in, and which reader reads it."""

from __future__ import annotations

from dataclasses import dataclass

from verifier import rulebook
from verifier.media.elementary import read_packed, read_ts
from verifier.media.fragments import read_fragments
from verifier.media.init import InitSegment, read_init
from verifier.media.model import SegmentMedia
from verifier.media.ts import TransportStream, looks_like_ts, read_transport
from verifier.media.webvtt import SubtitleSegment, looks_like_webvtt, read_webvtt

_BOXES = (b"styp", b"moof", b"sidx", b"emsg", b"prft", b"ftyp", b"free", b"moov", b"skip")


@dataclass(frozen=True)
class Init:
    """What EXT-X-MAP named, read: of MP4, of MPEG-TS, or the header of WebVTT."""

    data: bytes
    mp4: InitSegment | None = None
    tables: TransportStream | None = None


class EncryptedMediaError(Exception):
    """The samples need a key."""


def read_init_section(data: bytes) -> Init:
    """Read what EXT-X-MAP named."""
    if looks_like_ts(data):
        return Init(data, tables=read_transport(data))
    if looks_like_webvtt(data):
        return Init(data)
    return Init(data, mp4=read_init(data))


def read_segment(
    data: bytes, init: Init | None, near: int | None
) -> tuple[SegmentMedia, SubtitleSegment | None]:
    """Look into a segment.

    Args:
        data: Its bytes.
        init: What EXT-X-MAP applies to it.
        near: A decoding time of the segment before, by which clocks that wrap are unwrapped.

    Raises:
        EncryptedMediaError: Its samples are encrypted.
    """
    if data[4:8] in _BOXES:
        return _read_mp4(data, init), None
    if looks_like_ts(data):
        transport = read_transport(data, init.tables if init else None)
        if transport.encrypted:
            raise EncryptedMediaError
        return read_ts(transport, len(data), near), None
    has_header = init is not None and looks_like_webvtt(init.data)
    if looks_like_webvtt(data) or has_header:
        whole = data if looks_like_webvtt(data) or init is None else init.data + b"\n\n" + data
        subtitles = read_webvtt(whole)
        return SegmentMedia("webvtt", len(data), problems=subtitles.problems), subtitles
    if data[:3] == b"ID3" or (len(data) > 1 and data[0] == 0xFF and data[1] & 0xF6 == 0xF0):
        return read_packed(data, near), None
    problem = (rulebook.READABLE, "it is in no format that RFC 8216 knows")
    return SegmentMedia("unknown", len(data), problems=(problem,)), None


def _read_mp4(data: bytes, init: Init | None) -> SegmentMedia:
    if init is None or init.mp4 is None:
        # A segment that brings its own moov can be measured all the same.
        own = read_init(data) if b"moov" in data[:4096] else None
        problem = (rulebook.MP4_MAP, "it is fragmented MP4, and no EXT-X-MAP applies to it")
        if own is None or not own.tracks:
            return SegmentMedia("fmp4", len(data), problems=(problem,))
        media = read_fragments(data, own)
        return SegmentMedia("fmp4", media.size, media.parts, (problem, *media.problems))
    if init.mp4.encrypted:
        raise EncryptedMediaError
    return read_fragments(data, init.mp4)
