"""What frames say of their colours, and what the real encoder makes of it."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import pytest
from av.sidedata.sidedata import Type
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from encoders.colour import colour_of
from encoders.sidedata import side_data, without
from gopfarm.facts import Colour
from tests.encoders.clips import encode, ffmpeg, join, plan_of, video_of
from tests.encoders.patches import COLOURS, error, luma_chroma, patches, rgb_patches, to_codes


def test_a_frame_without_tags_says_nothing() -> None:
    assert colour_of(VideoFrame(16, 16, "yuv420p")) == Colour(2, 2, 2, full_range=False)
    assert colour_of(VideoFrame(16, 16, "yuvj420p")).full_range


def exif_picture() -> VideoFrame:
    """A JPEG picture whose Exif data say that it lies on its side."""
    encoder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 64, 48, "yuvj420p", Fraction(1, 25)
    coded = b"".join(
        bytes(packet) for packet in [*encoder.encode(VideoFrame(64, 48, "yuvj420p")), *encoder.encode()]
    )
    tags = struct.pack("<2sHIHHHII", b"II", 42, 8, 1, 0x112, 3, 1, 6) + bytes(4)
    segment = b"Exif\0\0" + tags
    coded = coded[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + coded[2:]
    decoder = av.CodecContext.create("mjpeg", "r")
    assert isinstance(decoder, VideoCodecContext)
    return [*decoder.decode(av.Packet(coded)), *decoder.decode(None)][0]


def test_side_data_is_read_next_to_some_that_pyav_does_not_know() -> None:
    frame = exif_picture()
    with pytest.raises(ValueError, match="Type"):
        _ = frame.side_data
    matrix = side_data(frame, Type.DISPLAYMATRIX)
    assert matrix is not None
    assert len(matrix) == 36
    assert side_data(frame, Type.MASTERING_DISPLAY_METADATA) is None
    assert colour_of(frame).full_range


def test_side_data_is_taken_from_a_copy_and_left_on_the_frame() -> None:
    frame = exif_picture()
    copy = without(frame, [Type.DISPLAYMATRIX])
    assert side_data(copy, Type.DISPLAYMATRIX) is None
    assert side_data(frame, Type.DISPLAYMATRIX) is not None


@pytest.mark.parametrize(
    ("name", "matrix", "full", "written"),
    [
        ("yuv420p", 1, False, Colour(1, 1, 1, full_range=False)),
        ("yuv420p", 6, False, Colour(6, 6, 6, full_range=False)),
        ("yuv420p", 5, True, Colour(5, 6, 5, full_range=False)),
        ("yuv422p10le", 9, False, Colour(9, 14, 9, full_range=False)),
        ("yuv444p12le", 1, True, Colour(1, 1, 1, full_range=False)),
        ("bgr0", 0, True, Colour(1, 1, 1, full_range=False)),
    ],
)
def test_patches_come_out_of_the_encoder_as_they_went_in(
    name: str, matrix: int, full: bool, written: Colour, tmp_path: Path
) -> None:
    """The whole way: file, probe, plan, filters, libx264, file, decoder."""
    frame, expected = rgb_patches(name) if matrix == 0 else patches(name, matrix, full)
    source = tmp_path / "source.mkv"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, name
        context = stream.codec_context
        context.colorspace, context.color_range = matrix, 2 if full else 1
        for number in range(25):
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    video = video_of(source)
    assert video.pixel_format == name
    plan = plan_of(source, heights=(360, 180))  # lines of the 16:9 boxes into which 640 and 320 columns fit
    assert [(rendition.width, rendition.height) for rendition in plan.video] == [(640, 64), (320, 32)]
    encode(plan, source, tmp_path)
    for rendition in plan.video:
        with av.open(str(join(tmp_path, rendition.name))) as container:
            shown = list(container.decode(video=0))[-1]
        assert colour_of(shown) == written
        assert error(shown, expected) <= 2


def test_bt601_stays_right_when_scaled_to_hd(tmp_path: Path) -> None:
    """Nothing says what the colours of a small picture are; the HD rendition has to."""
    source = tmp_path / "small.mp4"
    ffmpeg(
        *("-f", "lavfi", "-i", "color=0xE06030:size=720x480:rate=30000/1001:duration=1,format=gbrp"),
        *("-vf", "scale=out_color_matrix=bt601:out_range=tv,format=yuv420p,setparams=colorspace=unknown"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-qp", "4", str(source)),
    )
    video = video_of(source)
    assert video.colour.matrix == 2
    plan = plan_of(source, heights=(480,))
    encode(plan, source, tmp_path)
    with av.open(str(join(tmp_path, plan.video[0].name))) as container:
        frame = list(container.decode(video=0))[-1]
    assert colour_of(frame) == Colour(6, 6, 6, full_range=False)
    rgb = COLOURS[:1] * 0 + [[0xE0 / 255, 0x60 / 255, 0x30 / 255]]
    assert error(frame, to_codes(luma_chroma(rgb, 6), 8, False)) <= 2
