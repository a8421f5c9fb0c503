"""All eight ways a picture can lie, compared with what ffmpeg shows."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from encoders.orientation import orientation_of
from tests.encoders.clips import Clips, ffmpeg, pictures_by_ffmpeg

FLIPS = ([], ["-display_hflip"], ["-display_vflip"], ["-display_hflip", "-display_vflip"])


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("flips", FLIPS, ids=["", "h", "v", "hv"])
@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_pictures_are_shown_as_ffmpeg_shows_them(
    turn: int, flips: list[str], suffix: str, clip: Clips, tmp_path: Path
) -> None:
    path = tmp_path / f"turned.{suffix}"
    ffmpeg("-display_rotation", str(turn), *flips, "-i", str(clip("still.mp4")), "-c", "copy", str(path))
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    rotation, mirrored = orientation_of(frame)
    found = frame.to_ndarray()[: frame.height]
    found = np.rot90(found[:, ::-1] if mirrored else found, -rotation // 90)
    size = found.shape[1], found.shape[0]
    shown = pictures_by_ffmpeg(path, "-vf", "extractplanes=y", "-frames:v", "1", size=size)[0]
    assert np.array_equal(found, shown)


@pytest.mark.parametrize(
    ("turn", "flips", "expected"),
    [
        (40, [], (0, False)),
        (50, [], (270, False)),
        (-40, ["-display_hflip"], (0, True)),
        (50, ["-display_hflip"], (90, True)),
        (130, [], (270, False)),
        (-130, [], (90, False)),
    ],
)
def test_a_tilted_picture_is_put_upright_to_the_nearest_quarter(
    turn: int, flips: list[str], expected: tuple[int, bool], clip: Clips, tmp_path: Path
) -> None:
    path = tmp_path / "tilted.mp4"
    ffmpeg("-display_rotation", str(turn), *flips, "-i", str(clip("still.mp4")), "-c", "copy", str(path))
    with av.open(str(path)) as container:
        assert orientation_of(next(container.decode(video=0))) == expected


def test_a_picture_without_a_matrix_is_upright(clip: Clips) -> None:
    with av.open(str(clip("still.mp4"))) as container:
        assert orientation_of(next(container.decode(video=0))) == (0, False)
