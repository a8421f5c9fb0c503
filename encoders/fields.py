"""Interlaced or not, and which field first: by looking at the pictures, since flags lie.

libavfilter's ``idet`` compares how well each field fits the frames before and after, over whole pictures. It
takes progressive pictures with fine patterns for fields, and misses fields where little moves. So the same
idea is measured here tile by tile, in a way that tells the two apart: how much the lines of one field comb
against those of the other, within a frame and with each neighbour woven in.

==================  ============  ===================  ======================
fields apart        within frame  this bottom, next    this top, next bottom
                                  top
==================  ============  ===================  ======================
top field first     1             1                    3
bottom field first  1             3                    1
progressive         0             2                    2
==================  ============  ===================  ======================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from gopfarm.facts import Scan

_Lines: TypeAlias = NDArray[np.int16]

#: Only about so many columns are looked at, and at most every other one, in tiles of so many of them and as
#: many lines of a field.
_COLUMNS, _LEAST_STEP = 480, 2
_TILE = 16

#: Combing must grow by this share, and by so much a sample, before a tile says anything: else nothing moves.
_MOTION = 0.05
_LEAST_MOTION = 2.0

#: Where the better weave lies between "as good as within the frame" (0) and "as bad as the other weave" (1):
#: below the first it was interlaced, above the second progressive.
_INTERLACED, _PROGRESSIVE = 0.4, 0.6

#: Tiles that must say something before their word counts against the flags.
_ENOUGH = 60

#: Share of those tiles from which on a film is interlaced, and below which it is not, whatever its flags say.
#: Filmed pictures lie at 0.55 and more, or at 0.02 and less; drawn progressive patterns come to 0.3.
_MOSTLY = 0.5
_HARDLY = 0.05

#: Share of the interlaced tiles that must agree on the field order, or the flags decide. Where nearly all do,
#: a smaller share of interlaced tiles is enough: a part of the picture is drawn, or from film.
_AGREED = 0.8
_PARTLY, _ALL_AGREED = 0.3, 0.98

#: Flags that deny interlacing are believed in films of fewer lines: no interlaced system has so few, and in
#: small drawn patterns everything moves by whole lines.
_FEWEST_LINES = 176

#: libavcodec's AVFieldOrder values of interlaced streams, and which field is shown first.
FIELD_ORDERS: dict[int, Scan] = {2: "top", 3: "bottom", 4: "bottom", 5: "top"}


@dataclass
class FieldVotes:
    """What the moving tiles of frames that follow each other looked like.

    ``flagged`` frames say of themselves that they are interlaced; ``lines`` is the height of the highest.
    """

    lines: int = 0
    frames: int = 0
    flagged: int = 0
    top: int = 0
    bottom: int = 0
    progressive: int = 0

    def add(self, frames: Sequence[VideoFrame]) -> None:
        """Look at some frames that follow each other."""
        self.frames += len(frames)
        self.lines = max([self.lines, *(frame.height for frame in frames)])
        self.flagged += sum(bool(frame.interlaced_frame) for frame in frames)
        for this, following in pairwise(_luma(frame) for frame in frames):
            if this.shape == following.shape and len(this) > 2 * _TILE:
                self._compare(this, following)

    def verdict(self, stated: Scan) -> Scan:
        """Decide how a film was taken; ``stated`` is what its container or headers say."""
        interlaced = self.top + self.bottom
        sure = interlaced + self.progressive
        flagged: Scan = "progressive"
        if self.flagged or stated != "progressive":
            flagged = "mixed" if 0 < self.flagged < self.frames or stated == "progressive" else stated
        if sure < _ENOUGH or (flagged == "progressive" and self.lines < _FEWEST_LINES):
            return flagged
        agreed = max(self.top, self.bottom)
        if (interlaced >= _MOSTLY * sure and agreed >= _AGREED * interlaced) or (
            interlaced >= _PARTLY * sure and agreed >= _ALL_AGREED * interlaced
        ):
            return "top" if self.top > self.bottom else "bottom"
        return "progressive" if interlaced <= _HARDLY * sure else flagged

    def _compare(self, this: _Lines, following: _Lines) -> None:
        within = _combing(this[::2], this[1::2])
        top_next = _combing(following[::2], this[1::2])
        bottom_next = _combing(this[::2], following[1::2])
        better, span = np.minimum(top_next, bottom_next), np.maximum(top_next, bottom_next) - within
        moves = span > np.maximum(_MOTION * within, _LEAST_MOTION * _TILE**2)
        place = np.divide(better - within, span, out=np.ones_like(span), where=moves)
        interlaced = moves & (place < _INTERLACED)
        self.top += int((interlaced & (top_next < bottom_next)).sum())
        self.bottom += int((interlaced & (top_next >= bottom_next)).sum())
        self.progressive += int((moves & (place > _PROGRESSIVE)).sum())


def _combing(top: _Lines, bottom: _Lines) -> NDArray[np.float64]:
    """Sum up, tile by tile, how far the bottom field's lines are from the top field's lines around them."""
    count = min(len(top) - 1, len(bottom))
    combing = np.abs(top[:count] + top[1 : count + 1] - 2 * bottom[:count])
    down, across = count // _TILE, combing.shape[1] // _TILE
    tiles = combing[: down * _TILE, : across * _TILE].reshape(down, _TILE, across, _TILE)
    sums: NDArray[np.float64] = tiles.sum((1, 3), dtype=np.float64)
    return sums


def _luma(frame: VideoFrame) -> _Lines:
    layout = frame.format
    has_luma = layout.is_planar and not layout.is_rgb and layout.components[0].bits == 8
    plane = (frame if has_luma else frame.reformat(format="gray")).planes[0]
    samples: NDArray[np.uint8] = np.frombuffer(memoryview(plane), np.uint8)
    step = max(_LEAST_STEP, frame.width // _COLUMNS)
    lines = samples.reshape(-1, plane.line_size)[: frame.height, : frame.width : step]
    return lines.astype(np.int16)
