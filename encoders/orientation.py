"""Which way up a decoded frame is to be shown."""

from __future__ import annotations

import math
import struct

from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame

from encoders.sidedata import side_data

#: The display matrix of ISO/IEC 14496-12, 8.5.2: a b u, c d v, x y w; (column, line) times it is the place
#: where a sample is shown, lines counted downwards.
_MATRIX = struct.Struct("@9i")


def orientation_of(frame: VideoFrame) -> tuple[int, bool]:
    """Return how to put a frame upright: (rotation, mirrored), as ``VideoFacts`` has them.

    ``mirrored`` exchanges left and right, and comes first; ``rotation`` is the turn after that, clockwise, in
    degrees: 0, 90, 180 or 270. A tilted picture gets the nearest of the eight; one without a display matrix,
    or with a matrix that shows nothing, is upright.
    """
    data = side_data(frame, Type.DISPLAYMATRIX)
    if data is None or len(data) < _MATRIX.size:
        return 0, False
    a, b, _, c, d = _MATRIX.unpack_from(data)[:5]
    across, down = math.hypot(a, c), math.hypot(b, d)
    if not across or not down:
        return 0, False
    mirrored = a * d < b * c
    if mirrored:
        a, b = -a, -b
    turn = math.degrees(math.atan2(b / down - c / across, a / across + d / down))
    return round(turn / 90) % 4 * 90, mirrored
