"""A picture that flashes and a beep at the same moment, every second: they must stay together to the end."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import m3u8
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.farm.processes import gopfarm
from tests.farm.streams import FFMPEG, decode, source_times

#: What viewers do not notice (ITU-R BT.1359: 45 ms of early sound), and what the farm may add, in seconds.
NOTICED = 0.020
ADDED = 0.002

RATE = 48_000

PROFILE = """
renditions:
  - {name: 90p, height: 90, bitrate: 100k}
  - {name: 60p, height: 60, bitrate: 60k}
preset: ultrafast
"""

#: Encoder arguments and picture rate. MP3 in AVI has no way to say how late its encoder was.
SOURCES = {
    "aac.mp4": (("-c:v", "libx264", "-c:a", "aac"), "10"),
    "ntsc.mp4": (("-c:v", "libx264", "-c:a", "aac"), "30000/1001"),
    "mp3.avi": (("-c:v", "mpeg4", "-c:a", "libmp3lame"), "10"),
    "ac3.ts": (("-c:v", "libx264", "-c:a", "ac3"), "10"),
    "opus.mkv": (("-c:v", "libx264", "-c:a", "libopus"), "10"),
}


def make(path: Path, encoder: tuple[str, ...], rate: str, seconds: int) -> None:
    """Make a source that flashes and beeps with every so many frames as make about a second."""
    frames = round(Fraction(rate))
    period = f"{frames}/({rate})"
    picture = f"color=black:s=160x90:r={rate},drawbox=c=white:t=fill:enable='not(mod(n,{frames}))'"
    beep = f"aevalsrc='0.5*sin(2*PI*1000*mod(t,{period}))*lt(mod(t,{period}),0.05)':s={RATE}"
    subprocess.run(
        [
            *(FFMPEG, "-v", "error", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", beep, "-ac", "2"),
            *("-t", str(seconds), *encoder, "-g", "100", "-pix_fmt", "yuv420p", str(path)),
        ],
        check=True,
    )


def raw(path: Path, *arguments: str) -> bytes:
    command = [FFMPEG, "-v", "error", "-i", str(path), *arguments, "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def flashes(path: Path, times: list[float]) -> NDArray[np.float64]:
    """Return when each flash begins, given the times of all frames."""
    arguments = ("-map", "0:v:0", "-fps_mode", "passthrough", "-vf", "scale=1:1,format=gray")
    light = np.frombuffer(raw(path, *arguments, "-f", "rawvideo"), np.uint8)
    assert len(light) == len(times)
    bright = (light > 128).astype(np.int8)
    return np.array(times)[np.diff(bright, prepend=0) == 1]


def beeps(path: Path, start: float) -> NDArray[np.float64]:
    """Return when each beep begins, given the time of the first sample."""
    sound = np.abs(
        np.frombuffer(raw(path, "-map", "0:a:0", "-ac", "1", "-ar", str(RATE), "-f", "f32le"), np.float32)
    )
    loud = np.flatnonzero(sound > 0.1)
    return start + loud[np.diff(loud, prepend=-RATE) > RATE // 2] / RATE


def apart(flash: NDArray[np.float64], beep: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return by how much each beep comes after its flash."""
    assert abs(len(flash) - len(beep)) <= 1
    count = min(len(flash), len(beep))
    return beep[:count] - flash[:count]


def check(name: str, seconds: int, folder: Path) -> None:
    encoder, rate = SOURCES[name]
    path, out = folder / name, folder / "out"
    make(path, encoder, rate, seconds)
    (folder / "profile.yaml").write_text(PROFILE)
    done = gopfarm("transcode", path, out, "--profile", folder / "profile.yaml")
    assert done.returncode == 0, done.stderr
    source = apart(flashes(path, source_times(path, "v")), beeps(path, source_times(path, "a")[0]))
    master = m3u8.load(str(out / "master.m3u8"))
    track = out / master.media[0].uri
    beep = beeps(track, decode(track, "a").times[0])
    assert len(beep) >= seconds - 1
    for variant in master.playlists:
        playlist = out / variant.uri
        found = apart(flashes(playlist, decode(playlist, "v").times), beep)
        assert np.abs(found[: len(source)] - source[: len(found)]).max() < ADDED, (name, variant.uri)
        if name != "mp3.avi":
            assert np.abs(found).max() < NOTICED, (name, variant.uri)


def test_flash_and_beep_stay_together(tmp_path: Path) -> None:
    check("ntsc.mp4", 20, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", SOURCES)
def test_flash_and_beep_stay_together_for_ten_minutes(name: str, tmp_path: Path) -> None:
    check(name, 620, tmp_path)
