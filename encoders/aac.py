"""AAC: samples in, one continuous stream of AAC frames out, cut into segments."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream

from encoders.package import CodedFrame, Packager, TrackHeader
from encoders.pcm import LAYOUTS, Samples
from gopfarm.errors import EncodeError
from gopfarm.plan import AAC_LC, AudioRendition, SegmentPlan
from gopfarm.timeline import AAC_FRAME

#: Samples that the encoder puts before the first one.
PRIMING = AAC_FRAME

#: Intensity stereo is off: libavcodec's makes single beeps up to 3 dB louder on one side.
_OPTIONS = {"aac_is": "0"}


def encode_track(
    blocks: Iterable[Samples],
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
    stream = container.add_stream("aac", rate=rendition.sample_rate, options=_OPTIONS)
    assert isinstance(stream, AudioStream)
    stream.codec_context.layout = LAYOUTS[rendition.channels]
    stream.codec_context.bit_rate = rendition.bitrate
    if rendition.language != "und":
        stream.metadata["language"] = rendition.language
    container.start_encoding()
    extradata = bytes(stream.codec_context.extradata or b"")
    header = TrackHeader(
        codec=AAC_LC,
        parameters=extradata.hex(),
        init=buffer.getvalue(),
        lead=PRIMING,
        timescale=rendition.sample_rate,
        channels=rendition.channels,
    )
    coder = _SegmentWriter(header, segments, packager)
    time_base = Fraction(1, rendition.sample_rate)
    at = segments[0].start
    for samples in _in_frames(blocks):
        # A copy: arrays that are views of others are not laid out as PyAV needs them.
        frame = AudioFrame.from_ndarray(samples.T.copy(), format="fltp", layout=LAYOUTS[rendition.channels])
        frame.sample_rate, frame.pts, frame.time_base = rendition.sample_rate, at, time_base
        at += len(samples)
        for packet in stream.encode(frame):
            coder.take(bytes(packet))
        progress(at - segments[0].start)
    for packet in stream.encode(None):
        coder.take(bytes(packet))
    coder.finish()
    return header


def _in_frames(blocks: Iterable[Samples]) -> Iterator[Samples]:
    """Regroup blocks into AAC frames; the last may be shorter."""
    held: list[Samples] = []
    count = 0
    for block in blocks:
        held.append(block)
        count += len(block)
        if count < AAC_FRAME:
            continue
        together = np.concatenate(held)
        whole = count - count % AAC_FRAME
        for at in range(0, whole, AAC_FRAME):
            yield together[at : at + AAC_FRAME]
        held, count = [together[whole:]], count - whole
    if count:
        yield np.concatenate(held)


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
