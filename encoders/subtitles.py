"""Subtitles: all text tracks of a source become segmented WebVTT renditions, in one pass over the source."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, cast

import av.error
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.subtitles.stream import SubtitleStream

from encoders.cues import BOXED, CAPTIONS, CueTrack
from encoders.decode import DecodeCounts
from encoders.matroska_text import webvtt_streams
from encoders.media import only, open_media, packets
from encoders.package import TS_START
from encoders.scratch import make_scratch, write_scratch
from encoders.webvtt import Cue, document, holds_boxed_cues, segmented, timeline_of
from gopfarm.errors import EncodeError, SourceError
from gopfarm.facts import SubtitleFacts
from gopfarm.plan import SubtitleRendition, SubtitleTask
from gopfarm.profile import SegmentFormat
from gopfarm.results import RenditionResult, SegmentResult
from gopfarm.timeline import round_half_up

#: The file with all cues of a rendition, for players and people that want no segments.
WHOLE_NAME = "subtitles.vtt"

#: What time 0 of the published timeline is on the clock of the media segments, in ticks of 90 kHz.
_MPEGTS: dict[SegmentFormat, int] = {"cmaf": 0, "ts": int(TS_START * 90_000)}

#: Segments of one rendition may hold so many characters together: a few kilobytes of hostile source, each cue
#: as long as the film, could ask for any number.
_MOST_TEXT = 256 * 1024 * 1024


def subtitle_streams(container: InputContainer, source: BinaryIO) -> list[tuple[Stream, SubtitleFacts]]:
    """Return the subtitle streams of a source, also those that cannot become text.

    Args:
        container: The source, opened.
        source: Its bytes; a few are read, nothing is demuxed. The demuxer finds it where it left it.
    """
    before = source.tell()
    streams = container.streams.subtitles
    found: list[tuple[Stream, SubtitleFacts]] = []
    unknown = any(stream.codec_context is None for stream in streams)
    named = webvtt_streams(source) if unknown and "matroska" in container.format.name else frozenset()
    for stream in streams:
        codec, text = ("webvtt", True) if stream.index in named else _codec(stream)
        found.append((stream, _facts(stream, codec, text)))
    if "mov" in container.format.name:
        # libavformat does not know WebVTT in MP4 and calls it data.
        boxed = [stream for stream in container.streams.data if _is_boxed(stream, source)]
        found += [(stream, _facts(stream, "webvtt", True)) for stream in boxed]
    source.seek(before)
    return sorted(found, key=lambda item: item[0].index)


def _codec(stream: SubtitleStream) -> tuple[str, bool]:
    """Return libavcodec's name of a codec, and whether it can be made into text."""
    if stream.codec_context is None:
        return "unknown", False
    codec = stream.codec_context.codec
    return codec.canonical_name, codec.text_sub


def _is_boxed(stream: Stream, source: BinaryIO) -> bool:
    if stream.codec_context is not None:
        return False
    first = next(iter(stream.index_entries), None)
    if first is None or first.pos < 0:
        return False
    source.seek(first.pos)
    return holds_boxed_cues(source.read(8))


def _facts(stream: Stream, codec: str, text: bool) -> SubtitleFacts:
    disposition = stream.disposition
    impaired = disposition & (Disposition.hearing_impaired | Disposition.captions)
    return SubtitleFacts(
        stream=stream.index,
        codec=codec,
        language=stream.language or "und",
        title=str(stream.metadata.get("title", "")),
        default=bool(disposition & Disposition.default),
        forced=bool(disposition & Disposition.forced),
        hearing_impaired=bool(impaired) or codec == CAPTIONS,
        text=text,
    )


def digest_text(source: BinaryIO, name: str, digest: Callable[[bytes | memoryview], object]) -> set[int]:
    """Feed times and payloads of all text to a hash: other words are other content.

    Args:
        source: The open source, of a format whose index lets everything else be skipped.
        name: How error messages call it.
        digest: Takes the bytes.

    Returns:
        The indices of the text streams that have packets.
    """
    spoken: set[int] = set()
    with open_media(source, name, text=True) as container:
        wanted = [stream for stream, facts in subtitle_streams(container, source) if facts.text]
        only(container, wanted)
        for packet in _readable(packets(container, wanted)):
            if packet.size:
                spoken.add(packet.stream_index)
                digest(b"%d %d %d\n" % (packet.stream_index, packet.pts or 0, packet.duration or 0))
                digest(memoryview(packet))
    return spoken


