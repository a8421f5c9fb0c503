"""Subtitles in the plan of a job: which tracks become renditions, and where these are cut. Pure rules."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from gopfarm.facts import SubtitleFacts
from gopfarm.plan import SegmentPlan, SubtitleRendition
from gopfarm.timeline import cut_evenly

#: What a folder's name may say of a language.
_LANGUAGE = re.compile(r"[a-z]{2,3}")

#: Sound that outlasts the picture by less than this many seconds has no segments of its own.
_SHORT_TAIL = Fraction(1, 2)


@dataclass(frozen=True)
class Lane:
    """The segments of a stream: they count units of ``unit`` seconds, and unit 0 is at ``start`` seconds."""

    segments: tuple[SegmentPlan, ...]
    unit: Fraction
    start: Fraction = Fraction(0)

    @property
    def end(self) -> Fraction:
        """When the last segment ends on the published timeline, in seconds."""
        return self.start + self.segments[-1].end * self.unit


def subtitle_renditions(tracks: Sequence[SubtitleFacts]) -> tuple[SubtitleRendition, ...]:
    """Return a rendition for every track that can become text; folders are not known yet."""
    renditions = []
    for index, track in enumerate(track for track in tracks if track.text):
        language = track.language if _LANGUAGE.fullmatch(track.language) else "und"
        renditions.append(
            SubtitleRendition(
                name=f"subtitles-{language}-{index}",
                directory="",
                stream=track.stream,
                language=track.language,
                title=track.title,
                default=track.default,
                forced=track.forced,
                hearing_impaired=track.hearing_impaired,
            )
        )
    return tuple(renditions)


def subtitle_lane(video: Lane | None, audio: Sequence[Lane], longest: Fraction) -> Lane:
    """Return the segments of subtitles: those of the picture, without one those of the first audio track.

    Where sound goes on after the picture, more segments follow up to its end, in whole units.

    Args:
        video: The segments of the picture.
        audio: Those of the audio tracks.
        longest: Seconds that a segment may last.
    """
    if video is None:
        return audio[0]
    segments = list(video.segments)
    tail = max((lane.end for lane in audio), default=video.end) - video.end
    if tail >= _SHORT_TAIL:
        for length in cut_evenly(ceil(tail / video.unit), max(1, int(longest / video.unit))):
            segments.append(SegmentPlan(segments[-1].number + 1, segments[-1].end, length))
    return Lane(tuple(segments), video.unit, video.start)
