"""What benches are run on: one clip, which is given or made on the spot, and others made of it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg

from bench.films import looped, probed
from encoders.demo import make_demo_clip

_FFMPEG = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y"]

#: Seconds of the clip that is made on the spot.
_MADE_SECONDS = 14

#: The demo clip is as clean as only drawings are. With some grain, in 1080p and at a camera's bitrate, it
#: takes x264 about as long as natural scenes do.
_GRAIN = "scale=1920:1080:flags=bicubic,noise=alls=3:allf=t"
_BITRATE = ["-b:v", "8M", "-maxrate", "12M", "-bufsize", "16M"]


class Clip(StrEnum):
    """A clip that benches ask for, by the name that commands are shown with."""

    CLIP = "CLIP"
    SECOND = "SECOND"
    MINUTE = "MINUTE"
    SIX_MINUTES = "SIX_MINUTES"


#: Seconds of the longer ones, about: they are the clip so many times over.
_LONGER = {Clip.MINUTE: 60, Clip.SIX_MINUTES: 360}

#: For a quick look, which says nothing about speed.
_QUICK_SECONDS = 2
_QUICK_LONGER = {Clip.MINUTE: 2, Clip.SIX_MINUTES: 6}


@dataclass(frozen=True)
class Source:
    """What is known of the clip that was benched; never where it lay.

    Args:
        made: It was made on the spot.
        seconds: Its duration.
        bitrate: Bits per second of the whole file.
    """

    made: bool
    seconds: float
    width: int
    height: int
    frame_rate: float
    codec: str
    bitrate: int
    tracks_of_sound: int

    def __str__(self) -> str:
        kind = "made on the spot (`bench/clips.py`)" if self.made else "given"
        sound = f"{self.tracks_of_sound} tracks of sound" if self.tracks_of_sound != 1 else "sound"
        return (
            f"{kind}, {self.seconds:g} s of {self.width}x{self.height} at {self.frame_rate:g} frames/s, "
            f"{self.codec}, {self.bitrate / 1e6:.1f} Mbit/s, {sound if self.tracks_of_sound else 'no sound'}"
        )


@dataclass(frozen=True)
class Clips:
    """The clips in a folder, made only as far as they are asked for."""

    source: Source
    files: dict[Clip, Path]

    @classmethod
    def make(cls, folder: Path, given: Path | None, wanted: set[Clip], quick: bool = False) -> Clips:
        """Make what is wanted from the given clip, or from one that is made on the spot.

        Args:
            folder: Where they are put, and stay; a given clip becomes a link.
            given: The clip, if there is one.
            wanted: Which benches ask for.
            quick: Make all of them very short.
        """
        folder.mkdir(parents=True, exist_ok=True)
        clip = folder / f"{Clip.CLIP}{given.suffix if given else '.mp4'}"
        original = given.resolve(strict=True) if given else None
        for earlier in (file for name in Clip for file in folder.glob(f"{name}.*")):
            if earlier.resolve() != original or earlier.is_symlink():
                earlier.unlink()
        if quick:
            _quick_clip(clip, original)
        elif original is None:
            _camera_like(clip)
        elif original != clip.resolve():  # it may be the one that an earlier run has made
            clip.symlink_to(original)
        source = _described(clip, made=given is None)
        files = {Clip.CLIP: clip}
        if Clip.SECOND in wanted:
            files[Clip.SECOND] = clip.with_stem(Clip.SECOND)
            _cut(clip, files[Clip.SECOND], 1)
        for name, seconds in (_QUICK_LONGER if quick else _LONGER).items():
            if name in wanted:
                files[name] = clip.with_stem(name)
                looped(clip, files[name], max(1, round(seconds / source.seconds)))
        return cls(source, files)


def _camera_like(clip: Path) -> None:
    """Make a clip in 1080p that is about as hard to code as what comes from a camera."""
    drawing = clip.with_stem("drawing")
    make_demo_clip(drawing, _MADE_SECONDS)
    code = ["-c:v", "libx264", "-preset", "veryfast", *_BITRATE, "-g", "60", "-c:a", "copy"]
    subprocess.run([*_FFMPEG, "-i", drawing, "-vf", _GRAIN, *code, clip], check=True)
    drawing.unlink()


def _quick_clip(clip: Path, given: Path | None) -> None:
    if given:
        _cut(given, clip, _QUICK_SECONDS)
    else:
        make_demo_clip(clip, _QUICK_SECONDS)


def _cut(clip: Path, to: Path, seconds: int) -> None:
    """Write the first seconds of a clip, as it is coded."""
    subprocess.run([*_FFMPEG, "-i", clip, "-t", str(seconds), "-c", "copy", to], check=True)


def _described(clip: Path, made: bool) -> Source:
    facts = probed(clip)
    assert facts.video is not None
    return Source(
        made=made,
        seconds=round(float(facts.duration), 2),
        width=facts.video.width,
        height=facts.video.height,
        frame_rate=round(float(facts.video.grid_rate), 3),
        codec=facts.video.codec,
        bitrate=int(Fraction(8 * facts.source.size) / facts.duration),
        tracks_of_sound=len(facts.audio),
    )
