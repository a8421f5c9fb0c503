"""From a profile and a picture size to the rungs that will be encoded."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction

from gopfarm.profile import RenditionSpec

#: The box that a rung of N lines stands for: as wide as 16:9, whatever the shape of the picture in it.
_BOX_ASPECT = Fraction(16, 9)

#: A rung at the source's own size is added unless a rung of at least this share of it exists already.
_CLOSE_ENOUGH = Fraction(9, 10)

#: Bits needed grow with the 0.75th power of the number of pixels (B. Waggoner's rule of thumb).
_PIXELS_TO_BITS = 0.75

_MIN_BITRATE = 50_000

_LINES_NAME = re.compile(r"^\d+p$")


@dataclass(frozen=True)
class Rung:
    """A rendition with its real size. ``width`` and ``height`` are even; rates are bits (per second)."""

    name: str
    width: int
    height: int
    bitrate: int
    maxrate: int
    bufsize: int


def fit_rungs(renditions: Sequence[RenditionSpec], display_size: tuple[int, int]) -> tuple[Rung, ...]:
    """Fit a profile's renditions to a picture of ``display_size`` (width, height) square pixels.

    A rendition of N lines is a 16:9 box with a short side of N, turned upright for a portrait picture; the
    picture is scaled to fit the box, keeping its shape. Nothing is enlarged: rungs larger than the source
    are left out, but the smallest of them is used at the source's own size if that would otherwise not be
    reached.

    Returns:
        Rungs by decreasing size.
    """
    ordered = sorted(renditions, key=lambda rendition: (-rendition.height, -rendition.bitrate))
    scales = [(rendition, _scale(rendition.height, display_size)) for rendition in ordered]
    rungs = [_rung(rendition, scale, display_size) for rendition, scale in scales if scale <= 1]
    best = max((scale for _, scale in scales if scale <= 1), default=Fraction(0))
    larger = [rendition for rendition, scale in scales if scale > 1]
    if larger and best < _CLOSE_ENOUGH:
        rungs.insert(0, _at_source_size(larger[-1], display_size, {rung.name for rung in rungs}))
    return tuple(rungs)


def _scale(lines: int, size: tuple[int, int]) -> Fraction:
    long_side, short_side = max(size), min(size)
    return min(Fraction(lines, short_side), lines * _BOX_ASPECT / long_side)


def _rung(rendition: RenditionSpec, scale: Fraction, size: tuple[int, int]) -> Rung:
    width, height = (_even(side * scale, side) for side in size)
    return Rung(rendition.name, width, height, rendition.bitrate, rendition.peak, rendition.buffer)


def _at_source_size(rendition: RenditionSpec, size: tuple[int, int], taken: Collection[str]) -> Rung:
    scale = _scale(rendition.height, size)
    share = float(1 / scale**2) ** _PIXELS_TO_BITS
    width, height = (_even(Fraction(side), side) for side in size)
    # Named after the box it fills, as the others are: 810p, not 720p, for 1440x720.
    name = f"{int(rendition.height / scale)}p"
    return Rung(
        name=name if _LINES_NAME.match(rendition.name) and name not in taken else rendition.name,
        width=width,
        height=height,
        bitrate=max(_MIN_BITRATE, round(rendition.bitrate * share)),
        maxrate=max(_MIN_BITRATE, round(rendition.peak * share)),
        bufsize=max(_MIN_BITRATE, round(rendition.buffer * share)),
    )


def _even(exact: Fraction, limit: int) -> int:
    """Round to the nearest even number, but to no more than ``limit`` and no less than 2."""
    return max(2, min(2 * round(exact / 2), limit - limit % 2))
