"""A stream that grows: how much of it is whole, and the playlists that show that much. Pure.

All renditions are shown up to the same moment, the end of a segment of the picture (without one, of the first
audio track). How far that is, is one number: the segments of that lane. So what is published is a function of
the plan and this number, and a larger number only appends to it (RFC 8216 section 6.2.1).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil

from gopfarm.plan import AAC_LC, AudioRendition, Plan, Rendition, SegmentPlan, VideoRendition
from gopfarm.results import SegmentResult
from stitcher.bandwidth import BitRates
from stitcher.check import INIT_FILE, Packaging, RenditionDelivery, segment_file
from stitcher.hls import MEDIA_PLAYLIST, MULTIVARIANT_PLAYLIST, media_playlist, multivariant_playlist
from stitcher.presentation import present

#: Sound is cut at the AAC frame that is nearest to an edge, and its last segment may go on for half a second
#: after the picture: it belongs to an edge that it outlasts by at most so many seconds.
_SOUND_SLACK = Fraction(1, 2)

#: How far the peaks of AAC lie above its nominal rate, container included.
_AUDIO_PEAK = Fraction(11, 10)

#: Bits per second that a subtitle track counts for: text takes a few hundred.
_TEXT_RATE = 1_000


@dataclass(frozen=True)
class Lane:
    """The segments of one rendition, and when each of them ends on the published timeline, in seconds.

    One that ends at most ``slack`` seconds after a moment belongs to what is shown up to it.
    """

    rendition: Rendition
    packaging: Packaging
    segments: tuple[SegmentPlan, ...]
    ends: tuple[Fraction, ...]
    slack: Fraction

    def until(self, moment: Fraction, known: int = 0) -> int:
        """Return how many segments are shown up to a moment, of which at least ``known`` are."""
        return bisect_right(self.ends, moment + self.slack, lo=known)

    def whole(self, files: Collection[str]) -> int:
        """Return how many segments can be played from the start on, given the files in the lane's folder."""
        if self.packaging == "cmaf" and INIT_FILE not in files:
            return 0
        missing = (
            at
            for at, segment in enumerate(self.segments)
            if segment_file(segment.number, self.packaging) not in files
        )
        return next(missing, len(self.segments))


def lanes(plan: Plan) -> tuple[Lane, ...]:
    """Return the lanes of all renditions; the first is the one whose segments are counted."""
    found = [
        _lane(rendition, plan.format, plan.video_segments, 1 / plan.grid_rate, plan.video_start)
        for rendition in plan.video
    ]
    for rendition, segments in zip(plan.audio, plan.audio_segments, strict=True):
        unit = Fraction(1, rendition.sample_rate)
        slack = _SOUND_SLACK if found else Fraction(0)
        found.append(_lane(rendition, plan.format, segments, unit, Fraction(0), slack))
    found += [
        _lane(rendition, "webvtt", plan.subtitle_segments, plan.subtitle_unit, plan.video_start)
        for rendition in plan.subtitles
    ]
    return tuple(found)


def _lane(
    rendition: Rendition,
    packaging: Packaging,
    segments: tuple[SegmentPlan, ...],
    unit: Fraction,
    start: Fraction,
    slack: Fraction = Fraction(0),
) -> Lane:
    ends = tuple(start + segment.end * unit for segment in segments)
    return Lane(rendition, packaging, segments, ends, slack)


def shown_with(found: tuple[Lane, ...], whole: Mapping[str, int], known: int = 0) -> int:
    """Return how much can be shown: the segments of the first lane up to whose end every lane is whole.

    Args:
        found: The lanes of a plan.
        whole: Segments that can be played from the start on, by rendition.
        known: As much is known to be shown already.
    """
    counted = found[0].ends
    counts = [lane.until(counted[known - 1]) if known else 0 for lane in found]
    shown = known
    while shown < len(counted):
        counts = [lane.until(counted[shown], count) for lane, count in zip(found, counts, strict=True)]
        if not all(
            0 < count <= whole[lane.rendition.name] for lane, count in zip(found, counts, strict=True)
        ):
            break
        shown += 1
    return shown


def growing_playlists(plan: Plan, shown: int, codecs: Mapping[str, str]) -> list[tuple[str, bytes]]:
    """Return key and content of the playlists that show so much of a stream, the multivariant one last.

    BANDWIDTH is the most that the encoder may give out, since segments are still to come: it is replaced by
    what was measured when the stream is whole.

    Args:
        plan: The plan of the whole.
        shown: Segments of the first lane, at least 1.
        codecs: RFC 6381 names by video rendition.
    """
    found = lanes(plan)
    moment = found[0].ends[shown - 1]
    counts = [lane.until(moment) for lane in found]
    parts = {lane.rendition.name: lane.segments[:count] for lane, count in zip(found, counts, strict=True)}
    part = replace(
        plan,
        video_segments=parts[plan.video[0].name] if plan.video else (),
        audio_segments=tuple(parts[rendition.name] for rendition in plan.audio),
        subtitle_segments=parts[plan.subtitles[0].name] if plan.subtitles else (),
    )
    deliveries = {
        lane.rendition.name: _expected(
            codecs.get(lane.rendition.name, AAC_LC), lane.packaging, parts[lane.rendition.name]
        )
        for lane in found
    }
    declared = {lane.rendition.name: declared_rates(lane.rendition, plan.target_duration) for lane in found}
    presentation = present(part, deliveries, declared)
    media = [
        (
            f"{stream.rendition.directory}/{MEDIA_PLAYLIST}",
            media_playlist(stream, plan.format, plan.target_duration, growing=True).encode(),
        )
        for stream in presentation.streams
    ]
    return [*media, (MULTIVARIANT_PLAYLIST, multivariant_playlist(presentation, growing=True).encode())]


def declared_rates(rendition: Rendition, target_duration: int) -> BitRates:
    """Return the rates of a rendition by its settings, in bits per second.

    A VBV of ``bufsize`` bits that is filled at ``maxrate`` lets through at most ``maxrate`` x T + ``bufsize``
    bits in T seconds (ITU-T H.264 annex C).
    """
    if isinstance(rendition, VideoRendition):
        peak = rendition.maxrate + ceil(Fraction(rendition.bufsize, target_duration))
        return BitRates(peak, rendition.bitrate)
    if isinstance(rendition, AudioRendition):
        return BitRates(ceil(rendition.bitrate * _AUDIO_PEAK), rendition.bitrate)
    return BitRates(_TEXT_RATE, _TEXT_RATE)


def _expected(codec: str, packaging: Packaging, segments: tuple[SegmentPlan, ...]) -> RenditionDelivery:
    """Return what the playlists need to know of segments whose sizes nobody has told yet: their names."""

    def named(number: int, file: str, length: int) -> SegmentResult:
        return SegmentResult(number, file, size=0, sha256="", length=length)

    return RenditionDelivery(
        codec=codec,
        init=named(0, INIT_FILE, 0) if packaging == "cmaf" else None,
        segments=tuple(
            named(segment.number, segment_file(segment.number, packaging), segment.length)
            for segment in segments
        ),
    )
