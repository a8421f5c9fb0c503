"""What a hostile source is: how it is made, and what a correct player shows of it.

A recipe is a line in one of the tables under ``recipes/``: a file name, how the file is made, and what is
expected. Expectations are written down from what the generator put in, or, for damaged files, taken from an
independent decoder (the ffmpeg binary); never from the project's own code. All expected times count from the
first picture that a player shows.
"""

from __future__ import annotations

import shlex
import subprocess
import wave
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from tests.hostile.expected import (
    BEEP_HERTZ,
    BEEP_LEFT,
    BEEP_RIGHT,
    BEEP_SECONDS,
    Expected,
    Film,
    Track,
    expect,
    seconds_of_beeps,
)
from tests.hostile.numbered import draw

FFMPEG: str = imageio_ffmpeg.get_ffmpeg_exe()


SOUND_RATE = 48_000


#: The film that most sources show.
PLAIN_FILM = Film()

X264 = "-c:v libx264 -preset ultrafast -crf 12 -g 25 -bf 2"
AAC = "-c:a aac -b:a 128k"


@dataclass(frozen=True)
class Recipe:
    """A source of the set.

    Attributes:
        name: File name.
        make: Writes the file at a path.
        expected: What a correct transcoder publishes.
        note: What is odd about it, in a few words.
    """

    name: str
    make: Callable[[Kit, Path], None]
    expected: Expected
    note: str = ""


@dataclass
class Kit:
    """What recipes are made with: base films and sounds, each made once and kept in a folder."""

    folder: Path
    recipes: dict[str, Recipe] = field(default_factory=dict)

    def source(self, name: str) -> Path:
        """Return the path of a source, made when it is first asked for."""
        return self._made(self.folder / name, self.recipes[name].make)

    def film(self, film: Film = PLAIN_FILM) -> Path:
        """Return the path of a base film: lossless RGB."""
        width, height = film.size
        rate = f"{film.rate.numerator}-{film.rate.denominator}"
        name = f"film-{width}x{height}-{rate}-{film.first}-{film.count}-{film.moments}.mkv"
        return self._made(self.folder / "base" / name, lambda _, path: _write_film(film, path))

    def beeps(self, seconds: float, channels: int = 2, rate: int = SOUND_RATE) -> Path:
        """Return the path of a base sound: a beep at each whole second over quiet noise."""
        name = f"beeps-{seconds:g}-{channels}-{rate}.wav"
        return self._made(
            self.folder / "base" / name, lambda _, path: _write_beeps(path, seconds, channels, rate)
        )

    def text(self, name: str, content: str) -> Path:
        """Return the path of a small text file."""
        return self._made(self.folder / "base" / name, lambda _, path: _write_text(path, content))

    def ffmpeg(self, *arguments: object) -> None:
        """Run ffmpeg."""
        ffmpeg(*arguments)

    def _made(self, path: Path, make: Callable[[Kit, Path], None]) -> Path:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f"partial-{path.name}")
            make(self, partial)
            partial.rename(path)
        return path


def _write_text(path: Path, content: str) -> None:
    path.write_text(content)


def ffmpeg(*arguments: object, data: Iterable[bytes] = ()) -> None:
    """Run ffmpeg, feeding it data; it must succeed."""
    words = [str(argument) for argument in arguments]
    command = [FFMPEG, "-v", "error", "-nostdin", "-y", *words[:-1], "-fflags", "+bitexact", words[-1]]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        for block in data:
            process.stdin.write(block)
        process.stdin.close()
        complaint = process.stderr.read().decode(errors="replace")
    assert process.returncode == 0, f"{shlex.join(command)}\n{complaint}"


def _write_film(film: Film, path: Path) -> None:
    width, height = film.size
    ffmpeg(
        *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(film.rate), "-i", "-"),
        *("-c:v", "ffv1", "-pix_fmt", "bgr0", path),
        data=(
            draw(number // film.moments, width, height, number / film.moments).tobytes()
            for number in film.numbers
        ),
    )


def beep_samples(seconds: float, channels: int, rate: int) -> NDArray[np.int16]:
    """Draw the base sound: an array of (samples, channels)."""
    time = np.arange(round(seconds * rate)) / rate
    tone = np.sin(2 * np.pi * BEEP_HERTZ * time) * (time % 1 < BEEP_SECONDS)
    noise = np.random.default_rng(1).standard_normal((len(time), channels)) * 0.001
    levels = [BEEP_LEFT] + [BEEP_RIGHT] * (channels - 1)
    sound = tone[:, None] * np.array(levels) + noise
    return np.asarray((np.clip(sound, -1, 1) * 32767).astype(np.int16))


