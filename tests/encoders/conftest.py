"""Clips that the tests of encoders/ share."""

from __future__ import annotations

from pathlib import Path

import av.logging
import pytest

from tests.encoders.clips import Clips

#: Real clips beside the checkout; what they show is also covered by generated ones.
MEDIA = Path(__file__).resolve().parents[2].parent / "shared" / "media"


@pytest.fixture(scope="session", autouse=True)
def _quiet() -> None:
    """Broken media is the point of some tests; FFmpeg need not talk about it."""
    av.logging.set_level(None)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    """Clips made by ffmpeg, by name (see ``tests.encoders.clips.RECIPES``)."""
    return Clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="session")
def media() -> Path:
    """The folder of real clips."""
    if not MEDIA.is_dir():
        pytest.skip(f"the real clips are not here: {MEDIA}")
    return MEDIA
