"""Loudness: what is measured, and what a track sounds like afterwards."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from encoders.loudness import amplified, measure
from encoders.pcm import Samples
from gopfarm.results import Loudness
from tests.encoders.clips import FFMPEG, ffmpeg, join, plan_of, run, sound_of

RATE = 48_000


def tone(level: float, seconds: float = 5, channels: int = 2, frequency: float = 997) -> Samples:
    time = np.arange(round(seconds * RATE)) / RATE
    return np.repeat((level * np.sin(2 * np.pi * frequency * time))[:, None], channels, axis=1).astype(
        np.float32
    )


def measured(samples: Samples, target: float = -23) -> Loudness:
    blocks = [samples[at : at + 1000] for at in range(0, len(samples), 1000)]
    return measure(blocks, samples.shape[1], RATE, target)


def test_the_reference_tone_of_ebu_tech_3341_measures_as_it_should() -> None:
    """Test case 1: a stereo tone of 1 kHz at -23 dBFS is -23 LUFS."""
    loudness = measured(tone(10 ** (-23 / 20), 20, frequency=1000))
    assert loudness.integrated == pytest.approx(-23, abs=0.1)
    assert loudness.true_peak == pytest.approx(-23, abs=0.1)
    assert loudness.gain == pytest.approx(0, abs=0.1)


def test_surround_channels_weigh_more() -> None:
    """ITU-R BS.1770-5, table 3: 1.41 for the surrounds, nothing for the LFE."""
    weights = {0: 0, 2: 0, 3: None, 4: 1.5}
    for channel, more in weights.items():
        samples = np.zeros((10 * RATE, 6), np.float32)
        samples[:, channel] = tone(0.1, 10)[:, 0]
        found = measured(samples).integrated
        expected = -70 if more is None else -23.01 + more
        assert found == pytest.approx(expected, abs=0.15)


def test_a_peak_between_samples_is_found() -> None:
    """At a quarter of the rate and 45 degrees off, samples reach 0.707 of the peak."""
    time = np.arange(5 * RATE)
    wave = (
        0.9
        * np.sin(np.pi / 2 * time + np.pi / 4)
        * np.minimum(1, time / 1000)
        * np.minimum(1, time[::-1] / 1000)
    )
    samples = np.repeat(wave[:, None], 2, axis=1).astype(np.float32)
    assert np.abs(samples).max() < 0.64
    assert measured(samples).true_peak == pytest.approx(20 * np.log10(0.9), abs=0.2)


def test_peaks_limit_the_gain() -> None:
    quiet = tone(0.01)
    quiet[RATE : RATE + 100] = 0.5
    loudness = measured(quiet, -14)
    assert loudness.gain == pytest.approx(-1 - loudness.true_peak, abs=0.01)
    assert loudness.gain < -14 - loudness.integrated


@pytest.mark.parametrize("level", [0, 1e-5])
def test_silence_is_left_alone(level: float) -> None:
    loudness = measured(tone(level))
    assert (loudness.integrated, loudness.gain) == (-70, 0)


def test_a_gain_is_in_decibels() -> None:
    (block,) = amplified([tone(0.1)], 6.0206)
    assert np.abs(block).max() == pytest.approx(0.2, abs=1e-4)


@pytest.mark.parametrize(("channels", "target"), [(2, -23.0), (2, -16.0), (6, -24.0)])
def test_a_track_comes_out_at_its_target(channels: int, target: float, tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    noise = "|".join(f"0.05*(random({n})*2-1)*(1+sin(t))" for n in range(channels))
    ffmpeg(
        *("-f", "lavfi", "-i", f"aevalsrc={noise}:d=8:s=48000:c={'stereo' if channels == 2 else '5.1'}"),
        *("-af", "lowpass=f=3000"),
        *("-c:a", "flac", str(path)),
    )
    plan = plan_of(path, loudness=target, surround={"bitrate": "384k"} if channels == 6 else None)
    task = plan.tasks[-1]
    result = run(task, path, tmp_path / "out")
    name = result.renditions[0].rendition
    loudness = result.renditions[0].loudness
    assert loudness is not None
    assert loudness.target == target
    joined = join(tmp_path / "out", name)
    log = subprocess.run(
        [FFMPEG, "-nostdin", "-i", str(joined), "-af", "loudnorm=print_format=json", "-f", "null", "-"],
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    found = json.loads(re.findall(r"\{[^{}]*\}", log)[-1])
    assert float(found["input_i"]) == pytest.approx(target, abs=0.4)
    assert float(found["input_tp"]) < -0.7
    again = run(task, path, tmp_path / "again").renditions[0]
    assert [one.sha256 for one in again.segments] == [one.sha256 for one in result.renditions[0].segments]


def test_loudness_is_left_alone_unless_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "quiet.wav"
    ffmpeg("-f", "lavfi", "-i", "sine=frequency=500:duration=3", "-ac", "2", str(path))
    result = run(plan_of(path).tasks[0], path, tmp_path / "out")
    assert result.renditions[0].loudness is None
    _, source = sound_of(path)
    _, sound = sound_of(join(tmp_path / "out", result.renditions[0].rendition))
    assert np.std(sound[:, 9600:-9600]) == pytest.approx(np.std(source[:, 9600:-9600]) / 32768, rel=0.05)
