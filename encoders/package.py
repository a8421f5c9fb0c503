"""Segments as files: CMAF (fragmented MP4) or MPEG-TS, from coded frames that both kinds share."""

from __future__ import annotations

import hashlib
import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

import av
from av.packet import Packet

from encoders import adts, annexb, fmp4
from encoders.scratch import make_scratch, write_scratch
from gopfarm.plan import SegmentPlan
from gopfarm.profile import SegmentFormat
from gopfarm.results import SegmentResult

INIT_NAME = "init.mp4"

#: MPEG-TS clocks start here, in seconds, as Apple's tools do: decoding times before 0 cannot be written.
TS_START = Fraction(10)

_TS_CLOCK = 90_000

#: Microseconds of sound that may share a PES packet: with one for each AAC frame, stuffing is a third of it.
_TS_AUDIO_DELAY = 300_000


@dataclass(frozen=True)
class CodedFrame:
    """One coded picture or AAC frame. Times are ticks of the track, ``lead`` ahead of the presentation."""

    data: bytes
    dts: int
    pts: int
    duration: int
    key: bool


@dataclass(frozen=True)
class TrackHeader:
    """What decoders need besides the frames.

    ``codec`` is the RFC 6381 name and ``parameters`` a hash of the decoder configuration, ``init`` is
    libavformat's init segment, ``lead`` and ``timescale`` describe the track's clock, ``parameter_sets``
    are the NAL units that MPEG-TS repeats in each segment (video only), ``channels`` is for audio only.
    """

    codec: str
    parameters: str
    init: bytes
    lead: int
    timescale: int
    parameter_sets: tuple[bytes, ...] = ()
    channels: int = 0


class Packager(ABC):
    """Writes the segments of one rendition into a folder and tells about each as soon as it is whole.

    Args:
        folder: Where files are written, named ``00000.m4s`` and so on.
        on_file: Called with each finished file.
    """

    extension: ClassVar[str]

    def __init__(self, folder: Path, on_file: Callable[[SegmentResult], None]) -> None:
        make_scratch(folder)
        self._folder = folder
        self._on_file = on_file
        self.segments: list[SegmentResult] = []
        self.init: SegmentResult | None = None

    def write(self, header: TrackHeader, segment: SegmentPlan, frames: Sequence[CodedFrame]) -> None:
        """Write one segment."""
        name = f"{segment.number:05d}.{self.extension}"
        data = self._pack(header, segment, frames)
        self.segments.append(self._store(name, data, segment.number, segment.length))

    @abstractmethod
    def _pack(self, header: TrackHeader, segment: SegmentPlan, frames: Sequence[CodedFrame]) -> bytes:
        """Return the segment's bytes."""

    def _store(self, name: str, data: bytes, number: int, length: int) -> SegmentResult:
        write_scratch(self._folder / name, data)
        result = SegmentResult(number, name, len(data), hashlib.sha256(data).hexdigest(), length)
        self._on_file(result)
        return result


class CmafPackager(Packager):
    """CMAF segments; the task that makes segment 0 also writes the rendition's init segment."""

    extension = "m4s"

    def _pack(self, header: TrackHeader, segment: SegmentPlan, frames: Sequence[CodedFrame]) -> bytes:
        if segment.number == 0:
            self.init = self._store(INIT_NAME, fmp4.with_edit_list(header.init, header.lead), 0, 0)
        convert = annexb.to_length_prefixed if header.parameter_sets else bytes
        return fmp4.media_segment(
            segment.number,
            [fmp4.Sample(convert(f.data), f.dts, f.pts, f.duration, f.key) for f in frames],
        )


class TsPackager(Packager):
    """MPEG-TS segments (ISO/IEC 13818-1), each with its own tables and parameter sets.

    Continuity counters restart with each segment, which the first packet of each stream announces by its
    discontinuity indicator, so decoders have nothing to complain about.
    """

    extension = "ts"

    def _pack(self, header: TrackHeader, segment: SegmentPlan, frames: Sequence[CodedFrame]) -> bytes:
        buffer = io.BytesIO()
        options = {
            "mpegts_flags": "+initial_discontinuity",
            "mpegts_copyts": "1",
            "avoid_negative_ts": "disabled",
            "max_delay": str(_TS_AUDIO_DELAY),
            "fflags": "+bitexact",
        }
        video = bool(header.parameter_sets)
        with av.open(buffer, "w", format="mpegts", options=options) as container:
            if video:
                stream = container.add_mux_stream("h264", time_base=Fraction(1, _TS_CLOCK))
            else:
                stream = container.add_mux_stream("aac", rate=header.timescale)
            stream.time_base = Fraction(1, _TS_CLOCK)
            for frame in frames:
                if frame is frames[0] and segment.number == 0 and not video:
                    continue  # AAC priming: MPEG-TS has no way to say that it is not to be heard
                data = _with_parameter_sets(frame, header) if video else adts.frame(frame.data, header)
                packet = Packet(data)
                packet.pts = self._clock(frame.pts - header.lead, header)
                packet.dts = self._clock(frame.dts - header.lead, header)
                packet.is_keyframe = frame.key
                packet.time_base = Fraction(1, _TS_CLOCK)
                packet.stream = stream
                container.mux_one(packet)
        return buffer.getvalue()

    @staticmethod
    def _clock(ticks: int, header: TrackHeader) -> int:
        return round((TS_START + Fraction(ticks, header.timescale)) * _TS_CLOCK)


def _with_parameter_sets(frame: CodedFrame, header: TrackHeader) -> bytes:
    if not frame.key or annexb.parameter_sets(frame.data):
        return frame.data
    return b"".join(b"\x00\x00\x00\x01" + nal for nal in header.parameter_sets) + frame.data


PACKAGERS: dict[SegmentFormat, type[Packager]] = {"cmaf": CmafPackager, "ts": TsPackager}
