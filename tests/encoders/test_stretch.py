from __future__ import annotations

import numpy as np
import pytest

from encoders.stretch import stretched

RATE = 48_000


@pytest.mark.parametrize("extra", [-4, -1, 1, 4])
@pytest.mark.parametrize("frequency", [100, 1000, 5000, 15_000])
def test_a_tone_stays_a_tone(frequency: int, extra: int) -> None:
    time = np.arange(1024) / RATE
    tone = np.stack([np.sin(2 * np.pi * frequency * time), np.cos(2 * np.pi * frequency * time)], 1)
    out = stretched(tone.astype(np.float32), extra)
    assert out.shape == (1024 + extra, 2)
    places = 16 + np.arange(992 + extra) * 992 / (992 + extra)
    expected = np.sin(2 * np.pi * frequency * places / RATE)
    assert np.abs(out[16:-16, 0] - expected).max() < 0.001
    assert (out[:16] == tone[:16].astype(np.float32)).all()
    assert (out[-16:] == tone[-16:].astype(np.float32)).all()


def test_a_long_block_is_stretched_as_a_short_one_is() -> None:
    ramp = np.linspace(0, 1, 192_000, dtype=np.float32)[:, None]
    out = stretched(ramp, 700)
    assert out.shape == (192_700, 1)
    assert np.abs(np.diff(out[:, 0]) - 1 / 192_700).max() < 1e-6


def test_nothing_is_done_to_a_block_that_keeps_its_length() -> None:
    samples = np.ones((64, 2), np.float32)
    assert stretched(samples, 0) is samples
