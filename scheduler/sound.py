"""Sound in the plan of a job: which renditions a track becomes, and where they are cut. Pure rules."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from gopfarm.facts import AudioFacts
from gopfarm.plan import AudioRendition, SegmentPlan
from gopfarm.profile import AudioSpec
from gopfarm.timeline import AAC_FRAME, cut_evenly, round_half_up

#: Sound and picture that start at most this many seconds apart keep their true starts; players bridge such
#: a gap. Beyond it late sound gets silence in front and early sound is cut: players would wait at the start.
BRIDGED = Fraction(1, 2)

#: Channels of a surround rendition: 5.1, which AAC-LC and all players know.
_SURROUND_CHANNELS = 6

#: Sound that outlasts the picture by less than this many seconds stays in the last segment.
_SHORT_TAIL = Fraction(1, 2)

#: What a folder's name may say of a language.
_LANGUAGE = re.compile(r"[a-z]{2,3}")


def audio_renditions(
    tracks: Sequence[AudioFacts], spec: AudioSpec
) -> tuple[tuple[AudioFacts, AudioRendition], ...]:
    """Return each rendition with its track; folders are not known yet.

    Every track becomes one of ``spec.channels`` channels. Where the profile asks for surround, every track
    that has at least 5.1 becomes one more; these come last.
    """
    renditions = [(track, _rendition(track, number, spec)) for number, track in enumerate(tracks)]
    if spec.surround is not None:
        renditions += [
            (track, _rendition(track, number, spec, spec.surround.bitrate))
            for number, track in enumerate(tracks)
            if track.surround
        ]
    return tuple(renditions)


def _rendition(
    track: AudioFacts, number: int, spec: AudioSpec, surround_bitrate: int | None = None
) -> AudioRendition:
    language = track.language if _LANGUAGE.fullmatch(track.language) else "und"
    name = f"audio-{language}-{number}"
    return AudioRendition(
        name=name if surround_bitrate is None else f"{name}-surround",
        directory="",
        stream=track.stream,
        language=language,
        title=track.title,
        default=track.default,
        channels=spec.channels if surround_bitrate is None else _SURROUND_CHANNELS,
        sample_rate=spec.sample_rate,
        bitrate=spec.bitrate if surround_bitrate is None else surround_bitrate,
        loudness=spec.loudness,
    )


def audio_segments(
    track: AudioFacts,
    sample_rate: int,
    origin: Fraction,
    edges: Sequence[Fraction],
    segment_seconds: Fraction,
) -> tuple[SegmentPlan, ...]:
    """Cut a track at the ends of the video's segments, each moved to the nearest AAC frame of the track.

    Args:
        track: The track, on the source's clock.
        sample_rate: Of the rendition.
        origin: Time on the source's clock, in seconds, that is time 0 of the published stream.
        edges: End of each video segment, in published seconds; none without a picture.
        segment_seconds: Longest segment where sound goes on after the picture.
    """
    offset = track.start - origin
    first = round_half_up(offset * sample_rate) if 0 < offset <= BRIDGED else 0
    end = max(first + AAC_FRAME, round_half_up((offset + track.duration) * sample_rate))
    cuts = [first]
    for edge in edges:
        cut = first + AAC_FRAME * max(1, round_half_up((edge * sample_rate - first) / AAC_FRAME))
        if cut > cuts[-1]:
            cuts.append(cut)
    longest = max(1, int(segment_seconds * sample_rate) // AAC_FRAME)
    tail = -(-(end - cuts[-1]) // AAC_FRAME)
    if tail > longest:
        for frames in cut_evenly(tail, longest)[:-1]:
            cuts.append(cuts[-1] + frames * AAC_FRAME)
    cuts = [cut for cut in cuts if cut < end - _SHORT_TAIL * sample_rate] or [first]
    bounds = [*cuts, end]
    return tuple(
        SegmentPlan(number, start, stop - start) for number, (start, stop) in enumerate(pairwise(bounds))
    )
