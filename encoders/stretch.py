"""Making a block of sound a few samples longer or shorter, without a seam at its ends."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Half the length, in samples, of the windowed sinc by which values between samples are found; as many
#: samples at both ends of a block stay as they are.
_HALF = 16

#: Samples made at a time: memory is bounded whatever a block's length.
_AT_A_TIME = 4096


def stretched(samples: NDArray[np.float32], extra: int) -> NDArray[np.float32]:
    """Return a block of ``extra`` more samples (fewer, if negative).

    Its middle is resampled by a windowed sinc, its ends stay, so that it continues its neighbours.

    Args:
        samples: Shape (samples, channels), at least 64 samples.
        extra: A small part of their number.
    """
    if extra == 0:
        return samples
    inner = len(samples) - 2 * _HALF
    made = inner + extra
    places = _HALF + np.arange(made, dtype=np.float64) * (inner / made)
    middle = [_between(samples, places[at : at + _AT_A_TIME]) for at in range(0, made, _AT_A_TIME)]
    return np.concatenate([samples[:_HALF], *middle, samples[-_HALF:]])


def _between(samples: NDArray[np.float32], places: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the band-limited signal at places between samples."""
    whole = np.floor(places).astype(np.int64)
    taps = np.arange(1 - _HALF, _HALF + 1)
    distance = taps[None, :] - (places - whole)[:, None]
    weights = np.sinc(distance) * (0.5 + 0.5 * np.cos(np.pi * distance / (_HALF + 1)))
    weights /= weights.sum(axis=1, keepdims=True)
    near = samples[whole[:, None] + taps[None, :]]
    between: NDArray[np.float32] = np.einsum("nt,ntc->nc", weights.astype(np.float32), near)
    return between
