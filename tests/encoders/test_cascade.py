"""Scaled pictures: right size, right way up, right levels."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from encoders.cascade import Cascade
from gopfarm.plan import Colour, Picture, VideoRendition
from tests.encoders.clips import Clips, picture_of, pictures_by_ffmpeg, plain_decode, psnr, video_of

PLAIN = Picture(0, Fraction(1, 25), 0, Fraction(25), 0, Colour(2, 2, 2, False))


def rungs(*sizes: tuple[int, int]) -> list[VideoRendition]:
    return [
        VideoRendition(f"{n}", "", width, height, "libx264", "ultrafast", 1, 1, 1)
        for n, (width, height) in enumerate(sizes)
    ]


def luma(frame: VideoFrame) -> NDArray[np.uint8]:
    return frame.to_ndarray()[: frame.height].astype(np.uint8)


def corner_picture() -> VideoFrame:
    """Black, with a white top left quarter."""
    array = np.zeros((96, 160, 3), np.uint8)
    array[:48, :80] = 255
    return VideoFrame.from_ndarray(array, "rgb24").reformat(format="yuv420p")


def white_corner(frame: VideoFrame) -> str:
    """Name the corner that is white."""
    rows, columns = np.nonzero(luma(frame) > 128)
    down, right = rows.mean() > frame.height / 2, columns.mean() > frame.width / 2
    return f"{'bottom' if down else 'top'} {'right' if right else 'left'}"


def test_each_rendition_gets_its_size_in_the_order_asked() -> None:
    sizes = [(80, 48), (160, 96), (40, 24), (80, 48)]
    frames = Cascade(rungs(*sizes), PLAIN).scale(corner_picture())
    assert [(frame.width, frame.height) for frame in frames] == sizes
    assert {frame.format.name for frame in frames} == {"yuv420p"}
    assert {white_corner(frame) for frame in frames} == {"top left"}


def test_equal_sizes_get_frames_of_their_own() -> None:
    one, other = Cascade(rungs((80, 48), (80, 48)), PLAIN).scale(corner_picture())
    one.pts, other.pts = 1, 2
    assert (one.pts, other.pts) == (1, 2)


@pytest.mark.parametrize(
    ("rotation", "size", "corner"),
    [
        *[(0, (160, 96), "top left"), (90, (96, 160), "top right")],
        *[(180, (160, 96), "bottom right"), (270, (96, 160), "bottom left")],
    ],
)
def test_rotation_is_clockwise(rotation: int, size: tuple[int, int], corner: str) -> None:
    cascade = Cascade(rungs(size, (size[0] // 2, size[1] // 2)), replace(PLAIN, rotation=rotation))
    for frame in cascade.scale(corner_picture()):
        assert white_corner(frame) == corner


def compare_with_ffmpeg(path: Path, size: tuple[int, int]) -> float:
    """PSNR of the first frame against what the ffmpeg binary shows, turned as it thinks right."""
    video = video_of(path)
    found = luma(Cascade(rungs(size), picture_of(video)).scale(plain_first(path))[0])
    scale = (
        "-vf",
        f"scale={size[0]}:{size[1]}:flags=bicubic,format=yuv420p,extractplanes=y",
        "-frames:v",
        "1",
    )
    return psnr(found, pictures_by_ffmpeg(path, *scale, size=size)[0])


def plain_first(path: Path) -> VideoFrame:
    with av.open(str(path)) as container:
        return next(container.decode(video=0))


def test_a_turned_film_is_shown_as_ffmpeg_shows_it(clip: Clips) -> None:
    assert compare_with_ffmpeg(clip("rotated.mp4"), (96, 160)) > 30


@pytest.mark.parametrize(
    ("name", "size"),
    [("rotated270_720p2997.mp4", (360, 640)), ("hevc_1080p2997_editlist.mp4", (360, 640))],
)
def test_turned_real_films_are_shown_as_ffmpeg_shows_them(
    name: str, size: tuple[int, int], media: Path
) -> None:
    assert compare_with_ffmpeg(media / name, size) > 30


@pytest.mark.parametrize("size", [(160, 96), (80, 48)])
def test_full_range_comes_out_limited(size: tuple[int, int], clip: Clips) -> None:
    path = clip("full_range.mp4")
    source = plain_first(path)
    assert source.format.name == "yuvj420p"
    frame = Cascade(rungs(size, (40, 24)), picture_of(video_of(path))).scale(source)[0]
    assert frame.format.name == "yuv420p"
    full, limited = luma(source), luma(frame)
    assert full.min() < 10
    assert limited.min() >= 16
    assert abs(limited.mean() - (16 + full.mean() * 219 / 255)) < 1
    if size == (160, 96):
        assert np.abs(limited - (16 + full * (219 / 255))).max() < 2


def test_limited_range_is_left_alone(clip: Clips) -> None:
    path = clip("closed.mp4")
    source = plain_first(path)
    frame = Cascade(rungs((160, 96)), picture_of(video_of(path))).scale(source)[0]
    assert np.array_equal(frame.to_ndarray(), source.to_ndarray())


def test_frames_that_change_their_size_are_scaled_to_the_same_renditions(clip: Clips) -> None:
    path = clip("resized.ts")
    cascade = Cascade(rungs((160, 96), (80, 48)), picture_of(video_of(path)))
    sources = [frame for _, frame in plain_decode(path)]
    assert {(frame.width, frame.height) for frame in sources} == {(160, 96), (96, 160)}
    for source in sources[::5]:
        scaled = cascade.scale(source)
        assert [(frame.width, frame.height) for frame in scaled] == [(160, 96), (80, 48)]


def test_ten_bits_become_eight() -> None:
    deep = corner_picture().reformat(format="yuv420p10le")
    frame = Cascade(rungs((160, 96)), PLAIN).scale(deep)[0]
    assert psnr(luma(frame), luma(corner_picture())) > 45
