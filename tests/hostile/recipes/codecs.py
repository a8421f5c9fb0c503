"""Codecs: each one that films come in, and what makes its pictures hard to find or to put in order."""

from __future__ import annotations

import shlex
from fractions import Fraction
from pathlib import Path

from tests.hostile.expected import Film, Track, every, expect, seconds_of_beeps
from tests.hostile.sources import AAC, X264, Kit, Recipe, changed, encoded, to_yuv

FILM = Film()
SECOND = Film(first=200)
LARGE = Film(first=200, size=(480, 270))
LONG = Film(count=700, size=(320, 180))

SD = to_yuv("bt601-untagged")
X265 = "-c:v libx265 -preset ultrafast -crf 14 -x265-params log-level=error:pools=1"
VP9 = "-c:v libvpx-vp9 -crf 15 -b:v 0 -deadline good -cpu-used 8"


def _two_sizes(kit: Kit, path: Path) -> None:
    """Two films of different size behind each other in one track."""
    with_sizes(kit, path, LARGE)


def with_sizes(kit: Kit, path: Path, second: Film) -> None:
    """Two films behind each other as one track, by the concat demuxer."""
    parts = []
    for film in (FILM, second):
        part = path.with_name(f"part-{film.first}-{path.stem}.ts")
        kit.ffmpeg(
            *(
                "-i",
                kit.film(film),
                "-i",
                kit.beeps(4),
                *shlex.split(f"{to_yuv()} {X264} -bf 0"),
                "-c:a",
                "mp2",
            ),
            *("-muxdelay", "0", "-muxpreload", "0", part),
        )
        parts.append(part)
    listing = path.with_name(f"list-{path.stem}.txt")
    listing.write_text("".join(f"file '{part}'\nduration 4\n" for part in parts))
    kit.ffmpeg("-f", "concat", "-safe", "0", "-i", listing, "-c", "copy", path)
    for file in (*parts, listing):
        file.unlink()


TWO = expect(
    FILM,
    shown=every(FILM) + tuple((number, at + FILM.seconds) for number, at in every(SECOND)),
    tracks=(Track(seconds_of_beeps(8), tolerance=0.06, end=8.0),),
)


def _from(number: int) -> dict[str, object]:
    """What is expected when the film starts with a later frame, but its sound at 0."""
    shown = tuple((n, (n - number) / FILM.rate) for n in range(number, FILM.count))
    start = float(number / FILM.rate)
    beeps = tuple(at - start for at in seconds_of_beeps(4, start=start))
    return {"shown": shown, "tracks": (Track(beeps, end=4 - start),)}


