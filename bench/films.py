"""Films for benches: probed, made of shorter ones, or only described as probing would."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg

from gopfarm.facts import SourceFacts
from gopfarm.settings import get_settings
from scheduler.imagined import film
from scheduler.prepare import probe_url


def probed(clip: Path) -> SourceFacts:
    """Return what probing finds of a clip; end the bench if there is no picture in it."""
    facts = probe_url(str(clip), get_settings())
    if facts.video is None:
        sys.exit("the clip has no picture")
    return facts


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
    return film(frames, rate, keyframe_seconds, bytes_per_second, digest)
