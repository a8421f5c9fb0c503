"""The audio tracks of a source: what is in them, from when to when they sound, and which cannot be used.

Headers often do not tell the truth: HE-AAC sounds at twice the sample rate that they say, encoders put
silence before and after what they were given, codecs are unknown. So the beginning of every track is decoded,
and its end where that is at hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

import av.error
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition

from encoders.bombs import MOST_SAMPLE_RATE
from encoders.index import Index, PacketTimes
from encoders.media import only, packets
from encoders.pcm import Shape
from gopfarm.facts import AudioFacts, IgnoredTrack

#: Packets at the beginning of a track of which at least one must give sound.
_TRIED_PACKETS = 600

#: Frames after which the shape is taken for that of the track: HE-AAC may show what it is a little late.
_SETTLING_FRAMES = 4

#: Seconds of the other tracks within which a track must begin to be listened to; later ones are believed.
_LONGEST_WAIT = Fraction(10)

#: Seconds by which the end of the decoded sound may differ from that of the packets; beyond it is an error.
_PLAUSIBLE = Fraction(1, 2)


#: Channels that libswresample takes.
_MOST_CHANNELS = 64


@dataclass
class Heard:
    """The beginning of a track: its shape, and when the first sample sounds, in seconds on its own clock.

    ``position`` is the byte of the packet with the first sample, -1 where that is not known. ``tried`` counts
    the packets that gave no sound.
    """

    shape: Shape | None = None
    start: Fraction | None = None
    position: int = -1
    frames: int = 0
    tried: int = 0

    @property
    def settled(self) -> bool:
        """Whether nothing more is to be learned."""
        return self.frames >= _SETTLING_FRAMES or (not self.frames and self.tried >= _TRIED_PACKETS)


def listen(container: InputContainer) -> dict[int, Heard]:
    """Decode the beginning of all audio tracks of a freshly opened container, by stream index."""
    streams = [stream for stream in container.streams.audio if stream.codec_context is not None]
    heard = {stream.index: Heard() for stream in streams}
    if not streams:
        return heard
    only(container, streams)
    first: Fraction | None = None
    for packet in packets(container, streams):
        if packet.stream_index not in heard:
            continue
        one = heard[packet.stream_index]
        if not one.settled:
            _hear(packet, one)
            if all(other.settled for other in heard.values()):
                break
        if packet.dts is not None:
            now = packet.dts * packet.time_base
            first = now if first is None else first
            if not first <= now <= first + _LONGEST_WAIT and one.settled:
                break
    return heard


def _hear(packet: Packet[Any], one: Heard) -> None:
    """Decode one packet of a track that is listened to."""
    try:
        frames = packet.decode()
    except av.error.FFmpegError:
        frames = []
    sounding = [frame for frame in frames if isinstance(frame, AudioFrame) and frame.samples]
    one.tried += packet.size > 0 and not sounding
    for frame in cast(list[AudioFrame], sounding):
        if one.start is None and frame.pts is not None and frame.time_base is not None:
            one.start = frame.pts * frame.time_base
            one.position = packet.pos if packet.pos is not None else -1
        one.shape = Shape.of(frame)
        one.frames += 1


def unusable_tracks(container: InputContainer, heard: dict[int, Heard]) -> tuple[IgnoredTrack, ...]:
    """List the audio tracks that cannot be decoded, from what was heard of them."""
    ignored = []
    for stream in container.streams.audio:
        if stream.codec_context is None:
            ignored.append(IgnoredTrack(stream.index, "unknown", "its codec is not known"))
        elif (one := heard[stream.index]).shape is None and one.tried:
            ignored.append(IgnoredTrack(stream.index, _codec(stream), "its sound cannot be decoded"))
        elif one.shape is not None and one.shape.rate > MOST_SAMPLE_RATE:
            reason = f"it has {one.shape.rate} samples a second, more than can be meant"
            ignored.append(IgnoredTrack(stream.index, _codec(stream), reason))
        elif one.shape is not None and one.shape.channels > _MOST_CHANNELS:
            reason = f"it has {one.shape.channels} channels, more than can be mixed"
            ignored.append(IgnoredTrack(stream.index, _codec(stream), reason))
    return tuple(ignored)


def empty_track(stream: AudioStream) -> IgnoredTrack:
    """Say that a track has no packets."""
    return IgnoredTrack(stream.index, _codec(stream), "it is empty")


def audio_facts(container: InputContainer, stream: AudioStream, heard: Heard, index: Index) -> AudioFacts:
    """Describe a track that has packets."""
    shape = heard.shape
    context = stream.codec_context
    found, jumps = index.packets[stream.index], index.clock[stream.index]
    time_base = stream.time_base or Fraction(1, context.sample_rate)
    if heard.start is not None:
        past = [jump.offset for jump in jumps if jump.position <= heard.position]
        start = heard.start + (past[-1] if past else 0) * time_base
    elif stream.start_time is not None:
        start = stream.start_time * time_base
    else:
        start = min((packet.pts for packet in found if packet.shown), default=found[0].pts) * time_base
    end = _end(container, stream, start, found, index.tails.get(stream.index, ()))
    return AudioFacts(
        stream=stream.index,
        codec=_codec(stream),
        sample_rate=shape.rate if shape else context.sample_rate,
        channels=shape.channels if shape else context.channels,
        layout=shape.layout if shape else context.layout.name,
        language=stream.language or "und",
        title=str(stream.metadata.get("title", "")),
        default=bool(stream.disposition & Disposition.default),
        start=start,
        duration=max(Fraction(0), end - start),
        clock=jumps,
    )


def _end(
    container: InputContainer,
    stream: AudioStream,
    start: Fraction,
    found: Sequence[PacketTimes],
    tail: Sequence[Packet[Any]],
) -> Fraction:
    """Return when a track ends, in seconds: where players stop.

    MP4 and MOV say so (the edit list, the duration of the last sample); elsewhere it is the end of what is
    decoded, from which decoders have taken an encoder's padding off.
    """
    time_base = stream.time_base or Fraction(1, stream.codec_context.sample_rate)
    shown = [packet for packet in found if packet.shown] or found
    end = max(packet.pts + packet.duration for packet in shown) * time_base
    if "mov" in container.format.name:
        edited = start + (stream.duration or 0) * time_base
        return edited if start < edited < end and not _is_partial(stream, found) else end
    decoded = _decoded_end(tail, found, time_base)
    return decoded if decoded is not None and abs(decoded - end) <= _PLAUSIBLE else end


def _is_partial(stream: AudioStream, found: Sequence[PacketTimes]) -> bool:
    """Tell whether a file is fragmented, so that its header's duration is not that of all its packets."""
    return len(stream.index_entries) < len(found)


def _decoded_end(
    tail: Sequence[Packet[Any]], found: Sequence[PacketTimes], time_base: Fraction
) -> Fraction | None:
    """Decode the last packets; return when their sound ends on the repaired clock, None if unknown."""
    if not tail or tail[-1].pts is None:
        return None
    repaired = (found[-1].pts - tail[-1].pts) * time_base
    end = None
    for frame in _frames(tail):
        if frame.pts is not None and frame.time_base is not None:
            end = frame.pts * frame.time_base
        if end is not None:
            end += Fraction(frame.samples, frame.sample_rate)
    return None if end is None else end + repaired


def _frames(coded: Iterable[Packet[Any]]) -> Iterable[AudioFrame]:
    stream = None
    for packet in coded:
        stream = packet.stream
        try:
            yield from cast(list[AudioFrame], packet.decode())
        except av.error.FFmpegError:
            continue
    if stream is not None:
        try:
            yield from stream.codec_context.decode(None)
        except av.error.FFmpegError:
            return


def _codec(stream: AudioStream) -> str:
    return str(stream.codec_context.codec.canonical_name)
