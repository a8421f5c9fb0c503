"""Sound: one track, decoded, put on the timeline, resampled and encoded as one continuous AAC stream."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

import av
import av.error
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.filter import Graph
from av.filter.context import FilterContext

from encoders.decode import DecodeCounts, decode
from encoders.media import only, packets
from encoders.package import CodedFrame, Packager, TrackHeader
from gopfarm.errors import EncodeError
from gopfarm.plan import AudioRendition, SegmentPlan
from gopfarm.timeline import AAC_FRAME, round_half_up

#: Samples that the encoder puts before the first one.
PRIMING = AAC_FRAME

#: RFC 6381 name of AAC-LC, the only kind of AAC that libavcodec's encoder writes.
_AAC_LC = "mp4a.40.2"

#: Gaps and overlaps in the source's audio clock shorter than this many seconds are jitter and are left alone;
#: longer ones are filled with silence or cut.
_GAP_SECONDS = 0.05

_LAYOUTS = {1: "mono", 2: "stereo"}


def placed_samples(
    container: InputContainer,
    rendition: AudioRendition,
    origin: Fraction,
    start: int,
    length: int,
    counts: DecodeCounts,
) -> Iterator[AudioFrame]:
    """Yield exactly ``length`` samples from sample ``start`` of the published timeline on, in AAC frames.

    ``origin`` is the time on the source's clock, in seconds, of sample 0. What the source does not cover is
    silence; what lies before ``start`` or after the end is cut.
    """
    stream = next((stream for stream in container.streams if stream.index == rendition.stream), None)
    if not isinstance(stream, AudioStream):
        raise EncodeError(f"stream {rendition.stream} is not audio any more")
    only(container, [stream])
    graph: Graph | None = None
    sink: FilterContext | None = None
    shape: tuple[int, str, str] | None = None
    for frame in decode(packets(container, [stream]), AudioFrame, counts):
        found = (frame.sample_rate, frame.layout.name, frame.format.name)
        if shape is None:
            shape = found
            graph, sink = _graph(frame, rendition, start, length)
        elif found != shape:
            raise EncodeError(f"the sound changes from {shape} to {found}, which is not supported yet")
        if frame.pts is None or frame.time_base is None or graph is None or sink is None:
            continue
        frame.pts = round_half_up((frame.pts * frame.time_base - origin) * frame.sample_rate)
        frame.time_base = Fraction(1, frame.sample_rate)
        graph.push(frame)
        yield from _drain(sink)
    if graph is None or sink is None:
        raise EncodeError(f"no sound could be decoded from stream {rendition.stream}")
    graph.push(None)
    yield from _drain(sink)


def _graph(
    frame: AudioFrame, rendition: AudioRendition, start: int, length: int
) -> tuple[Graph, FilterContext]:
    graph = Graph()
    graph.threads = 1
    layout = _LAYOUTS[rendition.channels]
    # swresample counts this one in samples of the source.
    first = round_half_up(Fraction(start * frame.sample_rate, rendition.sample_rate))
    last: FilterContext = graph.add_abuffer(
        sample_rate=frame.sample_rate,
        format=frame.format,
        layout=frame.layout,
        time_base=Fraction(1, frame.sample_rate),
    )
    for name, arguments in (
        # swresample places the first sample, fills gaps with silence and cuts overlaps; it never stretches.
        ("aresample", f"{rendition.sample_rate}:async=1:min_hard_comp={_GAP_SECONDS}:first_pts={first}"),
        ("aformat", f"sample_fmts=fltp:sample_rates={rendition.sample_rate}:channel_layouts={layout}"),
        ("apad", f"whole_len={length}"),
        ("atrim", f"end_sample={length}"),
    ):
        following = graph.add(name, arguments)
        last.link_to(following)
        last = following
    sink = graph.add("abuffersink")
    last.link_to(sink)
    graph.configure()
    graph.set_audio_frame_size(AAC_FRAME)
    return graph, sink


def _drain(sink: FilterContext) -> Iterator[AudioFrame]:
    while True:
        try:
            frame = sink.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        assert isinstance(frame, AudioFrame)
        yield frame


def encode_track(
    samples: Iterator[AudioFrame],
    rendition: AudioRendition,
    segments: Sequence[SegmentPlan],
    packager: Packager,
    progress: Callable[[int], None],
) -> TrackHeader:
    """Encode samples to AAC and hand segments to a packager, cut at AAC frames.

    ``progress`` is told the number of samples that are done. Segments start whole AAC frames apart; the
    priming frame belongs to the first.

    Raises:
        EncodeError: There were fewer samples than the segments cover.
    """
    buffer = io.BytesIO()
    container = av.open(
        buffer,
        "w",
        format="mp4",
        options={"movflags": "cmaf+empty_moov+skip_trailer", "fflags": "+bitexact"},
    )
    stream = container.add_stream("aac", rate=rendition.sample_rate)
    assert isinstance(stream, AudioStream)
    stream.codec_context.layout = _LAYOUTS[rendition.channels]
    stream.codec_context.bit_rate = rendition.bitrate
    if rendition.language != "und":
        stream.metadata["language"] = rendition.language
    container.start_encoding()
    extradata = bytes(stream.codec_context.extradata or b"")
    header = TrackHeader(
        codec=_AAC_LC,
        parameters=extradata.hex(),
        init=buffer.getvalue(),
        lead=PRIMING,
        timescale=rendition.sample_rate,
        channels=rendition.channels,
    )
    coder = _SegmentWriter(header, segments, packager)
    time_base = Fraction(1, rendition.sample_rate)
    at = segments[0].start
    for frame in samples:
        frame.pts, frame.time_base = at, time_base
        at += frame.samples
        for packet in stream.encode(frame):
            coder.take(bytes(packet))
        progress(at - segments[0].start)
    for packet in stream.encode(None):
        coder.take(bytes(packet))
    coder.finish()
    return header


class _SegmentWriter:
    """Counts AAC frames along the timeline and closes a segment wherever the next one starts."""

    def __init__(self, header: TrackHeader, segments: Sequence[SegmentPlan], packager: Packager) -> None:
        self._header = header
        self._segments = list(segments)
        self._packager = packager
        self._pending: list[CodedFrame] = []
        self._end = segments[-1].end
        self._at = segments[0].start - PRIMING

    def take(self, data: bytes) -> None:
        """Add the next AAC frame of the stream."""
        if self._at >= self._end:
            return  # the encoder's padding after the last sample
        if len(self._segments) > 1 and self._at >= self._segments[1].start:
            self._close()
        duration = min(AAC_FRAME, self._end - self._at)
        time = self._at + PRIMING
        self._pending.append(CodedFrame(data, dts=time, pts=time, duration=duration, key=True))
        self._at += AAC_FRAME

    def finish(self) -> None:
        """Close the last segment."""
        if self._at < self._end or len(self._segments) != 1:
            raise EncodeError(f"the sound ends {self._end - self._at} samples before its plan")
        self._close()

    def _close(self) -> None:
        self._packager.write(self._header, self._segments.pop(0), self._pending)
        self._pending = []
