"""The plan of a job: pure, and the same for the same source and settings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from math import ceil

from gopfarm.plan import (
    AudioFacts,
    AudioRendition,
    AudioTask,
    Picture,
    Plan,
    SegmentPlan,
    SourceFacts,
    Task,
    VideoFacts,
    VideoRendition,
    VideoTask,
    fingerprint,
)
from gopfarm.profile import Profile
from gopfarm.timeline import AAC_FRAME, cut_evenly, round_half_up, video_timescale
from ladder import fit_rungs
from scheduler.chunks import Chunk, cut_chunks

#: Sound and picture that start at most this many seconds apart keep their true starts; players bridge such
#: a gap. Beyond it late sound gets silence in front and early sound is cut: players would wait at the start.
_BRIDGED = Fraction(1, 2)

#: Sound that outlasts the picture by less than this many seconds stays in the last segment.
_SHORT_TAIL = Fraction(1, 2)

_LANGUAGE = re.compile(r"[a-z]{2,3}")


def make_plan(facts: SourceFacts, profile: Profile, encoder: str, build: str) -> Plan:
    """Decide everything about a job.

    Args:
        facts: What probing found.
        profile: What the job asks for.
        encoder: libavcodec's name of the video encoder that the fleet has.
        build: Version of the encoding libraries: other libraries write other bytes.
    """
    segment_seconds = Fraction(str(profile.segment_seconds))
    chunks = _chunks(facts.video, segment_seconds)
    video_segments = tuple(segment for chunk in chunks for segment in chunk.segments)
    video = _video_renditions(facts.video, profile, encoder)
    audio = _audio_renditions(facts.audio, profile)
    rate = facts.video.grid_rate if facts.video else Fraction(1)
    start = _video_start(facts)
    origin = facts.video.origin - start if facts.video else min(track.start for track in facts.audio)
    edges = [start + segment.end / rate for segment in video_segments]
    audio_segments = tuple(
        _audio_segments(track, rendition.sample_rate, origin, edges, segment_seconds)
        for track, rendition in zip(facts.audio, audio, strict=True)
    )
    picture = _picture(facts.video, start) if facts.video else None
    digest = fingerprint(
        [
            facts.digest,
            build,
            profile.format,
            *([picture] if picture else []),
            *(segment for segment in video_segments),
            *(chunk.seek for chunk in chunks),
            *video,
            *audio,
            *(segment for track in audio_segments for segment in track),
        ]
    )
    video = tuple(replace(rendition, directory=f"{rendition.name}/{digest}") for rendition in video)
    audio = tuple(replace(rendition, directory=f"{rendition.name}/{digest}") for rendition in audio)
    tasks: list[Task] = [
        AudioTask(f"audio-{index}", facts.source, profile.format, origin, segments, rendition)
        for index, (rendition, segments) in enumerate(zip(audio, audio_segments, strict=True))
    ]
    if picture is not None:
        tasks += [
            VideoTask(
                f"video-{index:05d}",
                facts.source,
                profile.format,
                picture,
                chunk.seek,
                chunk.segments,
                video,
            )
            for index, chunk in enumerate(chunks)
        ]
    durations = [segment.length / rate for segment in video_segments]
    for segments, rendition in zip(audio_segments, audio, strict=True):
        durations += [Fraction(segment.length, rendition.sample_rate) for segment in segments]
    return Plan(
        hash=digest,
        facts=facts,
        format=profile.format,
        grid_rate=rate,
        grid_frames=facts.video.grid_frames if facts.video else 0,
        target_duration=max(1, *(round_half_up(duration) for duration in durations)),
        video=video,
        video_start=start,
        video_segments=video_segments,
        audio=audio,
        audio_segments=audio_segments,
        tasks=tuple(tasks),
    )


def _chunks(video: VideoFacts | None, segment_seconds: Fraction) -> tuple[Chunk, ...]:
    if video is None:
        return ()
    return cut_chunks(video.grid_frames, video.grid_rate, video.keyframes, segment_seconds)


def _video_start(facts: SourceFacts) -> Fraction:
    """Return when the picture starts on the published timeline, so that early sound need not be cut.

    That is after a whole number of frames, wherever this is no longer than players bridge.
    """
    if facts.video is None or not facts.audio:
        return Fraction(0)
    rate = facts.video.grid_rate
    early = max(Fraction(0), facts.video.origin - min(track.start for track in facts.audio))
    whole = ceil(early * rate) / rate
    if whole <= _BRIDGED:
        return whole
    scale = video_timescale(rate)
    return Fraction(int(min(early, _BRIDGED) * scale), scale)


def _picture(video: VideoFacts, start: Fraction) -> Picture:
    return Picture(
        stream=video.stream,
        time_base=video.time_base,
        origin_pts=video.origin_pts,
        grid_rate=video.grid_rate,
        rotation=video.rotation,
        colour=video.colour,
        start=start,
    )


def _video_renditions(video: VideoFacts | None, profile: Profile, encoder: str) -> tuple[VideoRendition, ...]:
    if video is None:
        return ()
    return tuple(
        VideoRendition(
            name=rung.name,
            directory="",
            width=rung.width,
            height=rung.height,
            encoder=encoder,
            preset=profile.preset,
            bitrate=rung.bitrate,
            maxrate=rung.maxrate,
            bufsize=rung.bufsize,
        )
        for rung in fit_rungs(profile.renditions, video.display_size)
    )


def _audio_renditions(tracks: Sequence[AudioFacts], profile: Profile) -> tuple[AudioRendition, ...]:
    renditions = []
    for index, track in enumerate(tracks):
        language = track.language if _LANGUAGE.fullmatch(track.language) else "und"
        renditions.append(
            AudioRendition(
                name=f"audio-{language}-{index}",
                directory="",
                stream=track.stream,
                language=language,
                title=track.title,
                default=track.default,
                channels=profile.audio.channels,
                sample_rate=profile.audio.sample_rate,
                bitrate=profile.audio.bitrate,
            )
        )
    return tuple(renditions)


def _audio_segments(
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
    first = round_half_up(offset * sample_rate) if 0 < offset <= _BRIDGED else 0
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
