"""Tone mapping: from HDR (PQ or HLG) to SDR of BT.709, as one table that libavfilter's ``lut3d`` applies.

Light is counted in cd/m2 as a display of the source's kind would show it. What an SDR display shows as its
white is taken to be 203 cd/m2, HDR's reference white (ITU-R BT.2408), so that everything darker keeps its
light: a mid grey stays a mid grey. Only what is brighter is rolled off, by the EETF of ITU-R BT.2390, 5.4.

The curve is applied to the largest of red, green and blue, and the other two keep their proportion to it.
That keeps hue and saturation; a curve over luminance or the I of ICtCp leaves bright colours more light than
SDR can show of them, and they come out pale.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gopfarm.facts import Colour

#: Code points of ITU-T H.273 for the transfer characteristics of HDR.
PQ: Final = 16
HLG: Final = 18
HDR_TRANSFERS: Final = frozenset({PQ, HLG})

#: Nodes of the table along each axis.
SIZE = 33

#: Light of an SDR white, in cd/m2, and the exponent of an SDR display (ITU-R BT.1886).
SDR_WHITE = 203.0
_SDR_GAMMA = 2.4

#: The display for which HLG is shown: its peak in cd/m2, and the exponent for it (ITU-R BT.2100, table 5).
_HLG_PEAK = 1000.0
_HLG_GAMMA = 1.2

#: The peak assumed of PQ pictures that say none, and the bounds of those believed, in cd/m2.
_USUAL_PEAK = 1000
_LOWEST_PEAK, _HIGHEST_PEAK = 400, 10_000

#: SMPTE ST 2084.
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_PQ_LIGHT = 10_000.0

#: ITU-R BT.2100, table 5: the HLG inverse OETF.
_A, _B, _C = 0.17883277, 0.28466892, 0.55991073

_D65 = (0.3127, 0.3290)

#: Chromaticities of red, green and blue, and of white, by code point of H.273.
_PRIMARIES = {
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65),
    5: ((0.640, 0.330), (0.290, 0.600), (0.150, 0.060), _D65),
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
}
_BT709, _BT2020 = 1, 9

Array = NDArray[np.float64]


def write_table(colour: Colour, path: Path) -> None:
    """Write the table for pictures of ``colour`` as a ``.cube`` file.

    Its input is non-linear R'G'B' from 0 to 1 in the source's own primaries and transfer characteristics,
    its output R'G'B' of BT.709 for a display of BT.1886.
    """
    rows = table(colour).transpose(2, 1, 0, 3).reshape(-1, 3)  # red changes fastest
    lines = [f"LUT_3D_SIZE {SIZE}", *(f"{r:.6f} {g:.6f} {b:.6f}" for r, g, b in rows.tolist())]
    path.write_text("\n".join(lines) + "\n")


def table(colour: Colour) -> Array:
    """Return the SDR R'G'B' for each node: an array (red, green, blue, 3) of ``SIZE`` nodes from 0 to 1."""
    axis = np.linspace(0, 1, SIZE)
    signal = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    return tone_map(signal, colour).reshape(SIZE, SIZE, SIZE, 3)


def tone_map(signal: Array, colour: Colour) -> Array:
    """Convert HDR R'G'B' (n, 3), from 0 to 1, to SDR R'G'B' of the same shape."""
    light = _within(_light(signal, colour) @ _between(colour.primaries, _BT709).T)
    brightest = light.max(axis=1, keepdims=True)
    shown = pq_light(roll_off(pq_signal(brightest), _peak(colour)))
    ratio = np.divide(shown, brightest, out=np.zeros_like(shown), where=brightest > 0)
    sdr: Array = np.clip(light * ratio / SDR_WHITE, 0, 1) ** (1 / _SDR_GAMMA)
    return sdr


def roll_off(intensity: Array, peak: float) -> Array:
    """Apply the EETF of BT.2390, 5.4.1, from ``peak`` cd/m2 to SDR white, to PQ values."""
    source = float(pq_signal(np.array(peak)))
    relative = np.minimum(intensity / source, 1)
    target = float(pq_signal(np.array(SDR_WHITE))) / source
    knee = 1.5 * target - 0.5
    t = np.clip((relative - knee) / (1 - knee), 0, 1)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (-2 * t**3 + 3 * t**2) * target
    )
    rolled: Array = np.where(relative < knee, relative, spline) * source
    return rolled


def pq_signal(light: Array) -> Array:
    """Return the PQ value, 0 to 1, for light in cd/m2 (the inverse EOTF of ST 2084)."""
    power = (np.maximum(light, 0) / _PQ_LIGHT) ** _M1
    signal: Array = ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2
    return signal


def pq_light(signal: Array) -> Array:
    """Return the light in cd/m2 for a PQ value (the EOTF of ST 2084)."""
    power = np.clip(signal, 0, 1) ** (1 / _M2)
    light: Array = _PQ_LIGHT * (np.maximum(power - _C1, 0) / (_C2 - _C3 * power)) ** (1 / _M1)
    return light


def _light(signal: Array, colour: Colour) -> Array:
    """Return the light that a display shows, in cd/m2, of R'G'B' in the source's own primaries."""
    if colour.transfer == PQ:
        return pq_light(signal)
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - _C) / _A) + _B) / 12)
    luminance = scene @ _to_xyz(colour.primaries)[1]
    shown: Array = _HLG_PEAK * scene * luminance[:, None] ** (_HLG_GAMMA - 1)
    return shown


def _peak(colour: Colour) -> float:
    if colour.transfer == HLG:
        return _HLG_PEAK
    return float(min(max(colour.peak or _USUAL_PEAK, _LOWEST_PEAK), _HIGHEST_PEAK))


def _within(light: Array) -> Array:
    """Bring light (n, 3) that BT.709 cannot show, as it has less than none of a primary, to what it can.

    Such a colour moves towards the grey of its own luminance, in its hue, until it fits.
    """
    grey = (light @ _to_xyz(_BT709)[1])[:, None]
    least = light.min(axis=1, keepdims=True)
    share = np.divide(grey, grey - least, out=np.ones_like(grey), where=least < 0)
    within: Array = np.maximum(grey + (light - grey) * share, 0)
    return within


def _between(source: int, target: int) -> Array:
    """Return the matrix from light in one set of primaries to another."""
    return np.linalg.inv(_to_xyz(target)) @ _to_xyz(source)


def _to_xyz(primaries: int) -> Array:
    """Return the matrix from light in a set of primaries to CIE XYZ, white having Y = 1.

    Primaries that HDR does not use are taken for those of BT.2020.
    """
    *rgb, white = _PRIMARIES.get(primaries, _PRIMARIES[_BT2020])
    columns = np.array([_xyz(*point) for point in rgb]).T
    return columns * np.linalg.solve(columns, _xyz(*white))


def _xyz(x: float, y: float) -> Array:
    return np.array([x / y, 1, (1 - x - y) / y])
