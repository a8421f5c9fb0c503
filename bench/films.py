"""Films of real length for benches, made of shorter ones."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg


def looped(film: Path, to: Path, times: int) -> None:
    """Write a film so many times over, as it is coded; an MP4 gets its index at the end."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-stream_loop", str(times - 1)]
    subprocess.run([*command, "-i", film, "-c", "copy", to], check=True)
