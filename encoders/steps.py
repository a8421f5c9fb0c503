"""The filters that make of a decoded picture an upright one in 8-bit 4:2:0, limited range, and SDR.

Samples of SDR pictures keep their meaning: the source's primaries, transfer characteristics and matrix are
signalled in the renditions, whatever their size, and only range and depth are converted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from av.sidedata.sidedata import Type
from av.video.format import VideoFormat
from av.video.frame import VideoFrame

from encoders.colour import FULL_RANGE
from encoders.crop import usable
from encoders.tonemap import HDR_TRANSFERS
from gopfarm.facts import Colour
from gopfarm.plan import Normaliser

#: Every rendition is 8-bit 4:2:0, the only format that H.264 High players must take.
PIXEL_FORMAT = "yuv420p"

#: Bicubic is sharp enough after which x264, not the scaler, decides the quality; Lanczos costs a third more.
#: Exact rounding costs nothing that can be measured and keeps flat colours within one code value.
SCALER = "bicubic+accurate_rnd"

#: The format in which colours are tone-mapped: planar, and deep enough for PQ; lut3d is fast only with it.
_DEEP_RGB = "gbrp16le"

#: Code points of ITU-T H.273 for matrices: RGB and "not said", both names of BT.601, BT.709, YCgCo, BT.2020.
_RGB, _UNSAID, _BT601, _BT709, _YCGCO, _BT2020 = 0, 2, frozenset({5, 6}), 1, 8, 9

#: Matrices that libswscale knows. Pictures in others are read as their target is (see scheduler.normalise).
_READABLE = frozenset({1, 4, 5, 6, 7, 9})

#: Code points above these are not known to libavutil, and the one below is reserved.
_LAST_MATRIX, _LAST_PRIMARIES, _LAST_TRANSFER, _RESERVED = 17, 22, 18, 3

#: What the filter ``colorspace`` takes, which alone knows YCgCo.
_PLAIN_FORMAT = "yuv444p12le"

_TURNS = {
    (0, False): (),
    (0, True): (("hflip", {}),),
    (90, False): (("transpose", {"dir": "clock"}),),
    (90, True): (("transpose", {"dir": "clock_flip"}),),
    (180, False): (("hflip", {}), ("vflip", {})),
    (180, True): (("vflip", {}),),
    (270, False): (("transpose", {"dir": "cclock"}),),
    (270, True): (("transpose", {"dir": "cclock_flip"}),),
}

#: A filter of libavfilter and its options.
Step = tuple[str, dict[str, str]]


@dataclass(frozen=True)
class Shape:
    """What a graph is built for: size and pixel format of frames, and what they say of their colours."""

    width: int
    height: int
    format: str
    matrix: int
    range: int
    primaries: int
    transfer: int

    @classmethod
    def of(cls, frame: VideoFrame) -> Shape:
        """Return the shape of a frame."""
        return cls(
            width=frame.width,
            height=frame.height,
            format=frame.format.name,
            matrix=int(frame.colorspace),
            range=int(frame.color_range),
            primaries=int(frame.color_primaries),
            transfer=int(frame.color_trc),
        )


def colour_read(shape: Shape, planned: Colour) -> Colour:
    """Return how a frame's samples are to be read.

    What the frame itself says counts, as streams can change on the way; the plan says the rest. RGB has no
    matrix and is always full range, and grey has no matrix either.
    """
    matrix = next((code for code in (shape.matrix, planned.matrix) if code not in (_RGB, _UNSAID)), _BT709)
    if _is_rgb(shape.format):
        matrix = _RGB
    return replace(
        planned,
        primaries=planned.primaries if shape.primaries == _UNSAID else shape.primaries,
        transfer=planned.transfer if shape.transfer == _UNSAID else shape.transfer,
        matrix=matrix,
        full_range=_is_rgb(shape.format)
        or shape.format.startswith("yuvj")
        or (shape.range == FULL_RANGE if shape.range else planned.full_range),
    )


def needs_table(shape: Shape, picture: Normaliser) -> bool:
    """Tell whether pictures of a shape have to be tone-mapped."""
    read = colour_read(shape, picture.colour)
    return read.transfer in HDR_TRANSFERS and picture.target.transfer not in HDR_TRANSFERS


def picture_steps(shape: Shape, picture: Normaliser, size: tuple[int, int], table: Path | None) -> list[Step]:
    """Return the filters for frames of a shape, in their order.

    Args:
        shape: Of the frames.
        picture: What is to be done to them.
        size: Width and height of the upright result.
        table: The ``.cube`` file to tone-map with; None where ``needs_table`` says so.
    """
    read = colour_read(shape, picture.colour)
    before = size[::-1] if picture.rotation % 180 else size
    crop, left = _crop(shape, picture)
    if table is not None:
        levels = _tone_mapped(read, before, table)
    elif read.matrix == _YCGCO:
        levels = _from_ycgco(read, before, picture.target)
    else:
        levels = _converted(shape, read, left, before, picture.target)
    return [
        *_without_side_data(picture.captions),
        *crop,
        *levels,
        *_TURNS[picture.rotation, picture.mirrored],
        ("setsar", {"sar": "1"}),
        _labelled(picture.target),
    ]


def _is_rgb(name: str) -> bool:
    kind = VideoFormat(name)
    return kind.is_rgb or kind.has_palette


def _is_grey(name: str) -> bool:
    return not _is_rgb(name) and len(VideoFormat(name).components) < 3


def _without_side_data(captions: bool) -> list[Step]:
    """Drop what describes the source and no longer the result: HDR metadata, display matrix, and so on."""
    if not captions:
        return [("sidedata", {"mode": "delete"})]
    kinds = (kind.value for kind in Type if kind is not Type.A53_CC)
    return [("sidedata", {"mode": "delete", "type": str(kind)}) for kind in kinds]


def _crop(shape: Shape, picture: Normaliser) -> tuple[list[Step], tuple[int, int]]:
    """Cut what the container hides, and the last column or line of an odd size."""
    hidden = usable(picture.crop, shape.width, shape.height)
    width = shape.width - hidden.left - hidden.right
    height = shape.height - hidden.top - hidden.bottom
    width, height = max(1, width - width % 2), max(1, height - height % 2)
    if (width, height) == (shape.width, shape.height):
        return [], (width, height)
    options = {"w": width, "h": height, "x": hidden.left, "y": hidden.top, "exact": 1}
    return [("crop", {name: str(value) for name, value in options.items()})], (width, height)


def _converted(
    shape: Shape, read: Colour, size: tuple[int, int], wanted: tuple[int, int], target: Colour
) -> list[Step]:
    """Scale, and bring depth, chroma format and range to what renditions have."""
    grey = _is_grey(shape.format)
    matrix = read.matrix if read.matrix in (_RGB, *_READABLE) else target.matrix
    same = matrix == target.matrix or {matrix, target.matrix} <= _BT601 or grey
    if same and shape.format == PIXEL_FORMAT and not read.full_range and size == wanted:
        return []
    scale = {"out_range": "limited"}
    if grey:
        # libswscale takes all grey for full range: limited grey must seem to stay what it is.
        scale = {"out_range": "limited" if read.full_range else "full"}
        read = replace(read, full_range=True)
    if not same:
        scale["out_color_matrix"] = str(target.matrix)
    return [
        _labelled(replace(read, matrix=target.matrix if same else matrix)),
        _scaled(wanted, **scale),
        ("format", {"pix_fmts": PIXEL_FORMAT}),
    ]


def _tone_mapped(read: Colour, size: tuple[int, int], table: Path) -> list[Step]:
    """Scale and go to RGB, to SDR by the table, and back; scaling PQ and HLG as they are is good enough."""
    matrix = read.matrix if read.matrix in (_RGB, *_READABLE) else _BT2020
    return [
        _labelled(replace(read, matrix=matrix)),
        _scaled(size),
        ("format", {"pix_fmts": _DEEP_RGB}),
        ("lut3d", {"file": str(table), "interp": "tetrahedral"}),
        _scaled(size, out_color_matrix=str(_BT709), out_range="limited"),
        ("format", {"pix_fmts": PIXEL_FORMAT}),
    ]


def _from_ycgco(read: Colour, size: tuple[int, int], target: Colour) -> list[Step]:
    """Scale under a matrix that libswscale knows, then let ``colorspace`` read the true one."""
    colours = {"primaries": str(target.primaries), "trc": str(target.transfer)}
    sources = {f"i{name}": value for name, value in colours.items()}
    return [
        _labelled(replace(read, matrix=_BT709)),
        _scaled(size, out_range="limited"),
        ("format", {"pix_fmts": _PLAIN_FORMAT}),
        _labelled(replace(read, full_range=False)),
        ("colorspace", {"space": str(target.matrix), "range": "tv", "fast": "1", **colours, **sources}),
        ("format", {"pix_fmts": PIXEL_FORMAT}),
    ]


def _scaled(size: tuple[int, int], **options: str) -> Step:
    return "scale", {"w": str(size[0]), "h": str(size[1]), "flags": SCALER, **options}


def _labelled(colour: Colour) -> Step:
    return "setparams", {
        "color_primaries": str(_known(colour.primaries, _LAST_PRIMARIES)),
        "color_trc": str(_known(colour.transfer, _LAST_TRANSFER)),
        "colorspace": str(_known(colour.matrix, _LAST_MATRIX)),
        "range": "full" if colour.full_range else "limited",
    }


def _known(code: int, last: int) -> int:
    """Return a code point as it is, or "not said" for one that libavutil does not know."""
    return _UNSAID if code == _RESERVED or not 0 <= code <= last else code
