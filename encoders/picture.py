"""What a source's picture is: which stream, what its pixels are, when its frames are shown, where to seek."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import BinaryIO

import av.error
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from encoders.bombs import check_length, check_picture
from encoders.cadence import Cadence, measure
from encoders.clock import JUMPING_FORMATS
from encoders.colour import colour_of
from encoders.crop import container_crop, usable
from encoders.dolby import dolby_vision, refusal
from encoders.fields import FIELD_ORDERS
from encoders.frames import slot_at
from encoders.index import PacketTimes
from encoders.looks import Looks, decoded_packets, look
from encoders.media import packets
from encoders.order import runs_of, times_of
from encoders.orientation import orientation_of
from gopfarm.errors import SourceError
from gopfarm.facts import ClockJump, Keyframe, Run, VideoFacts
from gopfarm.plan import Normaliser
from gopfarm.timeline import decimation, round_half_up

#: Keyframes closer together than this many seconds are not all kept: chunks are far longer.
_KEYFRAME_SPACING = Fraction(1, 2)

#: Pictures narrower or flatter than this, in square pixels, have a wrong aspect ratio, which is then ignored.
_THINNEST = Fraction(1, 32)

#: Packets that may fail to decode at the start before a source is refused.
_FIRST_FRAME_PACKETS = 600

#: The rate that is assumed where neither times nor headers say one.
_USUAL_RATE = Fraction(25)


def pick_video(container: InputContainer) -> VideoStream | None:
    """Choose the film among the video streams: no cover picture; the default one, then the largest."""

    def rank(stream: VideoStream) -> tuple[bool, int]:
        return bool(stream.disposition & Disposition.default), stream.width * stream.height

    decodable = [stream for stream in _films(container) if stream.codec_context is not None]
    return max(decodable, key=rank, default=None)


def _films(container: InputContainer) -> list[VideoStream]:
    covers = Disposition.attached_pic | Disposition.timed_thumbnails
    return [stream for stream in container.streams.video if not stream.disposition & covers]


def first_frame(container: InputContainer, stream: VideoStream, name: str) -> VideoFrame | None:
    """Decode one frame: proof that the stream can be decoded, and what its pixels are. None: no packets."""
    check_picture(stream, name)
    stream.codec_context.thread_count = 1
    seen = 0
    for packet in packets(container, [stream]):
        seen += packet.size > 0
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            frames = []
        if frames:
            return frames[0]
        if seen > _FIRST_FRAME_PACKETS:
            break
    if not seen:
        return None
    raise SourceError(f"{name}: its {stream.codec_context.name} picture cannot be decoded")


def video_facts(
    source: BinaryIO,
    name: str,
    stream: VideoStream,
    first: VideoFrame,
    index: Sequence[PacketTimes],
    clock: tuple[ClockJump, ...],
) -> VideoFacts:
    """Find out everything about the picture that a plan depends on.

    Args:
        source: The open file; frames are decoded in a few places.
        name: How error messages call it.
        stream: The stream, of an open container.
        first: Its first frame.
        index: Its packets.
        clock: Where its clock jumps.

    Raises:
        SourceError: It shows no frame, none can be decoded, or only a Dolby decoder could show it.
    """
    if stream.time_base is None:
        raise SourceError(f"{name}: its video track shows no frame")
    timeline = _Reader(source, name, stream, index, clock).timeline()
    container_format = stream.container.format.name
    rotation, mirrored = orientation_of(first)
    aspect = stream.sample_aspect_ratio or Fraction(1)
    assert isinstance(stream.container, InputContainer)
    track = [film.index for film in _films(stream.container)].index(stream.index)
    reason = refusal(dolby_vision(source, container_format, track))
    if reason is not None:
        raise SourceError(f"{name}: {reason}")
    crop = usable(container_crop(source, container_format, track), first.width, first.height)
    cadence = timeline.cadence
    stated = FIELD_ORDERS.get(stream.codec_context.field_order, "progressive")
    return VideoFacts(
        stream=stream.index,
        codec=stream.codec_context.codec.canonical_name,
        width=first.width,
        height=first.height,
        pixel_format=first.format.name,
        colour=colour_of(first),
        sample_aspect_ratio=aspect if _THINNEST < aspect < 1 / _THINNEST else Fraction(1),
        rotation=rotation,
        time_base=stream.time_base,
        frame_rate=cadence.rate,
        constant_rate=cadence.constant,
        frame_count=len(timeline.shown),
        origin_pts=timeline.shown[0],
        grid_rate=cadence.grid_rate,
        grid_frames=cadence.grid_frames,
        keyframes=timeline.keyframes,
        mirrored=mirrored,
        crop=crop,
        scan=timeline.looks.fields.verdict(stated),
        captions=tuple(sorted(timeline.looks.captions)),
        clock=clock,
        order=timeline.order,
    )


@dataclass(frozen=True)
class _Timeline:
    """When frames are shown (ascending), what rhythm that is, where decoding can start, and what was seen."""

    shown: Sequence[int]
    order: tuple[Run, ...]
    cadence: Cadence
    keyframes: tuple[Keyframe, ...]
    looks: Looks


class _Reader:
    """Works out the timeline of a stream: believes its index where the pictures bear it out."""

    def __init__(
        self,
        source: BinaryIO,
        name: str,
        stream: VideoStream,
        index: Sequence[PacketTimes],
        clock: tuple[ClockJump, ...],
    ) -> None:
        assert stream.time_base is not None
        self._source = source
        self._name = name
        self._stream = stream
        self._index = index
        self._clock = clock
        self._time_base = stream.time_base

    def timeline(self) -> _Timeline:
        """Return the timeline.

        The index is enough where it gives every picture a time of its own and the frames in a few places are
        those that it names. Otherwise the whole stream is decoded once.
        """
        stamps = [packet.pts for packet in self._index if packet.shown]
        shown = sorted(set(stamps))
        if not shown:
            raise SourceError(f"{self._name}: its video track shows no frame")
        if len(shown) == len(stamps) and all(packet.stamped for packet in self._index):
            timeline = self._looked_at(shown)
            begin = timeline.looks.start[0] if timeline.looks.start else shown[0]
            if begin > shown[0]:
                # What comes before the first picture that can be decoded is not there for any player.
                timeline = self._looked_at([time for time in shown if time >= begin])
            if _borne_out(timeline):
                return timeline
        return self._decoded()

    def _looked_at(self, shown: Sequence[int], order: tuple[Run, ...] = ()) -> _Timeline:
        """Work out the rest from the times at which frames are shown, and look at some of them."""
        check_length((shown[-1] - shown[0]) * self._time_base, self._name)
        cadence = measure(shown, self._time_base, (self._stream.average_rate, self._stream.base_rate))
        picture = Normaliser(
            self._stream.index,
            self._time_base,
            shown[0],
            cadence.grid_rate,
            clock=self._clock,
            order=order,
            decimation=decimation(cadence.rate, cadence.grid_rate, cadence.constant),
        )
        if order:
            keyframes: tuple[Keyframe, ...] = (self._beginning(),)
        else:
            keyframes = seek_points(self._index, picture, self._by_position())
        looks = look(self._source, self._name, picture, keyframes, shown)
        return _Timeline(shown, order, cadence, keyframes, looks)

    def _beginning(self) -> Keyframe:
        first = self._index[0]
        return Keyframe(first.pts, first.dts, 0, 0)

    def _by_position(self) -> bool:
        return self._stream.container.format.name in JUMPING_FORMATS

    def _decoded(self) -> _Timeline:
        """Decode the whole stream to learn which packets are shown, and in which order."""
        # A damaged file, read for one stream alone, can give other packets than when it is read for all.
        decoded = decoded_packets(self._source, self._name, self._stream.index)
        found = [at for at in decoded if at < len(self._index)]
        if not found:
            codec = self._stream.codec_context.name
            raise SourceError(f"{self._name}: its {codec} picture cannot be decoded")
        rate = self._stream.average_rate or self._stream.base_rate or _USUAL_RATE
        step = max(1, round_half_up(1 / (rate * self._time_base)))
        shown = times_of(found, self._index, step)
        if shown == [self._index[at].pts for at in found]:
            timeline = self._looked_at(shown)
            if _borne_out(timeline):
                return timeline
            # Decoding that starts further on gives other frames: always start at the beginning.
            return replace(timeline, keyframes=(self._beginning(),))
        return self._looked_at(shown, runs_of(shown))


def _borne_out(timeline: _Timeline) -> bool:
    start = timeline.looks.start
    return timeline.looks.agree and bool(start) and start == list(timeline.shown[: len(start)])


def seek_points(index: Sequence[PacketTimes], picture: Normaliser, by_position: bool) -> tuple[Keyframe, ...]:
    """List where decoding can start, each with the slot from which on it gives exactly the frames shown.

    The pictures that follow the key picture of an open GOP but are shown before it need the GOP before, so
    decoding starts at that one's key picture. ``by_position`` asks for points that have a known place in the
    file.
    """

    first = index[0]

    def point(start: PacketTimes, slot: int) -> Keyframe:
        position = 0 if start is first else start.position if by_position else None
        return Keyframe(start.pts, start.dts, slot, position, start.position if start.position >= 0 else None)

    points = [point(first, min(0, slot_at(first.pts, picture)))]
    spacing = _KEYFRAME_SPACING / picture.time_base
    before, last = first, None
    for at, packet in enumerate(index):
        if not packet.key or (by_position and packet.position < 0):
            continue
        following = index[at + 1] if at + 1 < len(index) else None
        leading = following is not None and following.pts < packet.pts
        start = before if leading else packet
        before = packet
        if packet.pts <= picture.origin_pts:
            # Of those before the first shown frame, only the last is of use.
            points.clear()
        elif last is not None and packet.pts - last.pts < spacing:
            continue
        points.append(point(start, slot_at(packet.pts, picture)))
        last = packet
    return tuple(points)
