"""Loudness by EBU R128 (ITU-R BS.1770): measured over a whole track, and set by one gain for all of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import log10

import av
import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.filter import Graph
from av.filter.context import FilterContext

from encoders.pcm import LAYOUTS, Samples
from gopfarm.results import Loudness

#: Highest true peak that a gain may lead to, in dBTP: what EBU R128 allows.
PEAK_LIMIT = -1.0

#: BS.1770's absolute gate, in LUFS: a track without anything above it has no loudness and is left as it is.
SILENCE = -70.0

#: What true peaks are reported as where there is none, in dBTP.
_NO_PEAK = -120.0

#: True peaks are looked for between the samples, at so many times their rate (BS.1770 annex 2).
_OVERSAMPLING = 4

_INTEGRATED = "lavfi.r128.I"


def measure(blocks: Iterable[Samples], channels: int, rate: int, target: float) -> Loudness:
    """Measure a track, to its end, and say which gain brings it to ``target`` LUFS.

    The gain is the same for all samples, so the dynamics stay as they were mixed. It is lower where peaks
    would otherwise exceed ``PEAK_LIMIT``, and 0 for silence.
    """
    meter = _Meter(channels, rate)
    for block in blocks:
        meter.push(block)
    integrated, peak = meter.finish()
    gain = 0.0 if integrated <= SILENCE else min(target - integrated, PEAK_LIMIT - peak)
    return Loudness(target=target, integrated=integrated, true_peak=peak, gain=round(gain, 3))


def amplified(blocks: Iterable[Samples], decibels: float) -> Iterator[Samples]:
    """Yield blocks with a gain."""
    factor = np.float32(10 ** (decibels / 20))
    for block in blocks:
        yield block * factor


class _Meter:
    """libavfilter's EBU R128 meter, and the true peak more exactly than it tells."""

    def __init__(self, channels: int, rate: int) -> None:
        self._rate = rate
        self._layout = LAYOUTS[channels]
        self._at = 0
        self._integrated = SILENCE
        self._peak = 0.0
        self._oversampled = av.AudioResampler(format="flt", layout=self._layout, rate=rate * _OVERSAMPLING)
        self._graph = Graph()
        self._graph.threads = 1
        source = self._graph.add_abuffer(
            sample_rate=rate, format="flt", layout=self._layout, time_base=Fraction(1, rate)
        )
        meter = self._graph.add("ebur128", "metadata=1")
        self._sink: FilterContext = self._graph.add("abuffersink")
        source.link_to(meter)
        meter.link_to(self._sink)
        self._graph.configure()

    def push(self, block: Samples) -> None:
        """Add samples."""
        for measures in (self._measure_loudness, self._measure_peak):
            frame = AudioFrame.from_ndarray(
                np.ascontiguousarray(block).reshape(1, -1), format="flt", layout=self._layout
            )
            frame.sample_rate, frame.pts, frame.time_base = self._rate, self._at, Fraction(1, self._rate)
            measures(frame)
        self._at += len(block)

    def finish(self) -> tuple[float, float]:
        """Return the integrated loudness in LUFS and the true peak in dBTP."""
        self._measure_loudness(None)
        self._measure_peak(None)
        peak = 20 * log10(self._peak) if self._peak > 0 else _NO_PEAK
        return self._integrated, round(max(_NO_PEAK, peak), 3)

    def _measure_loudness(self, frame: AudioFrame | None) -> None:
        self._graph.push(frame)
        while True:
            try:
                measured = self._sink.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            assert isinstance(measured, AudioFrame)
            self._integrated = float(measured.metadata.get(_INTEGRATED, self._integrated))

    def _measure_peak(self, frame: AudioFrame | None) -> None:
        for out in self._oversampled.resample(frame):
            if out.samples:
                self._peak = max(self._peak, float(np.abs(out.to_ndarray()).max()))