def _readable(demuxed: Iterator[Packet[Any]]) -> Iterator[Packet[Any]]:
    """Yield packets up to where a file is broken: what words it has lost is no reason to refuse the film."""
    try:
        yield from demuxed
    except av.error.FFmpegError:
        return


def run_subtitles(
    task: SubtitleTask,
    source: BinaryIO,
    scratch: Path,
    on_file: Callable[[str, SegmentResult], None],
    on_progress: Callable[[int], None],
    counts: DecodeCounts,
) -> tuple[RenditionResult, ...]:
    """Make all subtitle renditions of a source.

    Args:
        task: What to do.
        source: The open source.
        scratch: Where the files go, into ``<scratch>/<rendition>/``.
        on_file: Told each file that is whole.
        on_progress: Told how much is done, in the units of the task's segments.
        counts: Counts cues as frames, and packets that cannot be decoded.

    Raises:
        SourceError: The source cannot be opened, or asks for absurdly much text.
        EncodeError: A stream is not the planned one, or the scratch folder cannot be written.
        ScratchError: The scratch folder's disk is full or broken.
    """
    total = sum(segment.length for segment in task.segments)
    watched = cast(BinaryIO, _WatchedReader(source, lambda part: on_progress(int(part * total))))
    with open_media(watched, task.source.url, text=True) as container:
        tracks = _read_tracks(container, task, counts)
    edges = [task.start + segment.start * task.unit for segment in task.segments]
    edges.append(task.start + task.segments[-1].end * task.unit)
    end = round_half_up(task.duration * 1000)
    results = []
    for rendition in task.renditions:
        cues = timeline_of(tracks[rendition.stream].cues(), end)
        counts.frames += len(cues)
        results.append(_write(task, rendition, cues, edges, scratch, on_file))
    on_progress(total)
    return tuple(results)


def _read_tracks(
    container: InputContainer, task: SubtitleTask, counts: DecodeCounts
) -> Mapping[int, CueTrack]:
    """Read every packet of the task's streams once."""
    streams = {stream.index: stream for stream in container.streams}
    tracks: dict[int, CueTrack] = {}
    for rendition in task.renditions:
        stream = streams.get(rendition.stream)
        if stream is None or stream.type not in ("subtitle", "data"):
            raise EncodeError(f"stream {rendition.stream} is not subtitles any more")
        tracks[stream.index] = CueTrack(stream, task.origin, counts)
    wanted = [streams[index] for index in tracks]
    only(container, wanted)
    for packet in _readable(packets(container, wanted)):
        tracks[packet.stream.index].take(packet)
    return tracks


def _write(
    task: SubtitleTask,
    rendition: SubtitleRendition,
    cues: Sequence[Cue],
    edges: Sequence[Fraction],
    scratch: Path,
    on_file: Callable[[str, SegmentResult], None],
) -> RenditionResult:
    """Write the segments of a rendition, and the file of all its cues."""
    folder = scratch / rendition.name
    make_scratch(folder)

    def store(name: str, text: str, number: int, length: int) -> SegmentResult:
        data = text.encode()
        write_scratch(folder / name, data)
        result = SegmentResult(number, name, len(data), hashlib.sha256(data).hexdigest(), length)
        on_file(rendition.name, result)
        return result

    try:
        dealt = segmented(cues, edges, _MOST_TEXT)
    except ValueError as error:
        raise SourceError(f"{task.source.url}: subtitles of stream {rendition.stream}: {error}") from None
    segments = tuple(
        store(
            f"{planned.number:05d}.vtt",
            document(own, _MPEGTS[task.format]),
            planned.number,
            planned.length,
        )
        for planned, own in zip(task.segments, dealt, strict=True)
    )
    return RenditionResult(
        rendition=rendition.name,
        codec=BOXED,
        parameters="",
        init=None,
        segments=segments,
        whole=store(WHOLE_NAME, document(cues), 0, 0),
    )


class _WatchedReader(io.RawIOBase):
    """A source that tells how far into it has been read, as a share: it may be long until the next cue."""

    def __init__(self, source: BinaryIO, tell: Callable[[float], None]) -> None:
        self._source = source
        self._size = max(1, source.seek(0, io.SEEK_END))
        self._told = tell
        self._furthest = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._source.seek(offset, whence)

    def tell(self) -> int:
        return self._source.tell()

    def readinto(self, buffer: Any) -> int:
        count: int = self._source.readinto(buffer)  # type: ignore[attr-defined]
        self._furthest = max(self._furthest, self._source.tell())
        self._told(min(1.0, self._furthest / self._size))
        return count
