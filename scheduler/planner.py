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
from scheduler.chunks import Chunk, bytes_read, cut_chunks
from scheduler.cost import limit_seconds
from scheduler.normalise import normaliser
from scheduler.shape import Shape, by_size
from scheduler.sound import BRIDGED, audio_renditions, audio_segments
from scheduler.subtitles import Lane, subtitle_lane, subtitle_renditions

#: How the ids of video tasks begin, before the number of the chunk.
_CHUNK = "video-"


def make_plan(facts: SourceFacts, profile: Profile, encoder: str, build: str, shape: Shape) -> Plan:
    """Decide everything about a job.

    Args:
        facts: What probing found.
        profile: What the job asks for.
        encoder: libavcodec's name of the video encoder that the fleet has.
        build: Version of the encoding libraries: other libraries write other bytes.
        shape: How long chunks are, and how renditions are grouped into tasks; the latter changes no byte, and
            so not the plan's hash.
    """
    segment_seconds = Fraction(str(profile.segment_seconds))
    chunks = chunks_of(facts.video, profile, shape)
    video_segments = tuple(segment for chunk in chunks for segment in chunk.segments)
    video = video_renditions(facts.video, profile, encoder)
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
    if picture is not None and facts.video is not None:
        sizes = tuple(dict.fromkeys((rendition.width, rendition.height) for rendition in by_size(video)))
        keyframes, size, frames = facts.video.keyframes, facts.source.size, facts.video.grid_frames
        for index, chunk in enumerate(chunks):
            whole = VideoTask(
                f"{_CHUNK}{index:05d}",
                facts.source,
                profile.format,
                picture,
                chunk.seek,
                chunk.segments,
                by_size(video),
                sizes,
                reads=bytes_read(chunk, keyframes, size, frames),
            )
            tasks += [part_of(whole, group) for group in shape.groups(video)]
    durations = [segment.length / rate for segment in video_segments]
    for segments, rendition in zip(sound_segments, audio, strict=True):
        durations += [Fraction(segment.length, rendition.sample_rate) for segment in segments]
    if subtitle_cut is not None:
        durations += [segment.length * subtitle_cut.unit for segment in subtitle_cut.segments]
    plan = Plan(
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
        tasks=tuple(tasks),
        max_damaged=profile.max_damaged,
        subtitles=subtitles,
        subtitle_segments=subtitle_cut.segments if subtitle_cut else (),
        subtitle_unit=subtitle_cut.unit if subtitle_cut else Fraction(1),
    )
    return with_limits(plan)


def with_limits(plan: Plan) -> Plan:
    """Return a plan with the time that each task may take, by its work."""
    tasks = (replace(task, limit_seconds=limit_seconds(task, plan.facts)) for task in plan.tasks)
    return replace(plan, tasks=tuple(tasks))


def part_of(whole: VideoTask, group: tuple[VideoRendition, ...]) -> VideoTask:
    """Return the task that makes a group of the renditions of a ``whole`` chunk, a run of its ladder.

    Its id names the rungs, the largest being ``r0``, unless it makes them all.
    """
    if group == whole.renditions:
        return whole
    first, last = (whole.renditions.index(rendition) for rendition in (group[0], group[-1]))
    rungs = f"r{first}" if first == last else f"r{first}-r{last}"
    return replace(whole, id=f"{whole.id}-{rungs}", renditions=group)


def chunk_name(task_id: str) -> str:
    """Return the id that a task would have if it made all renditions of its chunk."""
    return task_id.partition("-r")[0]


def chunks_of(video: VideoFacts | None, profile: Profile, shape: Shape) -> tuple[Chunk, ...]:
    """Return where a picture is cut; nothing if there is none."""
    if video is None:
        return ()
    context = 0 if video.scan == "progressive" else FIELD_CONTEXT
    segment_seconds = Fraction(str(profile.segment_seconds))
    return cut_chunks(video.grid_frames, video.grid_rate, video.keyframes, segment_seconds, shape, context)


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


def video_renditions(video: VideoFacts | None, profile: Profile, encoder: str) -> tuple[VideoRendition, ...]:
    """Return the rungs of a profile that fit a picture, as they will be encoded, without their folders."""
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
