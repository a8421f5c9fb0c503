"""From the packets of one subtitle stream to its cues.

Text of every kind comes out of libavcodec as ASS events. WebVTT itself is taken as it lies in the file: its
cue text would lose voices, classes and settings on that way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import av.error
from av.packet import Packet
from av.stream import Stream
from av.subtitles.codeccontext import SubtitleCodecContext
from av.subtitles.subtitle import AssSubtitle, SubtitleSet

from encoders.asstext import Script, cue_text, read_script
from encoders.decode import DecodeCounts
from encoders.matroska_text import settings_and_identifier
from encoders.webvtt import Cue, boxed_cues, clean_identifier, clean_payload, clean_settings
from gopfarm.errors import SourceError
from gopfarm.timeline import round_half_up

#: ISO/IEC 14496-30's name of WebVTT in MP4, which libavformat does not know: its packets come as bare data.
BOXED = "wvtt"

#: libavcodec's name of closed captions: their decoder holds them back and says itself when they were shown.
CAPTIONS = "eia_608"

#: A cue without an end is shown until the next one starts, at most so many milliseconds.
_LONGEST_OPEN = 10_000

#: Cues of one stream: a film has some thousands, or with signs painted frame by frame ten times as many.
_MOST_CUES = 500_000

#: libavcodec's "not known" of a display time, and what PyAV gives for no time at all.
_NO_END = 0xFFFFFFFF
_NO_TIME = -(1 << 63)

_MICROSECOND = Fraction(1, 1_000_000)


@dataclass(frozen=True)
class _Event:
    """A cue as it was found: milliseconds of the published timeline, ``end`` None where it is not said."""

    start: int
    end: int | None
    cue: Cue


class CueTrack:
    """Collects the cues of one stream while its packets go by.

    Args:
        stream: What the packets belong to.
        origin: Time on the source's clock, in seconds, that is 0 on the published timeline.
        counts: Where packets that cannot be decoded are counted.
    """

    def __init__(self, stream: Stream, origin: Fraction, counts: DecodeCounts) -> None:
        self._index = stream.index
        context = stream.codec_context
        self._context = context if isinstance(context, SubtitleCodecContext) else None
        if context is not None:
            self._kind = context.codec.canonical_name
        else:
            self._kind = BOXED if stream.type == "data" else "webvtt"
        self._origin = origin
        self._counts = counts
        self._script: Script | None = None
        self._events: list[_Event] = []

    def take(self, packet: Packet[Any]) -> None:
        """Add what a packet holds; one without a time, or that cannot be decoded, counts as damaged."""
        try:
            if packet.size == 0:
                self._flush(packet)
            elif self._kind == BOXED:
                self._take_boxed(packet)
            elif self._kind == "webvtt":
                self._take_webvtt(packet)
            else:
                self._take_decoded(packet, self._decode(packet))
        except (av.error.FFmpegError, ValueError):
            self._counts.damaged += 1

    def cues(self) -> list[Cue]:
        """Return the cues, in order of their starts, each with an end."""
        events = sorted(self._events, key=lambda event: event.start)
        starts = sorted({event.start for event in events})
        following = dict(pairwise(starts))
        cues: list[Cue] = []
        for event in events:
            end = event.end
            if end is None:
                longest = event.start + _LONGEST_OPEN
                end = min(longest, following.get(event.start, longest))
            cues.append(replace(event.cue, start=event.start, end=end))
        return _joined(cues) if self._kind == BOXED else cues

    def _take_boxed(self, packet: Packet[Any]) -> None:
        for payload, settings, identifier in boxed_cues(bytes(packet)):
            self._add_webvtt(packet, payload, settings, identifier)

    def _take_webvtt(self, packet: Packet[Any]) -> None:
        side = {data.data_type: bytes(data) for data in packet.iter_sidedata()}
        beside = (side.get(f"webvtt_{name}", b"") for name in ("settings", "identifier"))
        settings, identifier = (part.decode(errors="replace") for part in beside)
        if addition := side.get("matroska_block_additional"):
            settings, identifier = settings_and_identifier(addition)
        self._add_webvtt(packet, bytes(packet).decode(errors="replace"), settings, identifier)

    def _add_webvtt(self, packet: Packet[Any], payload: str, settings: str, identifier: str) -> None:
        start = _time(packet)
        end = start + packet.duration * packet.time_base if packet.duration else None
        cue = Cue(0, 0, clean_payload(payload), clean_settings(settings), clean_identifier(identifier))
        self._add(start, end, cue)

    def _decode(self, packet: Packet[Any]) -> SubtitleSet | None:
        assert self._context is not None
        try:
            return self._context.decode2(packet)
        except av.error.FFmpegError:
            repaired = _as_utf8(self._kind, bytes(packet))
            if repaired is None:
                raise
        again: Packet[Any] = Packet(repaired)
        again.pts, again.dts, again.duration = packet.pts, packet.dts, packet.duration
        again.time_base = packet.time_base
        return self._context.decode2(again)

    def _take_decoded(self, packet: Packet[Any], decoded: SubtitleSet | None) -> None:
        if decoded is None:
            return
        if self._kind == CAPTIONS and decoded.pts != _NO_TIME:
            shown = decoded.pts * _MICROSECOND
        else:
            shown = _time(packet)
        start = shown + Fraction(decoded.start_display_time, 1000)
        end: Fraction | None = None
        if decoded.end_display_time not in (0, _NO_END):
            end = shown + Fraction(decoded.end_display_time, 1000)
        elif packet.duration:
            end = shown + packet.duration * packet.time_base
        if self._script is None:
            assert self._context is not None
            self._script = read_script((self._context.subtitle_header or b"").decode(errors="replace"))
        for rectangle in decoded:
            if isinstance(rectangle, AssSubtitle):
                text = cue_text(rectangle.ass.decode(errors="replace"), self._script)
                self._add(start, end, Cue(0, 0, *text))

    def _flush(self, packet: Packet[Any]) -> None:
        """Get what the decoder of closed captions has held back; the other decoders hold nothing back."""
        if self._kind == CAPTIONS and self._context is not None:
            while decoded := self._context.decode2(packet):
                self._take_decoded(packet, decoded)

    def _add(self, start: Fraction, end: Fraction | None, cue: Cue) -> None:
        if len(self._events) >= _MOST_CUES:
            raise SourceError(f"subtitle stream {self._index} has more than {_MOST_CUES} cues")
        if cue.payload:
            first = round_half_up((start - self._origin) * 1000)
            last = None if end is None else round_half_up((end - self._origin) * 1000)
            self._events.append(_Event(first, last, cue))


def _time(packet: Packet[Any]) -> Fraction:
    time = packet.pts if packet.pts is not None else packet.dts
    if time is None:
        raise ValueError("a packet without a time")
    return time * packet.time_base


def _as_utf8(codec: str, payload: bytes) -> bytes | None:
    """Return a packet's text as UTF-8, with replacement characters; None where that was not its trouble.

    libavcodec refuses whatever is not UTF-8.
    """
    length = int.from_bytes(payload[:2], "big") if codec == "mov_text" else 0
    start = 2 if codec == "mov_text" else 0
    text = payload[start : start + length] if codec == "mov_text" else payload
    # 3GPP TS 26.245 section 5.2 allows UTF-16 with a byte order mark.
    wide = codec == "mov_text" and text[:2] in (b"\xfe\xff", b"\xff\xfe")
    repaired = text.decode("utf-16" if wide else "utf-8", errors="replace").encode()
    if repaired == text:
        return None
    return len(repaired).to_bytes(2, "big") + repaired if codec == "mov_text" else repaired


def _joined(cues: Sequence[Cue]) -> list[Cue]:
    """Put cues together that MP4 had cut where another one starts or ends (ISO/IEC 14496-30, 7.2)."""
    joined: dict[tuple[str, str, str, int], Cue] = {}
    for cue in cues:
        before = joined.pop((cue.payload, cue.settings, cue.identifier, cue.start), None)
        whole = cue if before is None else replace(before, end=cue.end)
        joined[(cue.payload, cue.settings, cue.identifier, cue.end)] = whole
    return list(joined.values())
