"""Decoded sound as arrays, and from a source's channels and sample rate to those of a rendition.

Arrays have the shape (samples, channels) and hold 32-bit floats with full scale at 1.0. They travel
interleaved: PyAV cannot give access to the planes of eight channels and more.

Channels are mixed by libswresample with the coefficients of ITU-R BS.775 (centre and surrounds at 0.7071, no
LFE), not scaled down afterwards. So dialogue keeps its level, and the result is that of ``ffmpeg -ac 2`` with
a codec that takes floats, AAC for one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
import av.error
import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

Samples = NDArray[np.float32]

#: Names of the layouts that renditions have, by number of channels.
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}

#: What libavutil calls channels of which it knows only the number.
_UNKNOWN = "channels"

#: More unknown channels than this are separate tracks, not the loudspeakers of one.
_MOST_LOUDSPEAKERS = 8


@dataclass(frozen=True)
class Shape:
    """How samples are laid out; a track may change it on the way."""

    rate: int
    layout: str
    channels: int
    format: str

    @classmethod
    def of(cls, frame: AudioFrame) -> Shape:
        """Return the shape of a frame."""
        return cls(frame.sample_rate, frame.layout.name, frame.layout.nb_channels, frame.format.name)


class Unpacker:
    """Gives the samples of frames of one shape, whatever their sample format."""

    def __init__(self, shape: Shape) -> None:
        self._channels = shape.channels
        self._resampler = None if shape.format == "flt" else av.AudioResampler(format="flt")

    def samples(self, frame: AudioFrame) -> Samples:
        """Return a copy of a frame's samples."""
        frame.pts = None
        frames = [frame] if self._resampler is None else self._resampler.resample(frame)
        return np.concatenate([_unpacked(one, self._channels) for one in frames])


class Converter:
    """Turns samples of one shape into those of a rendition: channels mixed, sample rate changed.

    The first sample that comes out is at the time of the first one that went in.

    Args:
        shape: Of what goes in; its sample format does not matter.
        channels: 1, 2 or 6.
        rate: Samples per second that come out.
    """

    def __init__(self, shape: Shape, channels: int, rate: int) -> None:
        self._rate = shape.rate
        self._channels = channels
        self._layout, self._used = _loudspeakers(shape)
        self._resampler = av.AudioResampler(format="flt", layout=LAYOUTS[channels], rate=rate)
        self._at = 0

    def convert(self, samples: Samples) -> Iterator[Samples]:
        """Yield what is ready after further samples."""
        if len(samples):
            used = np.ascontiguousarray(samples[:, : self._used]).reshape(1, -1)
            frame = AudioFrame.from_ndarray(used, format="flt", layout=self._layout)
            frame.sample_rate, frame.pts, frame.time_base = self._rate, self._at, Fraction(1, self._rate)
            self._at += len(samples)
            yield from self._resampled(frame)

    def finish(self) -> Iterator[Samples]:
        """Yield what is left."""
        if self._at:
            yield from self._resampled(None)

    def _resampled(self, frame: AudioFrame | None) -> Iterator[Samples]:
        for out in self._resampler.resample(frame):
            if out.samples:
                yield _unpacked(out, self._channels)


def _unpacked(frame: AudioFrame, channels: int) -> Samples:
    return cast(Samples, frame.to_ndarray().reshape(-1, channels))


def mixes_down(shape: Shape, channels: int) -> bool:
    """Tell whether several channels are added up into one, so that the sum may exceed full scale."""
    return _loudspeakers(shape)[1] > channels


def _loudspeakers(shape: Shape) -> tuple[str, int]:
    """Return the layout by which the first channels of a shape are mixed, and how many of them are used.

    Up to eight channels that nobody has named are the usual loudspeakers for their number. Of more, and of
    layouts that loudspeakers cannot be fed from, the first two are used, which is where productions keep
    their stereo mix; of Ambisonics the first, which is its mono part.
    """
    unknown = shape.layout.endswith(_UNKNOWN)
    if unknown and shape.channels <= _MOST_LOUDSPEAKERS:
        return av.AudioLayout(f"{shape.channels}c").name, shape.channels
    if shape.layout.startswith("ambisonic"):
        return "mono", 1
    if unknown or not _can_be_mixed(shape.layout, shape.channels):
        used = min(2, shape.channels)
        return LAYOUTS[used], used
    return shape.layout, shape.channels


def _can_be_mixed(layout: str, channels: int) -> bool:
    trial = AudioFrame.from_ndarray(np.zeros((1, channels), np.float32), format="flt", layout=layout)
    trial.sample_rate, trial.pts, trial.time_base = 48_000, 0, Fraction(1, 48_000)
    try:
        av.AudioResampler(format="flt", layout="stereo", rate=48_000).resample(trial)
    except (av.error.FFmpegError, ValueError):
        return False
    return True