def _write_beeps(path: Path, seconds: float, channels: int, rate: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(beep_samples(seconds, channels, rate).tobytes())


MATRICES = {
    "bt709": ("bt709", "-colorspace bt709 -color_primaries bt709 -color_trc bt709 -color_range tv"),
    "bt601": (
        "smpte170m",
        "-colorspace smpte170m -color_primaries smpte170m -color_trc smpte170m -color_range tv",
    ),
    "pal": ("bt470bg", "-colorspace bt470bg -color_primaries bt470bg -color_trc gamma28 -color_range tv"),
}


def to_yuv(matrix: str = "bt709", pixels: str = "yuv420p", before: str = "", after: str = "") -> str:
    """Arguments that turn a base film into YUV with a matrix, and say so in the stream.

    Args:
        matrix: A key of ``MATRICES``; with ``-untagged`` behind it, the stream does not tell.
        pixels: FFmpeg's name of the pixel format.
        before: Filters on RGB.
        after: Filters on YUV.
    """
    name, untagged, _ = matrix.partition("-untagged")
    space, tags = MATRICES[name]
    steps = [before, f"scale=out_color_matrix={space}:out_range=limited:flags=accurate_rnd+full_chroma_int"]
    steps += [f"format={pixels}", "setparams=colorspace=unknown:color_primaries=unknown:color_trc=unknown"]
    if not untagged:
        steps.pop()
    steps.append(after)
    chain = f"-vf {shlex.quote(','.join(step for step in steps if step))}"
    return chain if untagged else f"{chain} {tags}"


def encoded(
    name: str,
    arguments: str,
    *,
    film: Film = PLAIN_FILM,
    sound: bool = True,
    channels: int = 2,
    sound_rate: int = SOUND_RATE,
    sound_seconds: float | None = None,
    yuv: str | None = None,
    before: str = "",
    sound_before: str = "",
    note: str = "",
    **changes: object,
) -> Recipe:
    """A base film and its sound through one ffmpeg command.

    Args:
        name: File name.
        arguments: Of ffmpeg's output.
        film: The base film.
        sound: Whether there is sound.
        channels: Channels of the sound.
        sound_rate: Samples a second of the base sound.
        sound_seconds: Length of the base sound; by default that of the film.
        yuv: How the picture becomes YUV: ``to_yuv`` with its defaults if None.
        before: Arguments for the input of the film.
        sound_before: Arguments for the input of the sound.
        note: What is odd about it.
        changes: Of what is expected.
    """
    seconds = float(film.seconds) if sound_seconds is None else sound_seconds

    def make(kit: Kit, path: Path) -> None:
        inputs: list[str | Path] = [*shlex.split(before), "-i", kit.film(film)]
        maps = ["-map", "0:v"]
        if sound:
            inputs += [*shlex.split(sound_before), "-i", kit.beeps(seconds, channels, sound_rate)]
            maps += ["-map", "1:a"]
        chain = shlex.split(to_yuv() if yuv is None else yuv)
        kit.ffmpeg(*inputs, *maps, *chain, *shlex.split(arguments), path)

    if not sound:
        changes.setdefault("tracks", ())
    elif name.endswith(".avi"):  # it cannot say by how much the encoder of MP3 delays
        changes.setdefault("tracks", (Track(seconds_of_beeps(seconds), end=seconds, tolerance=0.03),))
    elif channels != 2:
        beeps = seconds_of_beeps(seconds)
        changes.setdefault("tracks", (Track(beeps, stereo=False, mono=channels == 1, end=seconds),))
    elif sound_seconds is not None:
        changes.setdefault("tracks", (Track(seconds_of_beeps(seconds), end=seconds),))
    return Recipe(name, make, expect(film, **changes), note)


def changed(
    name: str,
    origin: str,
    change: Callable[[bytes], bytes],
    expected: Expected,
    *,
    note: str = "",
) -> Recipe:
    """The bytes of another source, changed."""

    def make(kit: Kit, path: Path) -> None:
        path.write_bytes(change(kit.source(origin).read_bytes()))

    return Recipe(name, make, expected, note)


def remuxed(
    name: str,
    origin: str,
    arguments: str,
    expected: Expected,
    *,
    before: str = "",
    note: str = "",
) -> Recipe:
    """Another source through one ffmpeg command that copies its streams."""

    def make(kit: Kit, path: Path) -> None:
        source = kit.source(origin)
        kit.ffmpeg(
            *shlex.split(before), "-i", source, "-map", "0", "-c", "copy", *shlex.split(arguments), path
        )

    return Recipe(name, make, expected, note)


def by_name(tables: Sequence[Sequence[Recipe]]) -> dict[str, Recipe]:
    """Put tables of recipes together; names must be unique."""
    recipes: dict[str, Recipe] = {}
    for recipe in (recipe for table in tables for recipe in table):
        assert recipe.name not in recipes, recipe.name
        recipes[recipe.name] = recipe
    return recipes
