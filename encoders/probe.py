"""What a source is: container, streams, exact timeline, keyframes. Reads the index, and decodes one frame."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fractions import Fraction
from typing import BinaryIO, cast

import av.error
from av.stream import Stream

from encoders.bombs import check_length
from encoders.hearing import audio_facts, empty_track, listen, unusable_tracks
from encoders.index import (
    PacketTimes,
    SkeletonReader,
    index_is_complete,
    indexed_end,
    sample_bytes,
    scan,
)
from encoders.media import NO_INDEX, boxes, check_index, is_protected, open_media
from encoders.picture import first_frame, pick_video, video_facts
from encoders.programs import foreign_sound, foreign_streams
from encoders.subtitles import digest_text, subtitle_streams
from encoders.tracks import matroska_is_encrypted
from encoders.truncation import declared_size
from gopfarm.errors import SourceError
from gopfarm.facts import AudioFacts, SourceFacts, SourceRef, VideoFacts

_ENCRYPTED = "it is encrypted (DRM); transcoding needs the clear original"


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
    except MemoryError:  # libavformat's own included
        raise SourceError(f"{ref.url}: reading it takes more memory than this farm allows") from None
    except av.error.FFmpegError as error:
        raise SourceError(f"{ref.url}: the file is damaged: {error.strerror}") from None


def _probe(source: BinaryIO, ref: SourceRef) -> SourceFacts:
    fragmented = _check_whole_and_clear(source, ref)
    with open_media(source, ref.url) as container:
        video = pick_video(container)
        first = first_frame(container, video, ref.url) if video else None
    with open_media(source, ref.url) as container:
        heard = listen(container)
    skeleton = SkeletonReader(source)
    with open_media(cast(BinaryIO, skeleton), ref.url) as container:
        video = pick_video(container)
        foreign = foreign_streams(container, video, source)
        ignored = unusable_tracks(container, heard) + foreign_sound(container, foreign)
        unusable = {track.stream for track in ignored}
        audio = [stream for stream in container.streams.audio if stream.index not in unusable]
        streams: list[Stream] = [*([video] if video else []), *audio]
        if not streams:
            raise SourceError(f"{ref.url}: it has neither picture nor sound that can be decoded")
        if "mov" in container.format.name and indexed_end(streams) > ref.size:
            raise SourceError(_truncated(ref))
        subtitles = [
            (stream, facts)
            for stream, facts in subtitle_streams(container, source)
            if stream.index not in foreign
        ]
        by_index = "mov" in container.format.name  # then words alone can be read, without what is around them
        words = [] if by_index else [stream for stream, facts in subtitles if facts.text]
        skeleton.blank = index_is_complete(container, streams, fragmented)
        digest = hashlib.sha256()
        index = scan(container, [*streams, *words], digest.update, payloads=not skeleton.blank)
        found = index.packets
        spoken = {stream.index for stream in words if found[stream.index]}
        if skeleton.blank and not _sizes_vary(found[streams[0].index]):
            digest.update(ref.etag.encode())  # packets of one size say nothing about what is in them
        skeleton.blank = False
        digest.update(sample_bytes(source, ref.size))
        if by_index and any(facts.text for _, facts in subtitles):
            spoken |= digest_text(source, ref.url, digest.update)
        picture = (
            video_facts(source, ref.url, video, first, found[video.index], index.clock[video.index])
            if video and first is not None
            else None
        )
        sound = tuple(
            audio_facts(container, track, heard[track.index], index) for track in audio if found[track.index]
        )
        ignored += tuple(empty_track(track) for track in audio if not found[track.index])
        if picture is None and not sound:
            raise SourceError(f"{ref.url}: it has headers but no picture and no sound in it")
        check_length(_span(picture, sound), ref.url)
        return SourceFacts(
            source=ref,
            digest=digest.hexdigest(),
            container=container.format.name,
            duration=_duration(picture, sound),
            video=picture,
            audio=sound,
            subtitles=tuple(facts for _, facts in subtitles if facts.stream in spoken or not facts.text),
            ignored=ignored,
        )


def _span(picture: VideoFacts | None, sound: Sequence[AudioFacts]) -> Fraction:
    """Return the seconds from the first beginning to the last end: tracks can lie years apart."""
    begin = min([track.start for track in sound] + ([picture.origin] if picture else []))
    return _duration(picture, sound) + ((picture.origin - begin) if picture else 0)


def _duration(picture: VideoFacts | None, sound: Sequence[AudioFacts]) -> Fraction:
    """Return the seconds from the first picture, or without one the first sound, to the last end of any."""
    ends = [track.start + track.duration for track in sound]
    if picture is None:
        return max(ends) - min(track.start for track in sound)
    return max([*ends, picture.origin + picture.grid_frames / picture.grid_rate]) - picture.origin


def _sizes_vary(packets: Sequence[PacketTimes]) -> bool:
    """Tell whether packets have many sizes, as compressed ones do: then the sizes identify the content."""
    return len({packet.size for packet in packets}) > len(packets) // 4


def _check_whole_and_clear(source: BinaryIO, ref: SourceRef) -> bool:
    """Refuse what is cut short or encrypted; tell whether it is fragmented, as ``_check_boxes`` does."""
    fragmented = _check_boxes(source, ref)
    declared = declared_size(source)
    if declared is not None and declared > ref.size:
        raise SourceError(
            f"{ref.url}: the file is truncated: it ends after {ref.size} bytes, it says it has {declared}"
        )
    if matroska_is_encrypted(source):
        raise SourceError(f"{ref.url}: {_ENCRYPTED}")
    return fragmented


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
        if kind == b"moov":
            check_index(source, at, size, ref.url)
        if kind == b"moov" and is_protected(source, at, size):
            raise SourceError(f"{ref.url}: {_ENCRYPTED}")
    return b"moof" in seen


def _truncated(ref: SourceRef) -> str:
    return f"{ref.url}: the file is truncated: it ends after {ref.size} bytes, its index names more"
