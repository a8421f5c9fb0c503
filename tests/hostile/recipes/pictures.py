"""Pictures: turned, squeezed, interlaced, cropped, in every colour space."""

from __future__ import annotations

import shlex
import struct
from fractions import Fraction
from pathlib import Path

from tests.hostile.boxes import box, with_matrix, with_sample_box
from tests.hostile.expected import Film, every, expect
from tests.hostile.matroska import with_pixel_crop
from tests.hostile.sources import AAC, MATRICES, X264, Kit, Recipe, encoded, remuxed, to_yuv

FILM = Film()
PORTRAIT = Film(size=(180, 320))
HALF = Film(count=50)
FIELDS = Film(rate=Fraction(50), count=200, moments=2)

#: How a picture must be stored for a matrix to show it upright: ffmpeg's filters.
UNDO = {
    "hflip": "hflip",
    "vflip": "vflip",
    "90": "transpose=cclock",
    "180": "hflip,vflip",
    "270": "transpose=clock",
    "transpose": "transpose=cclock_flip",
}


def _turned(name: str, *, film: Film = FILM) -> Recipe:
    """A film stored turned, with a matrix in its track header that turns it back."""
    sideways = "transpose" in UNDO[name]
    width, height = film.size[::-1] if sideways else film.size

    def make(kit: Kit, path: Path) -> None:
        stored = path.with_name(f"stored-{path.name}")
        kit.ffmpeg(
            *("-i", kit.film(film), "-i", kit.beeps(4)),
            *shlex.split(f"{to_yuv(before=UNDO[name])} {X264} {AAC}"),
            stored,
        )
        path.write_bytes(with_matrix(stored.read_bytes(), name, width, height))
        stored.unlink()

    return Recipe(f"matrix_{name}.mp4", make, expect(film), "the display matrix turns it")


