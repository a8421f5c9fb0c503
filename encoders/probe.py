"""What a source is: container, streams, exact timeline, keyframes. Reads the index, and decodes one frame."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fractions import Fraction
from typing import BinaryIO, cast

import av.error
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from encoders.cadence import measure
from encoders.index import (
    PacketTimes,
    SkeletonReader,
    index_is_complete,
    indexed_end,
    sample_bytes,
    scan,
)
from encoders.media import NO_INDEX, boxes, is_protected, open_media, packets
from gopfarm.errors import SourceError
from gopfarm.plan import AudioFacts, Colour, Keyframe, SourceFacts, SourceRef, VideoFacts
from gopfarm.timeline import slot_of

#: Keyframes closer together than this many seconds are not all kept: chunks are far longer.
_KEYFRAME_SPACING = Fraction(1, 2)

#: libavutil's AVCOL_RANGE_JPEG.
_FULL_RANGE = 2

#: Sources that claim to last longer than this many seconds are refused: a few bytes could ask for years.
_LONGEST_SECONDS = 24 * 3600

#: Pictures narrower or flatter than this, in square pixels, have a wrong aspect ratio, which is then ignored.
_THINNEST = Fraction(1, 32)

#: Frames that may fail to decode at the start before a source is refused.
_FIRST_FRAME_PACKETS = 600


def probe(source: BinaryIO, ref: SourceRef) -> SourceFacts:
    """Find out what a source is.

    Args:
        source: The open file, seekable.
        ref: Its address, size and ETag.

    Raises:
        SourceError: It is not media, is damaged, truncated or encrypted, or has neither picture nor sound.
    """
    try:
        return _probe(source, ref)
    except av.error.FFmpegError as error:
        raise SourceError(f"{ref.url}: the file is damaged: {error.strerror}") from None


def _probe(source: BinaryIO, ref: SourceRef) -> SourceFacts:
    fragmented = _check_boxes(source, ref)
    with open_media(source, ref.url) as container:
        video = _pick_video(container)
        first = _first_frame(container, video, ref.url) if video else None
    skeleton = SkeletonReader(source)
    with open_media(cast(BinaryIO, skeleton), ref.url) as container:
        video = _pick_video(container)
        audio = [stream for stream in container.streams.audio if stream.codec_context is not None]
        streams: list[Stream] = [*([video] if video else []), *audio]
        if not streams:
            raise SourceError(f"{ref.url}: it has neither picture nor sound that can be decoded")
        if "mov" in container.format.name and indexed_end(streams) > ref.size:
            raise SourceError(_truncated(ref))
        skeleton.blank = index_is_complete(container, streams, fragmented)
        digest = hashlib.sha256()
        found = scan(container, streams, digest.update, payloads=not skeleton.blank)
        if skeleton.blank and not _sizes_vary(found[streams[0].index]):
            digest.update(ref.etag.encode())  # packets of one size say nothing about what is in them
        skeleton.blank = False
        digest.update(sample_bytes(source, ref.size))
        video_facts = (
            _video_facts(video, first, found[video.index], ref.url) if video and first is not None else None
        )
        audio_facts = tuple(_audio_facts(track, found[track.index]) for track in audio if found[track.index])
        if video_facts is None and not audio_facts:
            raise SourceError(f"{ref.url}: it has headers but no picture and no sound in it")
        for track in audio_facts:
            _check_length(track.duration, ref.url)
        ends = [track.start + track.duration for track in audio_facts]
        if video_facts is not None:
            ends.append(video_facts.origin + video_facts.frame_count / video_facts.frame_rate)
        starts = [track.start for track in audio_facts] if video_facts is None else [video_facts.origin]
        return SourceFacts(
            source=ref,
            digest=digest.hexdigest(),
            container=container.format.name,
            duration=max(ends) - min(starts),
            video=video_facts,
            audio=audio_facts,
        )


def _check_length(seconds: Fraction, name: str) -> None:
    if seconds > _LONGEST_SECONDS:
        raise SourceError(f"{name}: its clock spans more than {_LONGEST_SECONDS // 3600} hours")


def _sizes_vary(packets: Sequence[PacketTimes]) -> bool:
    """Tell whether packets have many sizes, as compressed ones do: then the sizes identify the content."""
    return len({packet.size for packet in packets}) > len(packets) // 4


def _check_boxes(source: BinaryIO, ref: SourceRef) -> bool:
    """Look at the top-level boxes of an ISO BMFF file; tell whether it is fragmented."""
    source.seek(4)
    if source.read(4) not in (b"ftyp", b"styp", b"moov", b"free", b"wide", b"mdat", b"skip"):
        return True  # not a file of boxes, or an odd one: nothing is taken for granted
    seen = set()
    for kind, at, size in boxes(source):
        seen.add(kind)
        if at + size > ref.size and kind in (b"mdat", b"moof", b"moov"):
            raise SourceError(_truncated(ref) if b"moov" in seen else f"{ref.url}: {NO_INDEX}")
        if kind == b"moov" and is_protected(source, at, size):
            raise SourceError(f"{ref.url}: it is encrypted (DRM); transcoding needs the clear original")
    return b"moof" in seen


def _truncated(ref: SourceRef) -> str:
    return f"{ref.url}: the file is truncated: it ends after {ref.size} bytes, its index names more"


def _pick_video(container: InputContainer) -> VideoStream | None:
    """Choose the first video stream that is a film and not a cover picture."""
    for stream in container.streams.video:
        picture = stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails)
        if not picture and stream.codec_context is not None:
            return stream
    return None


def _first_frame(container: InputContainer, stream: VideoStream, name: str) -> VideoFrame | None:
    """Decode one frame: proof that the stream can be decoded, and what its pixels are. None: no packets."""
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


def _video_facts(
    stream: VideoStream, first: VideoFrame, packets: Sequence[PacketTimes], name: str
) -> VideoFacts:
    shown = sorted({packet.pts for packet in packets if packet.shown})
    if not shown or stream.time_base is None:
        raise SourceError(f"{name}: its video track shows no frame")
    time_base, origin = stream.time_base, shown[0]
    _check_length((shown[-1] - origin) * time_base, name)
    cadence = measure(shown, time_base, (stream.average_rate, stream.base_rate))
    aspect = stream.sample_aspect_ratio or Fraction(1)
    return VideoFacts(
        stream=stream.index,
        codec=stream.codec_context.codec.canonical_name,
        width=first.width,
        height=first.height,
        pixel_format=first.format.name,
        colour=_colour(first),
        sample_aspect_ratio=aspect if _THINNEST < aspect < 1 / _THINNEST else Fraction(1),
        rotation=_quarter_turns(first.rotation),
        time_base=time_base,
        frame_rate=cadence.rate,
        constant_rate=cadence.constant,
        frame_count=len(shown),
        origin_pts=origin,
        grid_rate=cadence.grid_rate,
        grid_frames=cadence.grid_frames,
        keyframes=_seek_points(packets, origin, time_base, cadence.grid_rate),
    )


def _quarter_turns(counter_clockwise: int) -> int:
    """Return the clockwise turn to apply, in degrees; what lies in between is the nearest quarter."""
    return -90 * round(counter_clockwise / 90) % 360


def _colour(frame: VideoFrame) -> Colour:
    return Colour(
        primaries=int(frame.color_primaries),
        transfer=int(frame.color_trc),
        matrix=int(frame.colorspace),
        full_range=int(frame.color_range) == _FULL_RANGE or frame.format.name.startswith("yuvj"),
    )


def _seek_points(
    packets: Sequence[PacketTimes], origin: int, time_base: Fraction, rate: Fraction
) -> tuple[Keyframe, ...]:
    """List where decoding can start, each with the slot from which on it gives exactly the frames shown.

    The pictures that follow the key picture of an open GOP but are shown before it need the GOP before, so
    decoding starts at that one's key picture.
    """
    first = packets[0]
    points = [Keyframe(first.pts, first.dts, min(0, slot_of(first.pts, origin, time_base, rate)))]
    spacing = _KEYFRAME_SPACING / time_base
    before, last = first, None
    for at, packet in enumerate(packets):
        if not packet.key:
            continue
        following = packets[at + 1] if at + 1 < len(packets) else None
        leading = following is not None and following.pts < packet.pts
        start = before if leading else packet
        before = packet
        if packet.pts <= origin:
            # Of those before the first shown frame, only the last is of use.
            points.clear()
        elif last is not None and packet.pts - last.pts < spacing:
            continue
        points.append(Keyframe(start.pts, start.dts, slot_of(packet.pts, origin, time_base, rate)))
        last = packet
    return tuple(points)


def _audio_facts(stream: AudioStream, packets: Sequence[PacketTimes]) -> AudioFacts:
    time_base = stream.time_base or Fraction(1, stream.codec_context.sample_rate)
    first = min((packet.pts for packet in packets if packet.shown), default=packets[0].pts)
    start = stream.start_time if stream.start_time is not None else first
    end = max(packet.pts + packet.duration for packet in packets)
    return AudioFacts(
        stream=stream.index,
        codec=stream.codec_context.codec.canonical_name,
        sample_rate=stream.codec_context.sample_rate,
        channels=stream.codec_context.channels,
        layout=stream.codec_context.layout.name,
        language=stream.language or "und",
        title=str(stream.metadata.get("title", "")),
        default=bool(stream.disposition & Disposition.default),
        start=start * time_base,
        duration=max(0, end - start) * time_base,
    )
