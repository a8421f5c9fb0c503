from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from encoders.limiter import Limiter

RATE = 48_000


def limited(samples: NDArray[np.float32], sizes: list[int]) -> NDArray[np.float32]:
    limiter = Limiter(RATE, samples.shape[1])
    out, at, turn = [], 0, 0
    while at < len(samples):
        size = sizes[turn % len(sizes)]
        out.append(limiter.push(samples[at : at + size]))
        at, turn = at + size, turn + 1
    return np.concatenate([*out, limiter.finish()])


def noise(seed: int, loud: float, count: int = 6000) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0, loud, (count, 2)).astype(np.float32)


blocks = st.lists(st.integers(1, 2000), min_size=1, max_size=5)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 100), st.floats(0.1, 3), blocks)
def test_nothing_exceeds_full_scale_and_nothing_is_lost(seed: int, loud: float, sizes: list[int]) -> None:
    samples = noise(seed, loud)
    out = limited(samples, sizes)
    assert out.shape == samples.shape
    assert np.abs(out).max() <= 1
    assert (np.sign(out) == np.sign(samples)).all()


@settings(deadline=None, max_examples=8)
@given(st.integers(0, 100), blocks, blocks)
def test_how_sound_comes_in_blocks_makes_no_difference(seed: int, one: list[int], other: list[int]) -> None:
    samples = noise(seed, 0.8)
    assert np.abs(limited(samples, one) - limited(samples, other)).max() < 1e-6


def test_what_is_away_from_a_peak_is_left_untouched() -> None:
    samples = np.clip(noise(1, 0.2), -1, 1)
    samples[3000] = 2
    out = limited(samples, [1024])
    assert (out[:2500] == samples[:2500]).all()
    assert (out[3500:] == samples[3500:]).all()
    assert abs(out[3000] - 1).max() < 0.001
    gain = out[2600:3400, 0] / samples[2600:3400, 0]
    assert np.abs(np.diff(gain)).max() < 0.01  # a fade, no step
