"""One good stream of each format, made by the farm itself, and copies of it to spoil."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av.logging
import pytest

from tests.encoders.clips import ffmpeg
from tests.farm.processes import gopfarm
from tests.verifier.streams import Published

PROFILE = Path(__file__).parent / "small.yaml"


@pytest.fixture(scope="session", autouse=True)
def _quiet() -> None:
    av.logging.set_level(None)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds of picture, with noise that swells and fades so that shifts of the sound can be told."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    sound = "anoisesrc=seed=7:amplitude=0.3:sample_rate=48000:duration=6,tremolo=f=0.7:d=0.8"
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=6", "-f", "lavfi", "-i", sound),
        *("-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-pix_fmt", "yuv420p", "-threads", "2"),
        *("-c:a", "aac", "-ac", "2", "-metadata:s:a:0", "language=eng", str(path)),
    )
    return path


def _publish(clip: Path, root: Path, segment_format: str, *options: str) -> Published:
    done = gopfarm("transcode", clip, root, "--profile", PROFILE, "--format", segment_format, *options)
    assert done.returncode == 0, done.stderr
    return Published(root, segment_format)


@pytest.fixture(scope="session")
def good(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Published]:
    """The good stream of a format: read it, do not change it."""
    made: dict[str, Published] = {}

    def get(segment_format: str) -> Published:
        if segment_format not in made:
            folder = tmp_path_factory.mktemp(segment_format) / "stream"
            made[segment_format] = _publish(clip, folder, segment_format)
        return made[segment_format]

    return get


@pytest.fixture(scope="session")
def other_edges(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Published]:
    """The same clip in segments of three seconds."""
    made: dict[str, Published] = {}

    def get(segment_format: str) -> Published:
        if segment_format not in made:
            folder = tmp_path_factory.mktemp(f"{segment_format}-3") / "stream"
            made[segment_format] = _publish(clip, folder, segment_format, "--segment", "3")
        return made[segment_format]

    return get


@pytest.fixture(params=["cmaf", "ts"])
def published(request: pytest.FixtureRequest, good: Callable[[str], Published], tmp_path: Path) -> Published:
    """A copy of the good stream of each format, to be spoilt."""
    return good(request.param).copy(tmp_path / "spoilt")
