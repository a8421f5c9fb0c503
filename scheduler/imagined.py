"""Films that nobody has: facts as probing would find them, for estimates before there is a source. Pure."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from gopfarm.facts import AudioFacts, Colour, Keyframe, SourceFacts, SourceRef, VideoFacts
from gopfarm.timeline import natural_rate, output_rate

#: Ticks of an imagined film's clock for a frame.
_TICKS = 1001

_KEYFRAME_SECONDS = 4

#: Bits that an H.264 upload spends on a pixel: 5.6 Mbit/s in 1080p at 30 frames/s.
_BITS_PER_PIXEL = 0.09


def imagined_film(height: int, frame_rate: float, seconds: float) -> SourceFacts:
    """Return a film in H.264 and 16:9 with one track of sound, as cameras and editors write them.

    Args:
        height: Lines of the picture.
        frame_rate: Frames per second; 29.97 and its like are taken for what they stand for.
        seconds: How long it plays.
    """
    rate = natural_rate(Fraction(frame_rate).limit_denominator(_TICKS))
    width = 2 * round(height * 16 / 9 / 2)
    bytes_per_second = round(width * height * float(rate) * _BITS_PER_PIXEL / 8)
    return film(
        max(1, round(seconds * rate)), rate, _KEYFRAME_SECONDS, bytes_per_second, size=(width, height)
    )


def film(
    frames: int,
    rate: Fraction,
    keyframe_seconds: int,
    bytes_per_second: int,
    digest: str = "imagined",
    size: tuple[int, int] = (1920, 1080),
) -> SourceFacts:
    """Return a film with all its details said.

    Args:
        frames: Its length.
        rate: Frames per second.
        keyframe_seconds: Seconds between keyframes.
        bytes_per_second: Its size, for each second.
        digest: What tells it from other films.
        size: Width and height.
    """
    duration, grid = Fraction(frames) / rate, output_rate(rate)
    every = int(rate / grid)
    places = range(0, frames, max(1, int(keyframe_seconds * rate)))
    video = VideoFacts(
        stream=0,
        codec="h264",
        width=size[0],
        height=size[1],
        pixel_format="yuv420p",
        colour=Colour(1, 1, 1),
        sample_aspect_ratio=Fraction(1),
        rotation=0,
        time_base=1 / (rate * _TICKS),
        frame_rate=rate,
        constant_rate=True,
        frame_count=frames,
        origin_pts=0,
        grid_rate=grid,
        grid_frames=max(1, frames // every),
        keyframes=tuple(Keyframe(place * _TICKS, place * _TICKS, place // every) for place in places),
    )
    sound = AudioFacts(1, "aac", 48_000, 2, "stereo", "en", "", True, Fraction(0), duration)
    ref = SourceRef("s3://films/film.mp4", int(duration * bytes_per_second), "etag")
    return SourceFacts(ref, digest, "mov,mp4,m4a", duration, video, (sound,))


def of_length(facts: SourceFacts, seconds: float) -> SourceFacts:
    """Return a film like another one, but as long as this: the same picture, sound, rates and keyframes."""
    factor = Fraction(seconds).limit_denominator(_TICKS) / facts.duration
    video = facts.video
    if video is not None:
        frames = max(1, round(video.grid_frames * factor))
        apart = video.grid_frames / len(video.keyframes)
        ticks = 1 / (video.grid_rate * video.time_base)
        slots = [round(number * apart) for number in range(max(1, int(frames / apart)))]
        video = replace(
            video,
            frame_count=max(1, round(video.frame_count * factor)),
            grid_frames=frames,
            keyframes=tuple(Keyframe(round(slot * ticks), round(slot * ticks), slot) for slot in slots),
        )
    return replace(
        facts,
        duration=facts.duration * factor,
        video=video,
        audio=tuple(replace(track, duration=track.duration * factor) for track in facts.audio),
        source=replace(facts.source, size=max(1, int(facts.source.size * factor))),
    )
