"""What has to be done to a source's pictures, decided once for all tasks of a job. Pure rules."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from gopfarm.facts import Colour, VideoFacts
from gopfarm.plan import Normaliser

#: Code points of ITU-T H.273: "not said", RGB instead of a matrix, and the systems met below.
_UNSAID = 2
_RGB = 0
_BT709 = 1
_BT470BG = 5
_SMPTE170M = 6
_BT2020 = 9

#: What usually goes with a matrix: primaries and transfer characteristics. BT.601 has one transfer curve for
#: both its systems; the code point 5 for that is a gamma of 2.8, which nothing uses. Others go with BT.709.
_SYSTEMS = {
    4: (_SMPTE170M, _SMPTE170M),
    _BT470BG: (_BT470BG, _SMPTE170M),
    _SMPTE170M: (_SMPTE170M, _SMPTE170M),
    7: (7, 7),
    _BT2020: (_BT2020, 14),
    10: (_BT2020, 14),
    14: (_BT2020, 16),
}

#: Matrices that players know. Pictures in others are converted to the one for their primaries.
_SIGNALLED = frozenset({_BT709, 4, _BT470BG, _SMPTE170M, 7, _BT2020})
_MATRIX_FOR = {_BT470BG: _BT470BG, _SMPTE170M: _SMPTE170M, 7: 7, _BT2020: _BT2020}

#: How FFmpeg's names of RGB formats begin; palettes hold RGB too.
_RGB_FORMATS = ("rgb", "bgr", "gbr", "argb", "abgr", "0rgb", "0bgr", "x2rgb", "x2bgr", "pal8")

#: Transfer characteristics of HDR: PQ (SMPTE ST 2084) and HLG (ARIB STD-B67).
_HDR_TRANSFERS = frozenset({16, 18})

#: What every player shows right: the colours of HDTV.
_SDR = Colour(_BT709, _BT709, _BT709, full_range=False)

#: Pictures at least this wide or high that say nothing of their colours are taken for HDTV, as players do.
_HD_WIDTH, _HD_HEIGHT = 1280, 720


def normaliser(video: VideoFacts, start: Fraction) -> Normaliser:
    """Describe how a source's frames become grid frames; ``start`` is when slot 0 is shown, in seconds."""
    colour = assumed_colour(video)
    return Normaliser(
        stream=video.stream,
        time_base=video.time_base,
        origin_pts=video.origin_pts,
        grid_rate=video.grid_rate,
        rotation=video.rotation,
        colour=colour,
        target=target_colour(colour),
        start=start,
        mirrored=video.mirrored,
        crop=video.crop,
        scan=video.scan,
        captions=bool(video.captions),
        clock=video.clock,
        order=video.order,
        decimation=video.decimation,
    )


def assumed_colour(video: VideoFacts) -> Colour:
    """Return a source's colour with what it does not say filled in, as players would assume it."""
    colour = video.colour
    if video.pixel_format.startswith(_RGB_FORMATS):
        colour = replace(colour, matrix=_RGB, full_range=True)
    elif colour.matrix in (_RGB, _UNSAID):
        colour = replace(colour, matrix=_usual_matrix(video))
    hdr = colour.transfer in _HDR_TRANSFERS
    primaries, transfer = _SYSTEMS.get(_BT2020 if hdr else colour.matrix, (_BT709, _BT709))
    return replace(
        colour,
        primaries=primaries if colour.primaries == _UNSAID else colour.primaries,
        transfer=transfer if colour.transfer == _UNSAID else colour.transfer,
    )


def target_colour(colour: Colour) -> Colour:
    """Return what the renditions are in: the source's own colours in limited range, or SDR for HDR.

    A size says nothing of colours: what was BT.601 stays it, and is signalled so, when scaled to HD.
    """
    if colour.transfer in _HDR_TRANSFERS:
        return _SDR
    usual = _BT709 if colour.matrix == _RGB else _MATRIX_FOR.get(colour.primaries, _BT709)
    matrix = colour.matrix if colour.matrix in _SIGNALLED else usual
    return replace(colour, matrix=matrix, full_range=False, peak=0)


def _usual_matrix(video: VideoFacts) -> int:
    """Return the matrix of pictures that do not say it: by the colours that they say, else by their size."""
    colour = video.colour
    if colour.transfer in _HDR_TRANSFERS:
        return _BT2020
    if colour.primaries != _UNSAID:
        return _MATRIX_FOR.get(colour.primaries, _BT709)
    if video.width >= _HD_WIDTH or video.height >= _HD_HEIGHT:
        return _BT709
    return _BT470BG if video.frame_rate in (25, 50) else _SMPTE170M
