"""Pictures that carry their own number: drawn by the generator, read back by the judge.

A picture is made of bands, top to bottom, in shares of its height:

- six patches of known flat colours, which show whether colours are right and which way up the picture is,
- sixteen black or white cells: twelve bits of the frame's number, then four check bits,
- the same cells inverted, so that every bit is a comparison of two cells and survives scaling, heavy
  compression and a wrong colour matrix,
- a moving colour wave, so that encoders have something to predict.

Cells keep their place in shares of the width, so pictures of any size carry them; 160x90 is about the least.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Plane = NDArray[np.uint8]

#: Red, green and blue of the patches, left to right. Neither saturated nor symmetric.
PATCHES = ((200, 60, 60), (60, 180, 60), (60, 60, 200), (190, 190, 60), (60, 180, 180), (128, 128, 128))

#: Bands, as shares of the height: top and bottom.
PATCH_BAND = (0.0, 0.26)
BIT_BAND = (0.28, 0.50)
INVERSE_BAND = (0.50, 0.72)
WAVE_BAND = (0.74, 1.0)

NUMBER_BITS = 12
BITS = 16

#: Least difference in luma between a cell and its inverse for a bit to be believed.
_LEAST_CONTRAST = 40

BLACK, WHITE = 16, 235


def _check(number: int) -> int:
    """Four bits that catch wrong bits, and patterns read mirrored or upside down."""
    value = 9
    for shift in (0, 4, 8):
        value = (value * 5 + (number >> shift & 15) * 3 + 1) & 15
    return value


def code_of(number: int) -> NDArray[np.bool_]:
    """Return the sixteen bits that stand for a number, left to right."""
    word = (number % (1 << NUMBER_BITS)) << 4 | _check(number % (1 << NUMBER_BITS))
    return np.array([word >> (BITS - 1 - bit) & 1 for bit in range(BITS)], dtype=np.bool_)


def _edges(size: int, parts: int) -> list[int]:
    """Divide a width; edges are even, so that 4:2:0 chroma does not mix neighbours."""
    return [round(size * part / parts / 2) * 2 for part in range(parts)] + [size]


def _rows(height: int, band: tuple[float, float]) -> slice:
    return slice(round(height * band[0] / 2) * 2, min(height, round(height * band[1] / 2) * 2))


def draw(number: int, width: int, height: int, moment: float | None = None) -> Picture:
    """Draw a picture: an array of (height, width, 3), red, green, blue.

    The wave is where it is at the time of frame ``moment``, by default that of ``number``.
    """
    moment = number if moment is None else moment
    picture = np.full((height, width, 3), 128, np.uint8)
    patches = _edges(width, len(PATCHES))
    for at, colour in enumerate(PATCHES):
        picture[_rows(height, PATCH_BAND), patches[at] : patches[at + 1]] = colour
    cells = _edges(width, BITS)
    for at, bit in enumerate(code_of(number)):
        across = slice(cells[at], cells[at + 1])
        picture[_rows(height, BIT_BAND), across] = WHITE if bit else BLACK
        picture[_rows(height, INVERSE_BAND), across] = BLACK if bit else WHITE
    band = _rows(height, WAVE_BAND)
    y, x = np.mgrid[band, 0:width].astype(np.float32)
    for plane, speed in enumerate((1.0, 1.7, 2.3)):
        phase = 2 * np.pi * (2 * x / width + speed * moment / 25) + y / 9 * (plane - 1)
        picture[band, :, plane] = (110 + 80 * np.sin(phase)).astype(np.uint8)
    return picture


def _cell_means(luma: Plane, band: tuple[float, float]) -> NDArray[np.float64]:
    height, width = luma.shape
    top, bottom = band
    rows = slice(
        round(height * (top + 0.25 * (bottom - top))), round(height * (bottom - 0.25 * (bottom - top)))
    )
    cells = []
    for at in range(BITS):
        left, right = width * (at + 0.3) / BITS, width * (at + 0.7) / BITS
        cells.append(luma[rows, int(left) : max(int(left) + 1, round(right))].mean())
    return np.array(cells)


def read(luma: Plane) -> int | None:
    """Read the number of a picture from its luma, an array of (height, width); None: it is unreadable."""
    difference = _cell_means(luma, BIT_BAND) - _cell_means(luma, INVERSE_BAND)
    if np.abs(difference).min() < _LEAST_CONTRAST:
        return None
    word = 0
    for bit in difference > 0:
        word = word << 1 | int(bit)
    number = word >> 4
    return number if _check(number) == word & 15 else None


#: Ways a picture can be turned, and what undoes each.
TURNS: dict[str, Callable[[Plane], Plane]] = {
    "upside down (180)": lambda luma: luma[::-1, ::-1],
    "mirrored left to right": lambda luma: luma[:, ::-1],
    "mirrored top to bottom": lambda luma: luma[::-1],
    "turned 90 to the left": lambda luma: np.rot90(luma, -1),
    "turned 90 to the right": lambda luma: np.rot90(luma),
    "transposed": lambda luma: luma.T,
    "transposed and turned": lambda luma: luma[::-1, ::-1].T,
}


def how_turned(luma: Plane) -> str | None:
    """Say how an unreadable picture is turned, if that is what is wrong with it."""
    return next((name for name, undo in TURNS.items() if read(undo(luma)) is not None), None)


def patch_means(planes: tuple[Plane, ...]) -> NDArray[np.float64]:
    """Return the mean of each plane in the middle of each patch: an array of (patches, planes)."""
    means = []
    for at in range(len(PATCHES)):
        row = []
        for plane in planes:
            height, width = plane.shape
            rows = slice(round(height * 0.08), max(round(height * 0.08) + 1, round(height * 0.18)))
            left, right = width * (at + 0.3) / len(PATCHES), width * (at + 0.7) / len(PATCHES)
            row.append(plane[rows, int(left) : max(int(left) + 1, round(right))].mean())
        means.append(row)
    return np.array(means)


def combing(luma: Plane) -> float:
    """Measure how far the lines of one field lie from those of the other in the moving wave: 0 to 255.

    Whole pictures have less than 1 here, two fields of moving ones several.
    """
    rows = luma[_rows(luma.shape[0], (0.77, 0.97))].astype(np.int16)
    return float((np.abs(rows[:-2] - 2 * rows[1:-1] + rows[2:]) / 2).mean())
