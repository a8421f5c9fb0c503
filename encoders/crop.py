"""Edges of a picture that its container says are not to be shown.

FFmpeg reads them, but PyAV does not hand them on, so the few boxes and elements are read here.
"""

from __future__ import annotations

import struct
from fractions import Fraction
from itertools import islice
from math import floor
from typing import BinaryIO

from encoders.ebml import Element, elements, unsigned
from encoders.tracks import BoxTrack, box_tracks, matroska_tracks
from gopfarm.facts import Crop
from gopfarm.timeline import round_half_up

#: ISO/IEC 14496-12, 12.1.4: width, height, and the offsets of the centre, each a fraction.
_CLAP = struct.Struct(">IIIIiIiI")

#: Matroska (RFC 9559, 5.1.4.1.28): the size of the pictures.
_WIDTH, _HEIGHT = 0xB0, 0xBA

#: The same: PixelCropLeft, -Top, -Right and -Bottom, as ``Crop`` has them.
_CROPS = (0x54CC, 0x54BB, 0x54DD, 0x54AA)


def container_crop(source: BinaryIO, format_name: str, track: int) -> Crop:
    """Return what an MP4's ``clap`` box or a Matroska track's ``PixelCrop`` elements cut away.

    Args:
        source: The open file, seekable; its position is moved.
        format_name: libavformat's name of the container; others than these two have no such thing.
        track: Which video track, counted from 0 in the order of the file, cover pictures left out.

    Returns:
        The crop in samples; none where there is nothing to read, or nothing would be left.
    """
    names = format_name.split(",")
    if "mp4" in names:
        boxed = next(islice(box_tracks(source), track, None), None)
        return _clean_aperture(boxed) if boxed is not None else Crop()
    if "matroska" in names:
        entry = next(islice(matroska_tracks(source), track, None), None)
        return _pixel_crop(source, entry.video) if entry is not None and entry.video else Crop()
    return Crop()


def usable(crop: Crop, width: int, height: int) -> Crop:
    """Return the crop if it leaves a picture of one of ``width`` by ``height`` samples, else no crop."""
    keeps = crop.left + crop.right < width and crop.top + crop.bottom < height
    return crop if keeps and min(crop.left, crop.top, crop.right, crop.bottom) >= 0 else Crop()


def _clean_aperture(entry: BoxTrack) -> Crop:
    data = entry.boxes.get(b"clap", b"")
    if len(data) < _CLAP.size:
        return Crop()
    values = _CLAP.unpack_from(data)
    if not all(values[1::2]):
        return Crop()
    width, height, across, down = (Fraction(*pair) for pair in zip(values[::2], values[1::2], strict=True))
    left, right = _edges(entry.width, width, across)
    top, bottom = _edges(entry.height, height, down)
    return usable(Crop(left, top, right, bottom), entry.width, entry.height)


def _pixel_crop(source: BinaryIO, video: Element) -> Crop:
    values = {field.id: unsigned(source, field) for field in elements(source, video.start, video.end)}
    crop = Crop(*(values.get(name, 0) for name in _CROPS))
    return usable(crop, values.get(_WIDTH, 0), values.get(_HEIGHT, 0))


def _edges(size: int, kept: Fraction, offset: Fraction) -> tuple[int, int]:
    """Return what goes at the two ends of a side of ``size`` samples; the centre moves by ``offset``."""
    first = floor((size - kept) / 2 + offset)
    return first, size - round_half_up(kept) - first
