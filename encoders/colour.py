"""What a decoded frame says of its colours."""

from __future__ import annotations

import struct

from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame

from encoders.sidedata import side_data
from gopfarm.facts import Colour

#: libavutil's AVCOL_RANGE_JPEG.
FULL_RANGE = 2

#: libavutil's AVMasteringDisplayMetadata: ten rationals (primaries, white, darkest, brightest light), then
#: whether the primaries and whether the luminances are given.
_MASTERING = struct.Struct("@22i")
_BRIGHTEST = 18
_HAS_LUMINANCE = 21

#: libavutil's AVContentLightMetadata: MaxCLL and MaxFALL in cd/m2.
_CONTENT_LIGHT = struct.Struct("@2I")

#: PQ ends here (SMPTE ST 2084): metadata that name more light are wrong.
_PQ_PEAK = 10_000


def colour_of(frame: VideoFrame) -> Colour:
    """Return a frame's colour description, with 2 ("not said") where the stream leaves something open.

    ``peak`` is the brightest pixel of the film (MaxCLL), else the peak of the display it was graded on
    (SMPTE ST 2086), in cd/m2, else 0.
    """
    return Colour(
        primaries=int(frame.color_primaries),
        transfer=int(frame.color_trc),
        matrix=int(frame.colorspace),
        full_range=int(frame.color_range) == FULL_RANGE or frame.format.name.startswith("yuvj"),
        peak=_peak(frame),
    )


def _peak(frame: VideoFrame) -> int:
    light = side_data(frame, Type.CONTENT_LIGHT_LEVEL)
    if light is not None and len(light) >= _CONTENT_LIGHT.size:
        brightest, _ = _CONTENT_LIGHT.unpack_from(light)
        if 0 < brightest <= _PQ_PEAK:
            return int(brightest)
    mastering = side_data(frame, Type.MASTERING_DISPLAY_METADATA)
    if mastering is not None and len(mastering) >= _MASTERING.size:
        values = _MASTERING.unpack_from(mastering)
        numerator, denominator = values[_BRIGHTEST : _BRIGHTEST + 2]
        if values[_HAS_LUMINANCE] and denominator > 0 and 0 < numerator <= _PQ_PEAK * denominator:
            return max(1, int(numerator / denominator))
    return 0
