"""Films of real length for benches: made of shorter ones, or only described as probing would."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg

from gopfarm.facts import AudioFacts, Colour, Keyframe, SourceFacts, SourceRef, VideoFacts

#: Ticks of a described film's clock for a frame.
_TICKS = 1001


def looped(film: Path, to: Path, times: int) -> None:
    """Write a film so many times over, as it is coded; an MP4 gets its index at the end."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-stream_loop", str(times - 1)]
    subprocess.run([*command, "-i", film, "-c", "copy", to], check=True)


def described(
    frames: int, rate: Fraction, keyframe_seconds: int, bytes_per_second: int, digest: str = "digest"
) -> SourceFacts:
    """Return what probing would find of a film in 1080p (H.264) with a track of sound.

    Args:
        frames: Its length.
        rate: Frames per second.
        keyframe_seconds: Seconds between keyframes.
        bytes_per_second: Its size, for each second.
        digest: What tells it from other films.
    """
    duration = Fraction(frames) / rate
    slots = range(0, frames, int(keyframe_seconds * rate))
    video = VideoFacts(
        stream=0,
        codec="h264",
        width=1920,
        height=1080,
        pixel_format="yuv420p",
        colour=Colour(1, 1, 1),
        sample_aspect_ratio=Fraction(1),
        rotation=0,
        time_base=1 / (rate * _TICKS),
        frame_rate=rate,
        constant_rate=True,
        frame_count=frames,
        origin_pts=0,
        grid_rate=rate,
        grid_frames=frames,
        keyframes=tuple(Keyframe(slot * _TICKS, slot * _TICKS, slot) for slot in slots),
    )
    sound = AudioFacts(1, "aac", 48_000, 2, "stereo", "en", "", True, Fraction(0), duration)
    ref = SourceRef("s3://films/film.mp4", int(duration * bytes_per_second), "etag")
    return SourceFacts(ref, digest, "mov,mp4,m4a", duration, video, (sound,))
