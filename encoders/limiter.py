"""Keeping a mix below full scale: where channels add up to more, they are turned down for a moment."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

#: Seconds in which the limiter turns down before a peak, and up again after it.
_FADE_SECONDS = 0.005


class Limiter:
    """Holds samples to full scale (1.0) and leaves everything that stays below it untouched, bit by bit.

    Decoders cut off what lies above full scale, which crackles. The gain here is the smallest that any sample
    within the fade needs, smoothed over as long: it is down when a peak comes, and never jumps.

    Args:
        rate: Samples per second.
        channels: Channels of the blocks, all turned down alike.
    """

    def __init__(self, rate: int, channels: int) -> None:
        self._fade = max(1, round(rate * _FADE_SECONDS))
        window = np.hanning(2 * self._fade + 3)[1:-1]
        self._window = window / window.sum()
        self._reach = 2 * self._fade
        # What went out last is kept too: peaks in it still count. Before the first sample there is silence.
        self._held = np.zeros((self._reach, channels), np.float32)

    def push(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Add samples, shape (samples, channels); return those that are ready, which lag a little behind."""
        held = np.concatenate([self._held, block])
        ready = len(held) - 2 * self._reach
        if ready <= 0:
            self._held = held
            return held[:0]
        self._held = held[ready:]
        out = held[self._reach : self._reach + ready]
        peaks = np.abs(held).max(axis=1)
        if peaks.max() <= 1:
            return out
        least = sliding_window_view(1 / np.maximum(peaks, 1), 2 * self._fade + 1).min(axis=1)
        gain = np.convolve(least, self._window, mode="valid").astype(np.float32)
        return np.clip(out * gain[:, None], -1, 1)

    def finish(self) -> NDArray[np.float32]:
        """Return the samples that are left."""
        return self.push(np.zeros((self._reach, self._held.shape[1]), np.float32))
