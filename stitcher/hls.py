"""HLS playlists (RFC 8216): what is written, as text. Nothing here reads or writes files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import accumulate, pairwise
from urllib.parse import quote

from gopfarm.plan import SegmentPlan, VideoRendition
from gopfarm.profile import SegmentFormat
from gopfarm.timeline import round_half_up
from stitcher.bandwidth import BitRates
from stitcher.groups import AudioGroup, audio_groups
from stitcher.presentation import AnyStream, AudioStream, Presentation, Stream, SubtitleStream
from stitcher.subtitles import SUBTITLE_GROUP, characteristics

MEDIA_PLAYLIST = "index.m3u8"
MULTIVARIANT_PLAYLIST = "master.m3u8"

#: What tells that nothing will be added to a media playlist any more (RFC 8216 section 4.3.3.4).
ENDLIST = "#EXT-X-ENDLIST"

#: Where players begin (RFC 8216 section 4.3.5.2). They take a playlist without an end for live otherwise, and
#: skip what was there before they came.
_FROM_THE_START = "#EXT-X-START:TIME-OFFSET=0"

#: Protocol version of a media playlist (RFC 8216 section 7): 6 for EXT-X-MAP outside of I-frame playlists, 3
#: for EXTINF with decimals.
MEDIA_VERSION: dict[SegmentFormat, int] = {"cmaf": 6, "ts": 3}

#: Protocol version of a multivariant playlist with audio groups, which older clients cannot follow (RFC 8216
#: section 7); never below that of the media it lists (section 4.3.1.2).
GROUPS_VERSION = 4

#: GROUP-ID of the closed captions.
CAPTION_GROUP = "captions"

#: EXTINF counts seconds in steps of this many per second: six decimals.
_EXTINF_STEPS = 1_000_000


def media_playlist(
    stream: AnyStream, segment_format: SegmentFormat, target_duration: int, growing: bool = False
) -> str:
    """Write the playlist of one rendition: complete, or ``growing`` by further segments at its end.

    A growing one is of type EVENT and has no end (RFC 8216 sections 4.3.3.4 and 4.3.3.5). What it says is the
    beginning of what every longer one says; only the type changes when the last segment is there.

    Segment addresses are relative to the rendition's own folder. ``target_duration`` is seconds and must be
    that of all renditions of the presentation (section 6.2.4).

    Raises:
        ValueError: A segment, rounded to whole seconds, is longer than ``target_duration`` (section 4.3.3.1).
    """
    longest = max(segment.length for segment in stream.segments) * stream.unit
    if round_half_up(longest) > target_duration:
        raise ValueError(
            f"{stream.rendition.name}: a segment of {float(longest):.6f} s exceeds target {target_duration} s"
        )
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{MEDIA_VERSION[segment_format]}",
        f"#EXT-X-TARGETDURATION:{target_duration}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        f"#EXT-X-PLAYLIST-TYPE:{'EVENT' if growing else 'VOD'}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]
    if stream.delivery.init is not None:
        lines.append(f"#EXT-X-MAP:URI={quoted(quote(stream.delivery.init.file))}")
    for duration, segment in zip(
        extinf_durations(stream.segments, stream.unit), stream.delivery.segments, strict=True
    ):
        lines += (f"#EXTINF:{duration},", quote(segment.file))
    if not growing:
        lines.append(ENDLIST)
    return "\n".join(lines) + "\n"


def extinf_durations(segments: Sequence[SegmentPlan], unit: Fraction) -> tuple[str, ...]:
    """Return the durations of segments in seconds with six decimals, whose running sum never drifts.

    The edges are rounded and then subtracted, so that the sum of the first ``n`` durations is within half a
    microsecond of the exact edge for every ``n``, however long the film. ``unit`` is the seconds that one of
    the segments' units lasts.
    """
    edges = accumulate((segment.length for segment in segments), initial=0)
    steps = [round_half_up(edge * unit * _EXTINF_STEPS) for edge in edges]
    durations = [after - before for before, after in pairwise(steps)]
    return tuple(f"{step // _EXTINF_STEPS}.{step % _EXTINF_STEPS:06d}" for step in durations)


def multivariant_playlist(presentation: Presentation, growing: bool = False) -> str:
    """Write the playlist that lists all renditions, addresses relative to it (RFC 8216 section 4.3.4).

    Variants come in descending BANDWIDTH. Many players begin with the first one, and Apple's authoring rules
    recommend one of middle rank there; the best one is first all the same, because nothing is known here of
    the viewers' networks and people expect the ladder in its order.

    BANDWIDTH is the measured peak of the video plus the largest peak in the audio group, AVERAGE-BANDWIDTH
    the sum of averages likewise (section 4.3.4.2); subtitles count in the same way. Where there is surround
    sound, the whole ladder comes once more for it, after the one for stereo, which all players take. Without
    video, one audio track is a plain variant; several are a group, with one variant that points at the
    default track (section 4.3.4.2.1). While the media playlists are ``growing``, rates are declared instead
    of measured, and players are asked to begin at the beginning.
    """
    groups = audio_groups(presentation.audio)
    grouped = bool(presentation.video) or len(presentation.audio) > 1
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{max(GROUPS_VERSION, MEDIA_VERSION[presentation.format])}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        *((_FROM_THE_START,) if growing else ()),
        *(_media(stream, group.id) for group in groups for stream in group.streams if grouped),
        *(_subtitle_media(stream) for stream in presentation.subtitles),
        *(_caption_media(channel) for channel in presentation.captions),
    ]
    ladder = sorted(presentation.video, key=lambda stream: stream.rates.peak, reverse=True)
    for group in groups or (None,):
        for video in ladder:
            lines += _video_variant(video, group, presentation)
        if group and not ladder:
            lines += _audio_variant(group, grouped, presentation.subtitles)
    return "\n".join(lines) + "\n"


def quoted(value: str) -> str:
    """Return a quoted-string attribute value (RFC 8216 section 4.2).

    Raises:
        ValueError: The value holds a double quote or a line break, which have no escape.
    """
    if any(char in value for char in '"\r\n'):
        raise ValueError(f"{value!r} cannot be written as a quoted string")
    return f'"{value}"'


def _media(stream: AudioStream, group: str) -> str:
    """Return the EXT-X-MEDIA tag of an audio rendition (RFC 8216 section 4.3.4.1)."""
    label = stream.label
    return "#EXT-X-MEDIA:" + _attributes(
        ("TYPE", "AUDIO"),
        ("GROUP-ID", quoted(group)),
        ("NAME", quoted(label.name)),
        ("LANGUAGE", quoted(label.language) if label.language else None),
        ("DEFAULT", _yes(label.default)),
        ("AUTOSELECT", _yes(label.autoselect)),
        ("CHANNELS", quoted(str(stream.rendition.channels))),
        ("URI", quoted(_address(stream))),
    )


def _subtitle_media(stream: SubtitleStream) -> str:
    """Return the EXT-X-MEDIA tag of a subtitle rendition (RFC 8216 section 4.3.4.1)."""
    label, traits = stream.label, characteristics(stream)
    return "#EXT-X-MEDIA:" + _attributes(
        ("TYPE", "SUBTITLES"),
        ("GROUP-ID", quoted(SUBTITLE_GROUP)),
        ("NAME", quoted(label.name)),
        ("LANGUAGE", quoted(label.language) if label.language else None),
        ("DEFAULT", _yes(label.default)),
        ("AUTOSELECT", _yes(label.autoselect)),
        ("FORCED", _yes(stream.rendition.forced)),
        ("CHARACTERISTICS", quoted(traits) if traits else None),
        ("URI", quoted(_address(stream))),
    )


def _caption_media(channel: str) -> str:
    """Return the EXT-X-MEDIA tag of a closed caption channel, which is inside the video segments."""
    return "#EXT-X-MEDIA:" + _attributes(
        ("TYPE", "CLOSED-CAPTIONS"),
        ("GROUP-ID", quoted(CAPTION_GROUP)),
        ("NAME", quoted(channel)),
        ("DEFAULT", "NO"),
        ("AUTOSELECT", "YES"),
        ("INSTREAM-ID", quoted(channel)),
    )


def _video_variant(
    video: Stream[VideoRendition], group: AudioGroup | None, presentation: Presentation
) -> tuple[str, str]:
    """Return the EXT-X-STREAM-INF tag and address of a video rendition with its groups, if any.

    CODECS leaves subtitles out: their segments are WebVTT files and no samples that a decoder has to know.
    """
    audio, subtitles = group.streams if group else (), presentation.subtitles
    rates = _sum_with_largest(_sum_with_largest(video.rates, audio), subtitles)
    tag = "#EXT-X-STREAM-INF:" + _attributes(
        ("BANDWIDTH", str(rates.peak)),
        ("AVERAGE-BANDWIDTH", str(rates.average)),
        ("CODECS", quoted(_codecs(video, *audio))),
        ("RESOLUTION", f"{video.rendition.width}x{video.rendition.height}"),
        ("FRAME-RATE", f"{float(1 / video.unit):.3f}"),
        ("AUDIO", quoted(group.id) if group else None),
        ("SUBTITLES", quoted(SUBTITLE_GROUP) if subtitles else None),
        ("CLOSED-CAPTIONS", quoted(CAPTION_GROUP) if presentation.captions else "NONE"),
    )
    return tag, _address(video)


def _audio_variant(group: AudioGroup, grouped: bool, subtitles: Sequence[SubtitleStream]) -> tuple[str, str]:
    """Return the EXT-X-STREAM-INF tag and address of sound without pictures: one track of the group plays."""
    rates = _sum_with_largest(_sum_with_largest(BitRates(0, 0), group.streams), subtitles)
    tag = "#EXT-X-STREAM-INF:" + _attributes(
        ("BANDWIDTH", str(rates.peak)),
        ("AVERAGE-BANDWIDTH", str(rates.average)),
        ("CODECS", quoted(_codecs(*group.streams))),
        ("AUDIO", quoted(group.id) if grouped else None),
        ("SUBTITLES", quoted(SUBTITLE_GROUP) if subtitles else None),
    )
    return tag, _address(group.default)


def _sum_with_largest(rates: BitRates, streams: Iterable[AnyStream]) -> BitRates:
    """Add the largest peak and the largest average of a group: any one of its tracks may be playing."""
    group = [stream.rates for stream in streams]
    return BitRates(
        peak=rates.peak + max((one.peak for one in group), default=0),
        average=rates.average + max((one.average for one in group), default=0),
    )


def _codecs(*streams: AnyStream) -> str:
    """Return the codecs of all streams, each once (RFC 6381)."""
    return ",".join(dict.fromkeys(stream.delivery.codec for stream in streams))


def _address(stream: AnyStream) -> str:
    """Return the address of a rendition's playlist, relative to the multivariant playlist."""
    return quote(f"{stream.rendition.directory}/{MEDIA_PLAYLIST}")


def _attributes(*pairs: tuple[str, str | None]) -> str:
    return ",".join(f"{name}={value}" for name, value in pairs if value is not None)


def _yes(value: bool) -> str:
    return "YES" if value else "NO"
