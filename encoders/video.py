"""One rendition of one chunk: frames in, segments out."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
from av.codec.context import Flags
from av.container import OutputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from encoders import annexb
from encoders.codecs import CODECS, REORDER_FRAMES
from encoders.package import CodedFrame, Packager, TrackHeader
from encoders.steps import PIXEL_FORMAT
from gopfarm.errors import EncodeError
from gopfarm.facts import Colour
from gopfarm.plan import Normaliser, SegmentPlan, VideoRendition
from gopfarm.results import Distortion
from gopfarm.timeline import MAX_GOP_SECONDS, gop_starts, video_ticks, video_timescale

#: ITU-T H.273 value of "limited range" in libavutil: every rendition is.
_LIMITED_RANGE = 1

#: How libavcodec's ``AV_PKT_DATA_QUALITY_STATS`` begins: quality factor, kind of picture, number of planes,
#: two bytes without a meaning, and the luma plane's sum of squared errors.
_QUALITY_STATS = struct.Struct("<IBBxxQ")


@dataclass(frozen=True)
class OpenEncoder:
    """A running encoder, inside the MP4 muxer that wrote its init segment and is used for nothing else."""

    container: OutputContainer
    stream: VideoStream
    init: bytes

    @property
    def context(self) -> VideoCodecContext:
        """The encoder's settings, extradata included."""
        return self.stream.codec_context


def open_encoder(
    rendition: VideoRendition, rate: Fraction, colour: Colour | None = None, captions: bool = False
) -> OpenEncoder:
    """Open a rendition's encoder and let libavformat write the init segment from it.

    ``colour`` is written into the stream, and so are the frames' closed captions if ``captions`` is set.

    Raises:
        av.error.FFmpegError, PermissionError: The encoder does not open on this machine.
    """
    buffer = io.BytesIO()
    container = av.open(
        buffer,
        "w",
        format="mp4",
        options={
            "movflags": "cmaf+empty_moov+skip_trailer",
            "fflags": "+bitexact",
            "video_track_timescale": str(video_timescale(rate)),
        },
    )
    codec = CODECS[rendition.encoder]
    stream = container.add_stream(codec.name, rate=rate, options=codec.options(rendition, rate, captions))
    assert isinstance(stream, VideoStream)
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = rendition.width, rendition.height, PIXEL_FORMAT
    context.sample_aspect_ratio = Fraction(1)
    context.time_base = 1 / rate
    context.framerate = rate
    context.gop_size = max(1, int(MAX_GOP_SECONDS * rate))
    context.bit_rate = rendition.bitrate
    context.thread_count = 1
    if codec.tells_error:
        context.flags |= Flags.psnr
    context.color_range = _LIMITED_RANGE
    if colour is not None:
        context.color_primaries = colour.primaries
        context.color_trc = colour.transfer
        context.colorspace = colour.matrix
    container.start_encoding()
    return OpenEncoder(container, stream, buffer.getvalue())


class RenditionEncoder:
    """Encodes the frames of a chunk for one rendition and hands finished segments to a packager."""

    def __init__(
        self,
        rendition: VideoRendition,
        picture: Normaliser,
        segments: Sequence[SegmentPlan],
        packager: Packager,
    ) -> None:
        self.rendition = rendition
        self._rate = rate = picture.grid_rate
        self._start = int(picture.start * video_timescale(rate))
        self._segments = list(segments)
        self._packager = packager
        self._encoder = open_encoder(rendition, rate, picture.target, picture.captions)
        self._pending: list[CodedFrame] = []
        self._decoded = segments[0].start
        self._idr_slots = frozenset(
            segment.start + offset for segment in segments for offset in gop_starts(segment.length, rate)
        )
        self._header: TrackHeader | None = None
        self._pixels = rendition.width * rendition.height
        self._distortion = Distortion(0, 0)

    @property
    def distortion(self) -> Distortion | None:
        """That of the pictures so far; None where the encoder tells none."""
        return self._distortion if self._distortion.samples else None

    def encode(self, frame: VideoFrame, slot: int) -> None:
        """Encode a frame for a grid slot. The frame's own time and picture type are overwritten."""
        frame.pts = slot
        frame.time_base = 1 / self._rate
        frame.pict_type = PictureType.I if slot in self._idr_slots else PictureType.NONE
        for packet in self._encoder.stream.encode(frame):
            self._take(packet)

    def finish(self) -> TrackHeader:
        """Flush the encoder and the last segment; return what tells decoders how to read the rendition.

        Raises:
            EncodeError: The encoder did not give one picture for each frame.
        """
        for packet in self._encoder.stream.encode(None):
            self._take(packet)
        self._close_segment()
        if self._segments or self._header is None:
            raise EncodeError(f"{self.rendition.encoder} gave no picture for the end of the chunk")
        return self._header

    def _take(self, packet: Packet[VideoStream]) -> None:
        data, pts = bytes(packet), packet.pts
        if pts is None:
            raise EncodeError(f"{self.rendition.encoder} gave a picture without a time")
        if self._header is None:
            self._header = self._read_header(data)
        if len(self._segments) > 1 and pts == self._segments[1].start:
            self._close_segment()
        if pts == self._segments[0].start and not annexb.starts_with_idr(data):
            raise EncodeError(f"{self.rendition.encoder} did not start a segment with an IDR picture")
        lead = video_ticks(REORDER_FRAMES, self._rate)
        self._pending.append(
            CodedFrame(
                data=data,
                dts=self._start + video_ticks(self._decoded, self._rate),
                pts=self._start + video_ticks(pts, self._rate) + lead,
                duration=video_ticks(1, self._rate),
                key=packet.is_keyframe,
            )
        )
        self._decoded += 1
        if packet.has_sidedata("quality_stats"):
            *_, error = _QUALITY_STATS.unpack_from(bytes(packet.get_sidedata("quality_stats")))
            self._distortion += Distortion(self._pixels, error)

    def _close_segment(self) -> None:
        segment = self._segments.pop(0)
        if len(self._pending) != segment.length:
            raise EncodeError(
                f"{self.rendition.name}: segment {segment.number} has {len(self._pending)} frames, "
                f"{segment.length} were planned"
            )
        assert self._header is not None
        self._packager.write(self._header, segment, self._pending)
        self._pending = []

    def _read_header(self, first: bytes) -> TrackHeader:
        sets = annexb.parameter_sets(self._encoder.context.extradata or b"") or annexb.parameter_sets(first)
        return TrackHeader(
            codec=annexb.codec_string(sets),
            parameters=annexb.digest(sets),
            init=self._encoder.init,
            lead=video_ticks(REORDER_FRAMES, self._rate),
            timescale=video_timescale(self._rate),
            parameter_sets=sets,
        )
