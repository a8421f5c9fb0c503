"""Sources as probing would describe them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from gopfarm.facts import AudioFacts, Colour, Keyframe, SourceFacts, SourceRef, VideoFacts
from gopfarm.plan import Plan
from ladder import load_profile
from scheduler.planner import make_plan
from scheduler.shape import Grouping, Shape

REF = SourceRef("s3://films/film.mp4", 10_000_000, "etag-1")
STANDARD = load_profile("standard")


def keyframes(slots: Sequence[int], rate: Fraction) -> tuple[Keyframe, ...]:
    """Keyframes at grid slots, in a time base of one tick a frame's 1/1001 (exact for every rate here)."""
    return tuple(Keyframe(slot * 1001, slot * 1001 - 2002, slot) for slot in slots)


def video_facts(
    frames: int = 250,
    rate: Fraction = Fraction(25),
    slots: Sequence[int] | None = None,
    size: tuple[int, int] = (1280, 720),
    origin: int = 0,
) -> VideoFacts:
    """A constant-rate H.264 stream, by default with a keyframe every two seconds."""
    chosen = range(0, frames, max(1, int(2 * rate))) if slots is None else slots
    return VideoFacts(
        stream=0,
        codec="h264",
        width=size[0],
        height=size[1],
        pixel_format="yuv420p",
        colour=Colour(1, 1, 1, full_range=False),
        sample_aspect_ratio=Fraction(1),
        rotation=0,
        time_base=1 / (rate * 1001),
        frame_rate=rate,
        constant_rate=True,
        frame_count=frames,
        origin_pts=origin,
        grid_rate=rate,
        grid_frames=frames,
        keyframes=keyframes(chosen, rate),
    )


def audio_facts(
    start: Fraction = Fraction(0), duration: Fraction = Fraction(10), stream: int = 1, language: str = "en"
) -> AudioFacts:
    """A stereo AAC track."""
    return AudioFacts(stream, "aac", 48_000, 2, "stereo", language, "", stream == 1, start, duration)


def source_facts(
    video: VideoFacts | None, *audio: AudioFacts, digest: str = "d1", ref: SourceRef = REF
) -> SourceFacts:
    """A source of some streams."""
    ends = [track.start + track.duration for track in audio]
    if video is not None:
        ends.append(video.frame_count / video.frame_rate)
    return SourceFacts(ref, digest, "mov,mp4,m4a", max(ends), video, audio)


def plan_of(facts: SourceFacts, grouping: Grouping = Grouping.TOGETHER, **changes: Any) -> Plan:
    """The plan for a source with the standard profile, in four chunks, or of 6 to 30 s."""
    shape = Shape(min(Fraction(30), max(Fraction(6), facts.duration / 4)), grouping=grouping)
    arguments: dict[str, Any] = {
        "facts": facts,
        "profile": STANDARD,
        "encoder": "libx264",
        "build": "av 18",
        "shape": shape,
    }
    return make_plan(**(arguments | changes))


#: Ten seconds with sound: a plan of several chunks.
SHORT = source_facts(video_facts(), audio_facts())
