"""Scaled pictures: right size, right way up, right levels."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.sidedata.sidedata import Type
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from encoders.cascade import Cascade
from encoders.colour import colour_of
from encoders.sidedata import side_data
from encoders.video import open_encoder
from gopfarm.facts import Colour, Crop
from gopfarm.plan import Normaliser, VideoRendition
from scheduler.normalise import target_colour
from tests.encoders.clips import (
    Clips,
    frame_hash,
    picture_of,
    pictures_by_ffmpeg,
    plain_decode,
    psnr,
    video_of,
)
from tests.encoders.patches import (
    COLOURS,
    error,
    luma_chroma,
    palette_patches,
    patches,
    rgb_patches,
    to_codes,
)

PLAIN = Normaliser(0, Fraction(1, 25), 0, Fraction(25), 0, Colour(1, 1, 1, False), Colour(1, 1, 1, False))


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


@pytest.mark.parametrize("rotation", [0, 90])
def test_pictures_do_not_depend_on_which_renditions_are_wanted(rotation: int) -> None:
    source, picture = stripes(200, 120), replace(PLAIN, rotation=rotation)
    sizes = [size[::-1] if rotation else size for size in ((160, 96), (120, 72), (80, 48), (40, 24))]
    ladder = rungs(*sizes)
    together = [frame_hash(frame) for frame in Cascade(ladder, picture).scale(source)]
    for start in range(4):
        for end in range(start + 1, 5):
            some = Cascade(ladder[start:end], picture, sizes=sizes).scale(source)
            assert [frame_hash(frame) for frame in some] == together[start:end]


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


def likeness(path: Path, size: tuple[int, int]) -> float:
    """Correlation of the first frame with what the ffmpeg binary shows: 1 is the same but for levels."""
    found = luma(Cascade(rungs(size), picture_of(video_of(path))).scale(plain_first(path))[0])
    scale = ("-vf", f"scale={size[0]}:{size[1]}", "-frames:v", "1")
    shown = pictures_by_ffmpeg(path, *scale, size=size)[0]
    return float(np.corrcoef(found.ravel(), shown.ravel())[0, 1])


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


def test_a_turned_real_film_is_shown_as_ffmpeg_shows_it(media: Path) -> None:
    assert compare_with_ffmpeg(media / "rotated270_720p2997.mp4", (360, 640)) > 30


def test_a_turned_hdr_film_is_shown_as_ffmpeg_shows_it(media: Path) -> None:
    assert likeness(media / "hevc_1080p2997_editlist.mp4", (360, 640)) > 0.97


@pytest.mark.parametrize("size", [(160, 96), (80, 48)])
def test_a_full_range_film_comes_out_limited(size: tuple[int, int], clip: Clips) -> None:
    path = clip("full_range.mp4")
    source = plain_first(path)
    frame = Cascade(rungs(size, (40, 24)), picture_of(video_of(path))).scale(source)[0]
    full, limited = luma(source), luma(frame)
    assert full.min() < 10
    assert limited.min() >= 16
    assert abs(limited.mean() - (16 + full.mean() * 219 / 255)) < 1


def test_limited_range_is_left_alone(clip: Clips) -> None:
    path = clip("closed.mp4")
    source = plain_first(path)
    frame = Cascade(rungs((160, 96)), picture_of(video_of(path))).scale(source)[0]
    assert np.array_equal(frame.to_ndarray(), source.to_ndarray())


def normalised(frame: VideoFrame, colour: Colour, **changes: Any) -> list[VideoFrame]:
    """A picture of patches in its own size and in half of it."""
    picture = replace(PLAIN, colour=colour, target=target_colour(colour), **changes)
    sizes = (frame.width, frame.height), (frame.width // 2, frame.height // 2)
    return Cascade(rungs(*sizes), picture).scale(frame)


FORMATS = (
    *("yuv420p", "yuv422p", "yuv444p", "yuv411p", "yuv420p10le", "yuv422p10le", "yuv444p10le"),
    *("yuv420p12le", "yuv422p12le", "yuv444p16le", "yuva420p", "yuva444p10le", "gray", "gray10le"),
)


@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("matrix", [1, 4, 5, 6, 7, 9])
@pytest.mark.parametrize("name", FORMATS)
def test_samples_keep_their_colour_in_the_sources_own_matrix(name: str, matrix: int, full: bool) -> None:
    source, expected = patches(name, matrix, full)
    for frame in normalised(source, Colour(1, 1, matrix, full)):
        assert error(frame, expected) <= 1.25
        assert colour_of(frame) == Colour(1, 1, matrix, full_range=False)


def test_the_old_names_of_full_range_formats_are_understood() -> None:
    source, expected = patches("yuvj420p", 6, True)
    source.color_range = 0
    for frame in normalised(source, Colour(6, 6, 6, full_range=True)):
        assert error(frame, expected) <= 1


@pytest.mark.parametrize(
    "name",
    [
        *("gbrp", "rgb24", "bgr24", "bgr0", "rgb0", "rgba", "bgra", "argb", "abgr", "gbrap"),
        *("gbrp10le", "gbrp12le", "gbrp16le", "gbrap10le", "rgb48le", "pal8"),
    ],
)
def test_rgb_becomes_bt709_and_alpha_is_dropped(name: str) -> None:
    source, expected = palette_patches() if name == "pal8" else rgb_patches(name)
    for frame in normalised(source, Colour(1, 1, 0, full_range=True)):
        assert error(frame, expected) <= 1
        assert colour_of(frame) == Colour(1, 1, 1, full_range=False)


@pytest.mark.parametrize("name", ["yuv420p", "yuv444p", "yuv422p10le", "yuv444p16le"])
@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
def test_ycgco_is_converted_as_players_do_not_know_it(name: str, full: bool) -> None:
    source, _ = patches(name, 8, full)
    expected = to_codes(luma_chroma(COLOURS, 1), 8, False)
    for frame in normalised(source, Colour(1, 1, 8, full)):
        assert error(frame, expected) <= 1.5
        assert colour_of(frame).matrix == 1


@pytest.mark.parametrize("matrix", [3, 10, 11, 12, 13, 14, 15, 16, 17, 200])
def test_odd_matrices_do_no_harm(matrix: int) -> None:
    source, expected = patches("yuv420p", 9)
    source.colorspace = matrix
    frame = normalised(source, Colour(9, 14, matrix, full_range=False))[0]
    assert error(frame, expected) <= 1
    assert colour_of(frame).matrix == 9


def test_what_frames_say_counts_when_the_colours_change_on_the_way() -> None:
    cascade = Cascade(rungs((640, 64), (320, 32)), PLAIN)
    for name, matrix, full in (("yuv420p", 1, False), ("yuv420p", 6, False), ("yuv420p", 1, True)):
        source, _ = patches(name, matrix, full)
        for frame in cascade.scale(source):
            assert error(frame, to_codes(luma_chroma(COLOURS, 1), 8, False)) <= 2.5
            assert colour_of(frame) == PLAIN.target
    for frame in cascade.scale(rgb_patches("gbrp")[0]):
        assert error(frame, to_codes(luma_chroma(COLOURS, 1), 8, False)) <= 1
    source, expected = patches("yuv420p", 1)
    source.colorspace = 2
    for frame in normalised(source, Colour(1, 1, 0, full_range=True)):
        assert error(frame, expected) <= 1


def test_a_frame_gives_the_same_pictures_whatever_came_before() -> None:
    wanted = rungs((640, 64), (320, 32))
    source, other = patches("yuv422p10le", 6, True)[0], rgb_patches("rgb24")[0]
    used = Cascade(wanted, PLAIN)
    used.scale(source)
    used.scale(other)
    again, first = used.scale(source), Cascade(wanted, PLAIN).scale(source)
    assert [frame_hash(frame) for frame in again] == [frame_hash(frame) for frame in first]


def stripes(width: int, height: int) -> VideoFrame:
    """Each sample of luma tells its place."""
    rows, columns = np.mgrid[:height, :width]
    frame = VideoFrame(width, height, "yuv420p")
    for plane, values in zip(frame.planes, (20 + 3 * rows + columns, None, None), strict=True):
        lines = np.full((plane.height, plane.line_size), 128, np.uint8)
        if values is not None:
            lines[:, :width] = values
        plane.update(lines.tobytes())
    return frame


@pytest.mark.parametrize(
    ("size", "crop", "left"),
    [
        ((61, 37), Crop(), (60, 36)),
        ((60, 37), Crop(), (60, 36)),
        ((60, 36), Crop(4, 2, 6, 8), (50, 26)),
        ((60, 36), Crop(3, 5, 6, 8), (50, 22)),
        ((60, 36), Crop(left=70), (60, 36)),
    ],
)
def test_hidden_and_odd_edges_are_cut_and_not_scaled(
    size: tuple[int, int], crop: Crop, left: tuple[int, int]
) -> None:
    frame = Cascade(rungs(left), replace(PLAIN, crop=crop)).scale(stripes(*size))[0]
    shift = (crop.left, crop.top) if crop.left < size[0] else (0, 0)
    rows, columns = np.mgrid[: left[1], : left[0]]
    assert np.array_equal(plane_of(frame), 20 + 3 * (rows + shift[1]) + columns + shift[0])


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 2), (3, 3)])
def test_the_smallest_pictures_are_pictures(size: tuple[int, int]) -> None:
    for rotation in (0, 90):
        frame = Cascade(rungs((2, 2)), replace(PLAIN, rotation=rotation)).scale(stripes(*size))[0]
        assert (frame.width, frame.height) == (2, 2)


def plane_of(frame: VideoFrame) -> NDArray[np.uint8]:
    plane = frame.planes[0]
    return np.frombuffer(bytes(plane), np.uint8).reshape(plane.height, -1)[:, : plane.width]


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_mirroring_comes_before_turning(rotation: int, mirrored: bool) -> None:
    source = stripes(60, 36)
    upright = plane_of(source)[:, ::-1] if mirrored else plane_of(source)
    upright = np.rot90(upright, -rotation // 90)
    size = upright.shape[1], upright.shape[0]
    frame = Cascade(rungs(size), replace(PLAIN, rotation=rotation, mirrored=mirrored)).scale(source)[0]
    assert np.array_equal(frame.to_ndarray()[: frame.height], upright)


def captioned() -> VideoFrame:
    """A frame with closed captions, as a decoder gives it."""
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 160, 96, "yuv420p", Fraction(1, 25)
    encoder.options = {"preset": "ultrafast", "x264-params": "annexb=1:repeat-headers=1"}
    coded = b"".join(bytes(packet) for packet in [*encoder.encode(corner_picture()), *encoder.encode()])
    captions = b"\xb5\x00\x31GA94\x03\xc1\xff\xfc\x94\x2c\xff"
    message = b"\0\0\1\x06\x04" + bytes([len(captions)]) + captions + b"\x80"
    at = coded.index(b"\0\0\1\x65")
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, VideoCodecContext)
    packet = av.Packet(coded[:at] + message + coded[at:])
    return [*decoder.decode(packet), *decoder.decode(None)][0]


@pytest.mark.parametrize("kept", [True, False])
def test_closed_captions_reach_the_renditions_only_if_they_are_wanted(kept: bool) -> None:
    source = captioned()
    assert side_data(source, Type.A53_CC) == b"\xfc\x94\x2c"
    picture = replace(PLAIN, captions=kept)
    for frame in Cascade(rungs((160, 96), (80, 48)), picture).scale(source):
        assert (side_data(frame, Type.A53_CC) is not None) == kept
        assert len(frame.side_data) == kept
    rendition = replace(rungs((160, 96))[0], bitrate=100_000, maxrate=100_000, bufsize=100_000)
    stream = open_encoder(rendition, Fraction(25), captions=kept).stream
    source.pts = 0
    coded = b"".join(bytes(packet) for packet in [*stream.encode(source), *stream.encode(None)])
    assert (b"GA94" in coded) == kept


def test_frames_that_change_their_size_are_scaled_to_the_same_renditions(clip: Clips) -> None:
    path = clip("resized.ts")
    cascade = Cascade(rungs((160, 96), (80, 48)), picture_of(video_of(path)))
    sources = [frame for _, frame in plain_decode(path)]
    assert {(frame.width, frame.height) for frame in sources} == {(160, 96), (96, 160)}
    for source in sources[::5]:
        scaled = cascade.scale(source)
        assert [(frame.width, frame.height) for frame in scaled] == [(160, 96), (80, 48)]
