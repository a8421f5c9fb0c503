"""The plan of a job: pure, and the same for the same source and settings."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import ceil

from gopfarm.facts import SourceFacts, VideoFacts
from gopfarm.plan import AudioTask, Plan, SubtitleTask, Task, VideoRendition, VideoTask
from gopfarm.profile import Profile
from gopfarm.serial import fingerprint
from gopfarm.timeline import FIELD_CONTEXT, round_half_up, video_timescale
from ladder import fit_rungs
from scheduler.chunks import Chunk, cut_chunks
from scheduler.cost import limit_seconds
from scheduler.normalise import normaliser
from scheduler.sound import BRIDGED, audio_renditions, audio_segments
from scheduler.subtitles import Lane, subtitle_lane, subtitle_renditions


def make_plan(
    facts: SourceFacts, profile: Profile, encoder: str, build: str, progressive: bool = False
) -> Plan:
    """Decide everything about a job.

    Args:
        facts: What probing found.
        profile: What the job asks for.
        encoder: libavcodec's name of the video encoder that the fleet has.
        build: Version of the encoding libraries: other libraries write other bytes.
        progressive: Whether viewers are to see the beginning as soon as possible.
    """
    segment_seconds = Fraction(str(profile.segment_seconds))
    chunks = _chunks(facts.video, segment_seconds, progressive)
    video_segments = tuple(segment for chunk in chunks for segment in chunk.segments)
    video = _video_renditions(facts.video, profile, encoder)
    sound = audio_renditions(facts.audio, profile.audio)
    audio = tuple(rendition for _, rendition in sound)
    rate = facts.video.grid_rate if facts.video else Fraction(1)
    start = _video_start(facts)
    origin = facts.video.origin - start if facts.video else min(track.start for track in facts.audio)
    edges = [start + segment.end / rate for segment in video_segments]
    sound_segments = tuple(
        audio_segments(track, rendition.sample_rate, origin, edges, segment_seconds)
        for track, rendition in sound
    )
    audio_lanes = [
        Lane(segments, Fraction(1, rendition.sample_rate))
        for rendition, segments in zip(audio, sound_segments, strict=True)
    ]
    video_lane = Lane(video_segments, 1 / rate, start) if facts.video else None
    subtitles = subtitle_renditions(facts.subtitles)
    subtitle_cut = subtitle_lane(video_lane, audio_lanes, segment_seconds) if subtitles else None
    picture = normaliser(facts.video, start) if facts.video else None
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
            *(segment for track in sound_segments for segment in track),
            *subtitles,
            *(subtitle_cut.segments if subtitle_cut else ()),
        ]
    )
    video = tuple(replace(rendition, directory=f"{rendition.name}/{digest}") for rendition in video)
    audio = tuple(replace(rendition, directory=f"{rendition.name}/{digest}") for rendition in audio)
    subtitles = tuple(replace(rendition, directory=f"{rendition.name}/{digest}") for rendition in subtitles)
    tasks: list[Task] = [
        AudioTask(f"audio-{index}", facts.source, profile.format, origin, segments, rendition, track.clock)
        for index, ((track, _), rendition, segments) in enumerate(
            zip(sound, audio, sound_segments, strict=True)
        )
    ]
    if subtitle_cut is not None:
        tasks.append(
            SubtitleTask(
                id="subtitles-0",
                source=facts.source,
                format=profile.format,
                origin=origin,
                unit=subtitle_cut.unit,
                start=subtitle_cut.start,
                duration=max(lane.end for lane in (subtitle_cut, *audio_lanes)),
                segments=subtitle_cut.segments,
                renditions=subtitles,
            )
        )
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
    for segments, rendition in zip(sound_segments, audio, strict=True):
        durations += [Fraction(segment.length, rendition.sample_rate) for segment in segments]
    if subtitle_cut is not None:
        durations += [segment.length * subtitle_cut.unit for segment in subtitle_cut.segments]
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
        audio_segments=sound_segments,
        tasks=tuple(replace(task, limit_seconds=limit_seconds(task, facts)) for task in tasks),
        max_damaged=profile.max_damaged,
        subtitles=subtitles,
        subtitle_segments=subtitle_cut.segments if subtitle_cut else (),
        subtitle_unit=subtitle_cut.unit if subtitle_cut else Fraction(1),
    )


def _chunks(video: VideoFacts | None, segment_seconds: Fraction, progressive: bool) -> tuple[Chunk, ...]:
    if video is None:
        return ()
    context = 0 if video.scan == "progressive" else FIELD_CONTEXT
    return cut_chunks(
        video.grid_frames, video.grid_rate, video.keyframes, segment_seconds, context, progressive
    )


def _video_start(facts: SourceFacts) -> Fraction:
    """Return when the picture starts on the published timeline, so that early sound need not be cut.

    That is after a whole number of frames, wherever this is no longer than players bridge.
    """
    if facts.video is None or not facts.audio:
        return Fraction(0)
    rate = facts.video.grid_rate
    early = max(Fraction(0), facts.video.origin - min(track.start for track in facts.audio))
    whole = ceil(early * rate) / rate
    if whole <= BRIDGED:
        return whole
    scale = video_timescale(rate)
    return Fraction(int(min(early, BRIDGED) * scale), scale)


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