def _late_start(kit: Kit, path: Path) -> None:
    """Packets of TS from the middle of a GOP on: pictures before the next keyframe cannot be decoded."""
    whole = path.with_name("whole.ts")
    kit.ffmpeg(
        *("-i", kit.film(FILM), "-i", kit.beeps(4), *shlex.split(f"{to_yuv()} {X264} {AAC}"), whole),
    )
    data = whole.read_bytes()
    whole.unlink()
    path.write_bytes(data[: 188 * 3] + data[len(data) // 6 // 188 * 188 :])


TABLE = [
    encoded("b_pyramid.mp4", f"{X264} -bf 7 -x264-params b-pyramid=normal:b-adapt=0:scenecut=0 {AAC}"),
    encoded("b_pyramid.ts", f"{X264} -bf 7 -x264-params b-pyramid=strict:b-adapt=0:scenecut=0 {AAC}"),
    encoded(
        "open_gop.mp4",
        f"{X264} -bf 3 -x264-params open-gop=1:keyint=25:b-adapt=0:scenecut=0 {AAC}",
    ),
    encoded("open_gop.mkv", f"{X264} -bf 3 -x264-params open-gop=1:keyint=25:b-adapt=0:scenecut=0 {AAC}"),
    encoded("open_gop.ts", f"{X264} -bf 3 -x264-params open-gop=1:keyint=25:b-adapt=0:scenecut=0 {AAC}"),
    encoded(
        "intra_refresh.mp4",
        f"{X264} -bf 0 -x264-params intra-refresh=1:keyint=25 {AAC}",
        note="recovery points, no IDR but the first",
    ),
    encoded("intra_refresh.ts", f"{X264} -bf 0 -x264-params intra-refresh=1:keyint=25 {AAC}"),
    encoded("many_slices.mp4", f"{X264} -x264-params slices=8 {AAC}"),
    encoded("long_gop.mp4", f"{X264} -g 600 -x264-params scenecut=0 -sc_threshold 0 {AAC}", film=LONG),
    encoded("long_gop.ts", f"{X264} -g 600 -sc_threshold 0 {AAC}", film=LONG),
    encoded("all_intra.mp4", f"{X264} -g 1 {AAC}"),
    encoded(
        "non_ref_p.mp4", f"{X264} -bf 0 -x264-params nal-hrd=none:ref=1 -bsf:v h264_metadata=aud=insert {AAC}"
    ),
    encoded("high_refs.mkv", f"-c:v libx264 -preset medium -crf 12 -bf 4 -refs 8 -g 50 {AAC}"),
    encoded("baseline.mp4", f"-c:v libx264 -profile:v baseline -preset ultrafast -crf 12 -g 50 {AAC}"),
    encoded("lossless.mkv", "-c:v libx264 -preset ultrafast -qp 0 -c:a flac"),
    encoded("vbv_dump_extra.ts", f"{X264} -bsf:v dump_extra {AAC}"),
    Recipe("size_change.ts", _two_sizes, TWO, "a second film of another size in the same track"),
    Recipe("size_change.mkv", _two_sizes, TWO, "the same in Matroska"),
    Recipe("size_change.mp4", _two_sizes, TWO, "the same in MP4"),
    Recipe(
        "sps_change.ts",
        lambda kit, path: with_sizes(kit, path, SECOND),
        TWO,
        "a second film of the same size with its own parameter sets",
    ),
    Recipe(
        "late_start.ts",
        _late_start,
        expect(FILM, pictures="measured", tracks=None),
        "starts in the middle of a GOP",
    ),
    encoded("hevc.mp4", f"{X265}:keyint=25:bframes=3 -tag:v hvc1 {AAC}"),
    encoded(
        "hevc_open_gop.mp4",
        f"{X265}:keyint=25:min-keyint=25:bframes=4:open-gop=1:scenecut=0:b-adapt=0 {AAC}",
        note="CRA and RASL",
    ),
    encoded(
        "hevc_open_gop.mkv", f"{X265}:keyint=25:min-keyint=25:bframes=4:open-gop=1:scenecut=0:b-adapt=0 {AAC}"
    ),
    encoded(
        "hevc_open_gop.ts", f"{X265}:keyint=25:min-keyint=25:bframes=4:open-gop=1:scenecut=0:b-adapt=0 {AAC}"
    ),
    encoded("hevc_radl.mp4", f"{X265}:keyint=25:min-keyint=25:bframes=4:open-gop=0:radl=2:scenecut=0 {AAC}"),
    encoded("hevc_main10.mkv", f"{X265}:keyint=25 {AAC}", yuv=to_yuv(pixels="yuv420p10le")),
    changed(
        "hevc_starts_at_cra.ts",
        "hevc_open_gop.ts",
        lambda data: data[: 188 * 3] + data[len(data) // 3 // 188 * 188 :],
        expect(FILM, pictures="measured", tracks=None),
        note="starts at an open GOP, whose leading pictures cannot be decoded",
    ),
    changed(
        "open_gop_cut.ts",
        "open_gop.ts",
        lambda data: data[: 188 * 3] + data[len(data) // 3 // 188 * 188 :],
        expect(FILM, pictures="measured", tracks=None),
        note="starts before an open GOP",
    ),
    encoded(
        "av1_svt.mp4",
        f"-c:v libsvtav1 -preset 8 -crf 10 -g 50 -svtav1-params enable-tf=0 {AAC}",
        note="alt-ref frames",
    ),
    encoded("av1_svt.mkv", f"-c:v libsvtav1 -preset 8 -crf 10 -g 50 -svtav1-params enable-tf=0 {AAC}"),
    encoded(
        "av1_aom.webm",
        "-c:v libaom-av1 -cpu-used 8 -crf 15 -g 50 -lag-in-frames 25 -auto-alt-ref 1 -c:a libopus",
        film=Film(count=60),
    ),
    encoded(
        "av1_10bit.mkv",
        f"-c:v libsvtav1 -preset 8 -crf 10 -g 50 -svtav1-params enable-tf=0 {AAC}",
        yuv=to_yuv(pixels="yuv420p10le"),
    ),
    encoded(
        "vp8_altref.webm",
        "-c:v libvpx -crf 6 -b:v 3M -cpu-used 4 -auto-alt-ref 1 -lag-in-frames 16 -c:a libvorbis",
        yuv=SD,
    ),
    encoded("vp9_altref.webm", f"{VP9} -auto-alt-ref 6 -lag-in-frames 25 -g 50 -c:a libopus"),
    encoded("vp9_altref.mp4", f"{VP9} -auto-alt-ref 1 -lag-in-frames 25 -g 50 -c:a libopus"),
    encoded("vp9_444.webm", f"{VP9} -c:a libopus", yuv=to_yuv(pixels="yuv444p")),
    encoded("vp9_resize.webm", f"{VP9} -c:a libopus -row-mt 1 -g 9999", note="one keyframe"),
    encoded(
        "mpeg2_closed.ts", "-c:v mpeg2video -q:v 3 -bf 2 -g 12 -flags +cgop -sc_threshold 1000000000 -c:a mp2"
    ),
    encoded("mpeg2_open.ts", "-c:v mpeg2video -q:v 3 -bf 2 -g 12 -c:a mp2"),
    encoded("mpeg4_qpel.mp4", f"-c:v mpeg4 -q:v 3 -bf 2 -flags +qpel -g 50 {AAC}", yuv=SD),
    encoded(
        "mpeg4_gmc.mkv",
        "-c:v libxvid -q:v 3 -bf 1 -gmc 1 -g 300 -c:a libmp3lame",
        yuv=SD,
        shown=every(FILM)[:-1],
    ),
    encoded("h263.mov", f"-c:v h263 -q:v 3 {AAC}", film=Film(size=(352, 288)), size=(384, 288), yuv=SD),
    encoded("h263p.avi", "-c:v h263p -q:v 3 -c:a libmp3lame", yuv=SD),
    encoded("prores_422.mov", "-c:v prores_ks -profile:v 2 -c:a pcm_s24le", yuv=to_yuv(pixels="yuv422p10le")),
    encoded(
        "prores_4444.mov",
        "-c:v prores_ks -profile:v 4 -c:a pcm_s16le",
        yuv=to_yuv(pixels="yuva444p10le"),
        note="alpha",
    ),
    encoded(
        "dnxhr.mov",
        "-c:v dnxhd -profile:v dnxhr_sq -c:a pcm_s16le",
        film=Film(count=50, size=(640, 360)),
        yuv=to_yuv(pixels="yuv422p"),
    ),
    encoded(
        "dnxhr_hqx.mxf",
        "-c:v dnxhd -profile:v dnxhr_hqx -c:a pcm_s16le",
        film=Film(count=50, size=(640, 360)),
        yuv=to_yuv(pixels="yuv422p10le"),
    ),
    encoded(
        "mjpeg.mov",
        "-c:v mjpeg -q:v 2 -c:a pcm_s16le",
        yuv=to_yuv("bt601-untagged", "yuvj420p").replace("limited", "full"),
    ),
    encoded("msmpeg4.avi", "-c:v msmpeg4 -q:v 3 -g 50 -c:a libmp3lame", yuv=SD),
    encoded("msmpeg4v2.avi", "-c:v msmpeg4v2 -q:v 3 -g 50 -c:a adpcm_ms", yuv=SD),
    encoded("ffv1.mkv", "-c:v ffv1 -level 3 -c:a flac"),
    encoded("ffv1_rgb.mkv", "-c:v ffv1 -pix_fmt bgr0 -c:a pcm_s16le", yuv=""),
    encoded("huffyuv.avi", "-c:v huffyuv -c:a pcm_s16le", yuv=to_yuv("bt601-untagged", "yuv422p")),
    encoded("utvideo.avi", "-c:v utvideo -c:a pcm_s16le", yuv=to_yuv("bt601-untagged", "yuv420p")),
    encoded(
        "dv.mov",
        "-c:v dvvideo -c:a pcm_s16le",
        film=Film(count=75, size=(768, 576)),
        yuv=to_yuv("pal", before="scale=720:576:flags=area,setsar=16/15"),
        rate=Fraction(25),
        pictures="every",
        note="DV, 4:3 in 720x576",
    ),
    encoded(
        "cinepak.mov",
        "-c:v cinepak -c:a adpcm_ima_qt",
        film=Film(count=10, rate=Fraction(10)),
        yuv="-pix_fmt rgb24",
        colour="none",
    ),
    encoded(
        "svq1.mov",
        "-c:v svq1 -q:v 3 -c:a pcm_s16be",
        film=Film(count=30),
        yuv=to_yuv("bt601-untagged", "yuv410p"),
        colour_tolerance=10,
    ),
    encoded(
        "flashsv.flv",
        "-c:v flashsv2 -c:a libmp3lame -ar 22050",
        film=Film(count=30),
        yuv="-pix_fmt bgr24",
        colour="none",
    ),
    encoded(
        "raw_uyvy.mov",
        "-c:v rawvideo -c:a pcm_s16le",
        film=Film(count=50),
        yuv=to_yuv("bt601-untagged", "uyvy422"),
    ),
    encoded(
        "v210.mov",
        "-c:v v210 -c:a pcm_s16le",
        film=Film(count=50),
        yuv=to_yuv("bt601-untagged", "yuv422p10le"),
    ),
    encoded("qtrle.mov", "-c:v qtrle -pix_fmt rgb24 -c:a pcm_s16be", film=Film(count=50), yuv=""),
    encoded("zmbv.avi", "-c:v zmbv -pix_fmt bgr0 -c:a pcm_s16le", film=Film(count=50), yuv=""),
    encoded(
        "jpeg2000.mov",
        "-c:v jpeg2000 -pix_fmt yuv420p -c:a pcm_s16le",
        film=Film(count=25),
        yuv=SD,
        colour_tolerance=6,
    ),
    encoded(
        "cineform.mov",
        "-c:v cfhd -c:a pcm_s16le",
        film=Film(count=25),
        yuv=to_yuv("bt601-untagged", "yuv422p10le"),
    ),
    encoded("rv20.rm", "-c:v rv20 -q:v 3 -c:a ac3", yuv=SD, verdict="either"),
    encoded(
        "vvc.mp4",
        f"-c:v libvvenc -preset faster -qp 20 {AAC}",
        film=Film(count=25),
        yuv=to_yuv(pixels="yuv420p10le"),
        verdict="either",
    ),
]
