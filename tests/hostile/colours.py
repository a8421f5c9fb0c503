"""Are the colours right? By the flat patches of a published film."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.hostile.decoding import Pictures, video_info
from tests.hostile.expected import Expected
from tests.hostile.numbered import PATCHES, patch_means

#: Kr and Kb of the matrices that ffprobe names.
_LUMA = {
    "bt709": (0.2126, 0.0722),
    "smpte170m": (0.299, 0.114),
    "bt470bg": (0.299, 0.114),
    "bt2020nc": (0.2627, 0.0593),
}


def yuv_of(rgb: NDArray[np.float64], matrix: str, full: bool) -> NDArray[np.float64]:
    """8-bit Y'CbCr codes of R'G'B' in 0 to 255 (ITU-T H.273, equations 25 to 39)."""
    red, blue = _LUMA[matrix]
    unit = rgb / 255
    y = red * unit[:, 0] + (1 - red - blue) * unit[:, 1] + blue * unit[:, 2]
    cb, cr = (unit[:, 2] - y) / (2 * (1 - blue)), (unit[:, 0] - y) / (2 * (1 - red))
    scale, low, chroma = (255, 0, 255) if full else (219, 16, 224)
    return np.stack([low + scale * y, 128 + chroma * cb, 128 + chroma * cr], axis=1)


def _from_2020(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """R'G'B' of BT.709 primaries for R'G'B' of BT.2020 primaries (ITU-R BT.2407, simple matrix)."""
    matrix = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])
    linear = (rgb / 255) ** 2.2 @ matrix.T
    return np.asarray(np.clip(linear, 0, 1) ** (1 / 2.2) * 255)


@dataclass
class ColourJudge:
    """Judges the colours of one rendition by the flat patches."""

    expected: Expected
    seen: Pictures
    playlist: Path

    def faults(self) -> list[str]:
        info = video_info(self.playlist)
        planes = tuple(plane[len(plane) // 2] for plane in self.seen.planes)
        means = patch_means(planes)
        tagged = info.get("color_space", "unknown")
        if tagged in ("unknown", "unspecified"):
            tagged = "smpte170m" if int(info["height"]) < 720 else "bt709"
        full = info.get("color_range") == "pc"
        if tagged not in _LUMA:
            return [f"the matrix is tagged {tagged}"]
        if self.expected.colour == "hdr":
            return self._hdr(info, means)
        rgb = np.array(PATCHES, float)
        tolerance = self.expected.colour_tolerance
        if self.expected.colour == "gray":
            gray = np.repeat((rgb @ [0.299, 0.587, 0.114])[:, None], 3, axis=1)
            other = np.repeat((rgb @ [0.2126, 0.7152, 0.0722])[:, None], 3, axis=1)
            wanted = [yuv_of(gray, tagged, full), yuv_of(other, tagged, full)]
        elif self.expected.colour == "wide" and info.get("color_primaries") != "bt2020":
            wanted, tolerance = [yuv_of(_from_2020(rgb), tagged, full)], 8
        else:
            wanted = [yuv_of(rgb, tagged, full)]
        worst = min((np.abs(means - one) for one in wanted), key=lambda off: off.max())
        if worst.max() <= tolerance:
            return []
        at = int(worst.max(axis=1).argmax())
        return [
            f"colours: patch {PATCHES[at]} is YUV {np.round(means[at], 1).tolist()} instead of "
            f"{np.round(wanted[0][at], 1).tolist()} ({tagged}, {'full' if full else 'limited'} range)"
        ]

    def _hdr(self, info: dict[str, str], means: NDArray[np.float64]) -> list[str]:
        """Patches of an HDR film: red, green, blue, peak white, reference white, grey."""
        tags = [info.get(key) for key in ("color_space", "color_transfer", "color_primaries")]
        found = [] if tags == ["bt709"] * 3 else [f"HDR is published as {tags}"]
        luma = (means[:, 0] - 16) / 219
        if not 0.36 <= luma[5] <= 0.5:
            found.append(f"HDR: grey of 18% comes out at {luma[5]:.2f} of the range")
        if not luma[4] >= 0.68:
            found.append(f"HDR: reference white comes out at {luma[4]:.2f}")
        if not luma[3] >= luma[4] + 0.02:
            found.append(f"HDR: peak white {luma[3]:.2f} is no brighter than reference white {luma[4]:.2f}")
        if np.abs(means[3:, 1:] - 128).max() > 5:
            found.append(f"HDR: greys have a tint: {np.round(means[3:], 1).tolist()}")
        for at, (cb, cr) in enumerate([(None, 1), (None, -1), (1, None)]):
            if (cb and cb * (means[at, 1] - 128) < 15) or (cr and cr * (means[at, 2] - 128) < 10):
                found.append(f"HDR: colour {at} lost: {np.round(means[at], 1).tolist()}")
        return found
