"""HDR: PQ and HLG, with patches of known light."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.hostile.expected import SIZE, Film, expect
from tests.hostile.numbered import BLACK, PATCHES, WHITE, draw
from tests.hostile.sources import AAC, X264, Kit, Recipe, ffmpeg


def pq(nits: NDArray[np.float64]) -> NDArray[np.float64]:
    """SMPTE ST 2084: the signal, 0 to 1, of a luminance in cd/m2."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    power = (np.clip(nits, 0, 10000) / 10000) ** m1
    return np.asarray(((c1 + c2 * power) / (1 + c3 * power)) ** m2)


def hlg(nits: NDArray[np.float64]) -> NDArray[np.float64]:
    """ITU-R BT.2100 HLG: the signal of a luminance on a screen of 1000 cd/m2, for greys."""
    scene = np.clip(nits / 1000, 0, 1) ** (1 / 1.2)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - b, 1e-9)) + c)


#: Linear light of the patches of an HDR film, BT.2020, cd/m2: red, green, blue, peak white, reference white,
#: grey of 18% (26 cd/m2 as ITU-R BT.2408 has it).
HDR_PATCHES = ((100, 10, 10), (10, 100, 10), (10, 10, 100), (1000, 1000, 1000), (203, 203, 203), (26, 26, 26))


def _hdr_film(curve: str, count: int) -> Iterator[bytes]:
    """Draw a film in 16-bit RGB whose black is black and whose white is reference white."""
    signal = pq if curve == "pq" else hlg
    # The SDR drawing, with its own patches and its black and white, through a table; then the HDR patches.
    light = 203 * (np.clip(np.arange(256) - BLACK, 0, None) / (WHITE - BLACK)) ** 2.2
    table = np.round(signal(light) * 65535).astype("<u2")
    for number in range(count):
        drawn = draw(number, *SIZE)
        picture = table[drawn]
        for patch, nits in zip(PATCHES, HDR_PATCHES, strict=True):
            values = signal(np.array(nits, float)) * 65535
            picture[: SIZE[1] // 4][(drawn[: SIZE[1] // 4] == patch).all(axis=2)] = np.round(values)
        yield picture.astype("<u2").tobytes()


def _hdr(name: str, curve: str, codec: str) -> Recipe:
    film = Film(count=50)
    trc = "smpte2084" if curve == "pq" else "arib-std-b67"

    def make(kit: Kit, path: Path) -> None:
        ffmpeg(
            *(
                "-f",
                "rawvideo",
                "-pix_fmt",
                "rgb48le",
                "-s",
                "320x180",
                "-r",
                "25",
                "-i",
                "-",
                "-i",
                kit.beeps(2),
            ),
            *shlex.split(
                "-vf scale=out_color_matrix=bt2020nc:out_range=limited:flags=accurate_rnd,format=yuv420p10le,"
                f"setparams=colorspace=bt2020nc:color_primaries=bt2020:color_trc={trc}:range=limited "
                f"{codec} {AAC}"
            ),
            path,
            data=_hdr_film(curve, film.count),
        )

    return Recipe(name, make, expect(film, colour="hdr"), "HDR")


MASTERING = (
    "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):max-cll=1000,400"
)
X265 = (
    "-c:v libx265 -preset ultrafast -crf 12 -tag:v hvc1 "
    "-x265-params log-level=error:pools=1:hdr-opt=1:repeat-headers=1"
)

TABLE = [
    _hdr("hdr10.mp4", "pq", f"{X265}:{MASTERING}"),
    _hdr("hdr10.mkv", "pq", "-c:v libsvtav1 -preset 8 -crf 10 -svtav1-params enable-tf=0"),
    _hdr("hlg.mp4", "hlg", X265),
    _hdr("hlg_h264.ts", "hlg", X264),
]
