"""Pictures of flat colours in any pixel format, and the samples that the equations of the standards give."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: White, black, mid grey, the primaries and their mixtures, and colours of everyday: R'G'B' from 0 to 1.
COLOURS: Array = np.array(
    [
        *([1, 1, 1], [0, 0, 0], [0.5, 0.5, 0.5], [1, 0, 0], [0, 1, 0], [0, 0, 1]),
        *([1, 1, 0], [0.75, 0.5, 0.25], [0.2, 0.6, 0.8], [0.9, 0.4, 0.6]),
    ],
    float,
)

#: Width and height of a patch in samples: far wider than a scaler's filter.
PATCH = 64

#: Shares of red and blue in luma, by matrix code point (ITU-T H.273, table 4).
_SHARES = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}
_YCGCO = 8
_FULL, _LIMITED = 2, 1


def luma_chroma(rgb: Array, matrix: int) -> Array:
    """Y' from 0 to 1, Cb and Cr from -0.5 to 0.5, of R'G'B' (n, 3)."""
    red, green, blue = rgb.T
    if matrix == _YCGCO:
        return np.column_stack([(red + 2 * green + blue) / 4, (2 * green - red - blue) / 4, (red - blue) / 2])
    kr, kb = _SHARES[matrix]
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    return np.column_stack([luma, (blue - luma) / (2 * (1 - kb)), (red - luma) / (2 * (1 - kr))])


def to_codes(values: Array, depth: int, full: bool) -> Array:
    """Code values, not rounded, of Y'CbCr (ITU-T H.273, 8.3)."""
    chroma = np.array([0, 1, 1])
    if full:
        return values * (2**depth - 1) + chroma * 2 ** (depth - 1)
    step = 2 ** (depth - 8)
    return (values * (219 + 5 * chroma) + 16 + 112 * chroma) * step


def from_codes(codes: Array, depth: int, full: bool) -> Array:
    """The inverse of ``to_codes``."""
    chroma = np.array([0, 1, 1])
    if full:
        return (codes - chroma * 2 ** (depth - 1)) / (2**depth - 1)
    return (codes / 2 ** (depth - 8) - 16 - 112 * chroma) / (219 + 5 * chroma)


def patches(
    name: str, matrix: int, full: bool = False, colours: Array = COLOURS, alpha: float = 0.3
) -> tuple[VideoFrame, Array]:
    """A Y'CbCr or grey picture, patch beside patch, and what its samples are in 8 bit and limited range."""
    depth = VideoFormat(name).components[0].bits
    exact = to_codes(luma_chroma(colours, matrix), depth, full)
    codes = np.clip(np.round(exact), 0, 2**depth - 1)
    expected = to_codes(from_codes(codes, depth, full), 8, False)
    planes = list(codes.T)
    if name.startswith("gray"):
        planes = planes[:1]
        expected[:, 1:] = 128
    elif "a" in name:
        planes.append(np.full(len(colours), alpha * (2**depth - 1)))
    return _labelled(_planar(name, planes), matrix, full), expected


def rgb_patches(name: str, colours: Array = COLOURS) -> tuple[VideoFrame, Array]:
    """An RGB picture, patch beside patch, and its samples in BT.709, 8 bit and limited range."""
    depth = VideoFormat(name).components[0].bits
    codes = np.round(colours * (2**depth - 1))
    expected = to_codes(luma_chroma(codes / (2**depth - 1), 1), 8, False)
    if name.startswith("gbr"):
        planes = [codes[:, 1], codes[:, 2], codes[:, 0]]
        frame = _planar(name, [*planes, *([codes[:, 0]] if "a" in name else [])])
    else:
        columns = {"r": codes[:, 0], "g": codes[:, 1], "b": codes[:, 2]}
        letters = [letter for letter in name if letter in "rgba0"]
        letters = letters[:3] if name in ("rgb24", "bgr24", "rgb48le") else letters
        packed = np.column_stack([columns.get(letter, codes[:, 0] * 0 + 70) for letter in letters])
        frame = VideoFrame(len(colours) * PATCH, PATCH, name)
        _fill(frame, 0, np.repeat(packed, PATCH, axis=0).ravel(), depth)
    return _labelled(frame, 0, True), expected


def palette_patches(colours: Array = COLOURS) -> tuple[VideoFrame, Array]:
    """A picture with a palette, and its samples in BT.709, 8 bit and limited range."""
    codes = np.round(colours * 255)
    palette = np.zeros((256, 4), np.uint8)
    palette[: len(codes)] = np.column_stack([codes[:, ::-1], np.full(len(codes), 255)])
    frame = VideoFrame(len(colours) * PATCH, PATCH, "pal8")
    _fill(frame, 0, np.repeat(np.arange(len(colours)), PATCH), 8)
    frame.planes[1].update(palette.tobytes())
    return _labelled(frame, 0, True), to_codes(luma_chroma(codes / 255, 1), 8, False)


def read_patches(frame: VideoFrame, count: int = len(COLOURS)) -> Array:
    """Y'CbCr in the middle of each patch of a yuv420p picture: (patches, 3)."""
    assert frame.format.name == "yuv420p"
    planes = []
    for plane in frame.planes:
        rows = np.frombuffer(bytes(plane), np.uint8).reshape(plane.height, -1)
        columns = [(2 * n + 1) * plane.width // (2 * count) for n in range(count)]
        planes.append(rows[plane.height // 2, columns])
    return np.column_stack(planes).astype(float)


def error(frame: VideoFrame, expected: Array) -> float:
    """The largest difference to what is expected, in code values."""
    return float(np.abs(read_patches(frame, len(expected)) - expected).max())


def _planar(name: str, values: Sequence[Array]) -> VideoFrame:
    frame = VideoFrame(len(values[0]) * PATCH, PATCH, name)
    for number, plane in enumerate(frame.planes):
        row = np.repeat(values[number], plane.width // len(values[0]))
        _fill(frame, number, row, frame.format.components[0].bits)
    return frame


def _fill(frame: VideoFrame, number: int, row: NDArray[np.float64 | np.int64], depth: int) -> None:
    plane = frame.planes[number]
    kind = np.dtype(np.uint16 if depth > 8 else np.uint8)
    lines = np.zeros((plane.height, plane.line_size // kind.itemsize), kind)
    lines[:, : len(row)] = row
    plane.update(lines.tobytes())


def _labelled(frame: VideoFrame, matrix: int, full: bool) -> VideoFrame:
    frame.colorspace, frame.color_range = matrix, _FULL if full else _LIMITED
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    return frame
