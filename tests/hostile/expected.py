"""What is expected of a source: the frames that a player shows, the sound, the words.

All times count from the first picture that a player shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np

#: Each second of sound begins with this many seconds of a tone of this many hertz.
BEEP_SECONDS, BEEP_HERTZ = 0.04, 1000


#: Amplitude of the beep in the left and the right channel; in the other channels it is as in the right one.
BEEP_LEFT, BEEP_RIGHT = 0.5, 0.25


SIZE = (320, 180)


@dataclass(frozen=True)
class Film:
    """A base film: frame number n is shown at n / rate seconds.

    Attributes:
        rate: Frames a second.
        count: Frames.
        size: Width and height of the square-pixel picture as a viewer sees it.
        first: Number of the first frame.
        moments: Pictures that show the same number, while all else moves on: the fields of a frame to be.
    """

    rate: Fraction = Fraction(25)
    count: int = 100
    size: tuple[int, int] = SIZE
    first: int = 0
    moments: int = 1

    @property
    def seconds(self) -> Fraction:
        return self.count / self.rate

    @property
    def numbers(self) -> range:
        return range(self.first, self.first + self.count)


Shown = tuple[tuple[int, Fraction], ...]


@dataclass(frozen=True)
class Track:
    """What is expected of one track of sound.

    Attributes:
        beeps: Times at which a beep starts. Other beeps are a fault as well.
        language: Its code in the playlist, or None if any will do.
        stereo: Whether levels of left and right are known.
        mono: Whether it is one channel, heard equally on both sides.
        end: When the track ends, if that is known.
        tolerance: Seconds that beeps may be off.
    """

    beeps: tuple[float, ...] = ()
    language: str | None = None
    stereo: bool = True
    mono: bool = False
    end: float | None = None
    tolerance: float = 0.02


@dataclass(frozen=True)
class Cue:
    """One subtitle: when it is shown, in seconds, and what it says."""

    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Expected:
    """What a correct transcoder publishes.

    Attributes:
        verdict: Whether the source is to be played, refused, or either.
        pictures: ``every``: each of ``shown`` once and in order; ``slots``: at any time what a player shows
            at that time; ``measured``: as slots, but compared with what the ffmpeg binary decodes, and a few
            frames may be wrong; ``none``: sound only.
        shown: Number and time of each frame that a player shows.
        rate: Frames a second of the published stream; None: any that fits.
        size: Width and height of the picture as seen, in square pixels; None: not checked.
        colour: ``sdr``: the patches keep their colour; ``gray``: their luma; ``wide``: BT.2020 patches;
            ``hdr``: HDR turned into SDR; ``none``: not checked.
        colour_tolerance: Code values that patches may be off.
        fields: Fields a frame: 2 where the film is interlaced.
        stride: Frames of the source for each one published; which of them is shown is free.
        tracks: The tracks of sound, in order; None: not checked.
        cues: Subtitles by language; None: not checked.
        captions: Closed captions in the pictures.
        unreadable: Share of the frames whose number need not be readable.
        late: Whether only the work itself can show that it is to be refused: the job fails.
    """

    verdict: Literal["play", "refuse", "either"] = "play"
    pictures: Literal["every", "slots", "measured", "none"] = "every"
    shown: Shown = ()
    rate: Fraction | None = None
    size: tuple[int, int] | None = None
    colour: Literal["sdr", "gray", "wide", "hdr", "none"] = "sdr"
    colour_tolerance: float = 4.0
    fields: int = 1
    stride: int = 1
    tracks: tuple[Track, ...] | None = ()
    cues: dict[str, tuple[Cue, ...]] | None = None
    captions: tuple[Cue, ...] = ()
    unreadable: float = 0.0
    late: bool = False


def seconds_of_beeps(end: float, *, start: float = 0.0, shift: float = 0.0) -> tuple[float, ...]:
    """Times of the beeps of a base sound from ``start`` to ``end`` that is put ``shift`` seconds later."""
    return tuple(float(at) + shift for at in range(int(np.ceil(start)), int(np.ceil(end - 0.05))))


def every(film: Film) -> Shown:
    """What a player shows of a base film: all of it, from 0 on."""
    return tuple((number, at / film.rate) for at, number in enumerate(film.numbers))


def expect(film: Film, **changes: object) -> Expected:
    """What is expected of a base film with its stereo sound, with changes."""
    usual: dict[str, object] = {
        "shown": every(film),
        "rate": film.rate,
        "size": film.size,
        "tracks": (Track(seconds_of_beeps(float(film.seconds)), end=float(film.seconds)),),
    }
    return Expected(**{**usual, **changes})  # type: ignore[arg-type]