def _anamorphic(name: str, stored: tuple[int, int], sar: str, codec: str = f"{X264} {AAC}") -> Recipe:
    numerator, denominator = (int(part) for part in sar.split(":"))
    wide = round(stored[0] * numerator / denominator)
    film = Film(size=(wide // 2 * 2, stored[1]))
    matrix = "bt601-untagged" if name.endswith("avi") else "bt709"
    yuv = to_yuv(matrix, before=f"scale={stored[0]}:{stored[1]}:flags=area,setsar={numerator}/{denominator}")
    return encoded(name, codec, film=film, yuv=yuv, note=f"pixels are {sar}")


def _interlaced(
    name: str,
    arguments: str,
    order: str = "tff",
    flag: str | None = None,
    note: str = "",
    **changes: object,
) -> Recipe:
    """Fields 50 a second, two a frame."""
    mode = "interleave_top" if order == "tff" else "interleave_bottom"
    yuv = to_yuv(
        "bt601-untagged" if name.endswith("avi") else "bt709",
        after=f"tinterlace={mode},setfield={flag or order}",
        pixels="yuv420p",
    )
    changes = {"shown": every(Film()), "rate": None, "fields": 2, **changes}
    return encoded(name, arguments, film=FIELDS, yuv=yuv, note=note, **changes)  # type: ignore[arg-type]


INTERLACED_X264 = "-c:v libx264 -preset ultrafast -crf 10 -g 25 -bf 2 -flags +ilme+ildct"


def _wrongly_progressive(kit: Kit, path: Path) -> None:
    """Fields, but coded and flagged as whole frames."""
    kit.ffmpeg(
        *("-i", kit.film(FIELDS), "-i", kit.beeps(4)),
        *shlex.split(
            f"{to_yuv(after='tinterlace=interleave_top,setfield=prog')} {X264} -field_order progressive {AAC}"
        ),
        path,
    )


def _pixels(
    name: str,
    pixels: str,
    codec: str,
    *,
    matrix: str = "bt709",
    tolerance: float = 4,
    film: Film = HALF,
    **changes: object,
) -> Recipe:
    return encoded(name, codec, film=film, yuv=to_yuv(matrix, pixels), colour_tolerance=tolerance, **changes)  # type: ignore[arg-type]


def _full(matrix: str, pixels: str = "yuv420p") -> str:
    space, tags = MATRICES[matrix]
    tags = tags.replace("color_range tv", "color_range pc")
    return f"-vf scale=out_color_matrix={space}:out_range=full,format={pixels} {tags}"


def _wide(kit: Kit, path: Path) -> None:
    kit.ffmpeg(
        *("-i", kit.film(HALF), "-i", kit.beeps(2)),
        *shlex.split(
            "-vf scale=out_color_matrix=bt2020nc:out_range=limited,format=yuv420p10le -colorspace bt2020nc "
            f"-color_primaries bt2020 -color_trc bt2020-10 -color_range tv {X264} {AAC}"
        ),
        path,
    )


#: A clean aperture that hides 16 columns and 10 lines on each side (ISO/IEC 14496-12, 12.1.4).
CLAP = box(b"clap", struct.pack(">8i", 288, 1, 160, 1, 0, 1, 0, 1))


def _cropped(kit: Kit, path: Path) -> None:
    """The film with a border around it, which the container crops off."""
    film = Film(size=(288, 160))
    stored = path.with_name(f"stored-{path.stem}.mp4")
    kit.ffmpeg(
        *("-i", kit.film(film), "-i", kit.beeps(4)),
        *shlex.split(f"{to_yuv(before='pad=320:180:16:10:red')} {X264} {AAC}"),
        stored,
    )
    if path.suffix == ".mp4":
        path.write_bytes(with_sample_box(stored.read_bytes(), CLAP))
    else:
        kit.ffmpeg("-i", stored, "-c", "copy", path)
        path.write_bytes(with_pixel_crop(path.read_bytes(), 10, 10, 16, 16))
    stored.unlink()


TABLE = [
    *(_turned(name) for name in UNDO),
    Recipe(
        "phone_portrait.mov",
        lambda kit, path: _portrait(kit, path),
        expect(PORTRAIT),
        "an upright film, stored on its side",
    ),
    _anamorphic("sar_8_9.mp4", (360, 240), "8:9"),
    _anamorphic("sar_4_3.mkv", (320, 240), "4:3"),
    _anamorphic("sar_64_45.ts", (360, 288), "64:45", "-c:v mpeg2video -q:v 2 -g 12 -c:a mp2"),
    _anamorphic("sar_32_27.mp4", (360, 240), "32:27"),
    _anamorphic("sar_16_11.avi", (352, 288), "16:11", "-c:v mpeg4 -q:v 2 -c:a libmp3lame"),
    encoded(
        "odd_size.mp4",
        f"{X264} {AAC}",
        film=Film(size=(641, 359)),
        yuv=to_yuv(pixels="yuv444p"),
        note="641x359",
    ),
    encoded(
        "odd_size_420.webm",
        "-c:v libvpx-vp9 -crf 12 -b:v 0 -deadline realtime -cpu-used 8 -c:a libopus",
        film=Film(size=(321, 181)),
        note="321x181",
    ),
    encoded("tiny.mp4", f"{X264} {AAC}", film=Film(size=(160, 90))),
    encoded("tall.mp4", f"{X264} {AAC}", film=PORTRAIT),
    encoded("square.mp4", f"{X264} {AAC}", film=Film(size=(240, 240))),
    encoded("very_wide.mp4", f"{X264} {AAC}", film=Film(size=(860, 180))),
    encoded(
        "hd_untagged.mp4",
        f"{X264} {AAC}",
        film=Film(count=25, size=(1280, 720)),
        sound_seconds=1,
        yuv=to_yuv("bt709-untagged"),
        note="HD without tags is BT.709",
    ),
    encoded("hd_tagged.mp4", f"{X264} {AAC}", film=Film(count=25, size=(1280, 720)), sound_seconds=1),
    _interlaced("interlaced_tff.mp4", f"{INTERLACED_X264} {AAC}", note="MBAFF, top field first"),
    _interlaced("interlaced_bff.mp4", f"{INTERLACED_X264} {AAC}", "bff", note="MBAFF, bottom field first"),
    _interlaced(
        "interlaced_tff.ts",
        "-c:v mpeg2video -q:v 2 -g 12 -bf 2 -flags +ilme+ildct -c:a mp2",
        note="MPEG-2, top field first",
    ),
    _interlaced(
        "interlaced_bff.mpg",
        "-c:v mpeg2video -q:v 2 -g 12 -bf 2 -flags +ilme+ildct -c:a mp2",
        "bff",
        note="MPEG-2, bottom field first",
    ),
    _interlaced(
        "interlaced_prores.mov", "-c:v prores_ks -profile:v 2 -flags +ildct -c:a pcm_s16le", note="ProRes"
    ),
    _interlaced(
        "interlaced_mpeg4.avi", "-c:v mpeg4 -q:v 2 -flags +ilme+ildct -c:a libmp3lame", note="MPEG-4"
    ),
    _interlaced(
        "interlaced_intra_sd.mxf",
        "-c:v mpeg2video -q:v 2 -g 1 -flags +ilme+ildct -c:a pcm_s16le",
        note="MPEG-2 in MXF",
    ),
    Recipe(
        "flagged_progressive.mp4",
        _wrongly_progressive,
        expect(Film(), rate=None, fields=2),
        "interlaced, flagged progressive",
    ),
    encoded(
        "flagged_interlaced.mp4",
        f"{INTERLACED_X264} {AAC}",
        yuv=to_yuv(after="setfield=tff"),
        note="progressive, flagged interlaced",
    ),
    encoded(
        "flagged_interlaced.ts",
        "-c:v mpeg2video -q:v 2 -g 12 -flags +ilme+ildct -c:a mp2",
        yuv=to_yuv(after="setfield=tff"),
        note="progressive, flagged interlaced",
    ),
    _pixels("h264_422.mp4", "yuv422p", f"{X264} {AAC}"),
    _pixels("h264_444.mp4", "yuv444p", f"{X264} {AAC}"),
    _pixels("h264_10bit.mp4", "yuv420p10le", f"{X264} {AAC}"),
    _pixels("h264_422_10bit.mkv", "yuv422p10le", f"{X264} {AAC}"),
    _pixels(
        "hevc_12bit.mkv",
        "yuv420p12le",
        f"-c:v libx265 -preset ultrafast -crf 12 -x265-params log-level=error:pools=1 {AAC}",
    ),
    _pixels(
        "hevc_444_12bit.mkv",
        "yuv444p12le",
        f"-c:v libx265 -preset ultrafast -crf 12 -x265-params log-level=error:pools=1 {AAC}",
    ),
    _pixels("gray.mp4", "gray", f"{X264} {AAC}", colour="gray"),
    _pixels("gray10.mkv", "gray10le", "-c:v ffv1 -c:a flac", colour="gray"),
    encoded("rgb.mp4", f"-c:v libx264rgb -preset ultrafast -qp 4 {AAC}", film=HALF, yuv="-pix_fmt rgb24"),
    encoded("gbr_12.mkv", "-c:v ffv1 -c:a flac", film=HALF, yuv="-pix_fmt gbrp12le"),
    encoded("full_range.mp4", f"{X264} {AAC}", film=HALF, yuv=_full("bt709")),
    encoded("full_range_601.mp4", f"{X264} {AAC}", film=HALF, yuv=_full("bt601", "yuvj420p")),
    encoded("full_range_444.mkv", f"{X264} {AAC}", film=HALF, yuv=_full("bt709", "yuv444p")),
    _pixels("tagged_601.mp4", "yuv420p", f"{X264} {AAC}", matrix="bt601"),
    _pixels("tagged_pal.mp4", "yuv420p", f"{X264} {AAC}", matrix="pal"),
    _pixels("untagged_sd.mp4", "yuv420p", f"{X264} {AAC}", matrix="bt601-untagged"),
    _pixels(
        "tagged_601_hd.mp4", "yuv420p", f"{X264} {AAC}", matrix="bt601", film=Film(count=25, size=(1280, 720))
    ),
    _pixels(
        "tagged_709_vp9.webm",
        "yuv420p",
        "-c:v libvpx-vp9 -crf 12 -b:v 0 -deadline realtime -cpu-used 8 -c:a libopus",
    ),
    Recipe("bt2020_sdr.mkv", _wide, expect(HALF, colour="wide"), "BT.2020 that is not HDR"),
    remuxed("matrix_90.mkv", "matrix_90.mp4", "", expect(FILM), note="the projection's roll turns it"),
    remuxed("matrix_270.mov", "matrix_270.mp4", "", expect(FILM), note="the display matrix turns it"),
    _pixels(
        "vp9_alpha.webm",
        "yuva420p",
        "-c:v libvpx-vp9 -crf 12 -b:v 0 -deadline realtime -cpu-used 8 -auto-alt-ref 0 -c:a libopus",
    ),
    Recipe("clap.mp4", _cropped, expect(Film(size=(288, 160))), "a clean aperture"),
    Recipe("pixel_crop.mkv", _cropped, expect(Film(size=(288, 160))), "PixelCrop"),
]


def _portrait(kit: Kit, path: Path) -> None:
    stored = path.with_name(f"stored-{path.name}")
    kit.ffmpeg(
        *("-i", kit.film(PORTRAIT), "-i", kit.beeps(4)),
        *shlex.split(f"{to_yuv(before=UNDO['90'])} {X264} {AAC}"),
        stored,
    )
    path.write_bytes(with_matrix(stored.read_bytes(), "90", 320, 180))
    stored.unlink()
