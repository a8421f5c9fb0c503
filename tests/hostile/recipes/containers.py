"""Containers: every one that films come in, and what their writers do with them."""

from __future__ import annotations

import shlex
from fractions import Fraction
from pathlib import Path

from tests.hostile.boxes import with_edits, without
from tests.hostile.expected import Film, Shown, Track, every, expect, seconds_of_beeps
from tests.hostile.matroska import with_lacing
from tests.hostile.sources import AAC, X264, Kit, Recipe, changed, encoded, remuxed, to_yuv

FILM = Film()
PLAIN = expect(FILM)
SECOND = Film(first=200)
NTSC = Film(rate=Fraction(30000, 1001), count=119)

#: Clock of MPEG-TS in seconds at which it starts from 0 again.
WRAP = 2**33 / 90000


def _part(*ranges: tuple[int, int]) -> Shown:
    """Frames of the base film by number, one range behind the other."""
    numbers = [number for start, end in ranges for number in range(start, end)]
    return tuple((number, at / FILM.rate) for at, number in enumerate(numbers))


def _both(data: bytes, edits: list[tuple[float, float | None]]) -> bytes:
    return with_edits(with_edits(data, b"vide", edits), b"soun", edits)


def _edited(
    name: str, edits: list[tuple[float, float | None]], shown: Shown, beeps: tuple[float, ...], note: str
) -> Recipe:
    """The film in PCM and without B-frames, so that edits are exact, under edit lists on both tracks."""
    expected = expect(FILM, shown=shown, tracks=(Track(beeps, end=float(len(shown) / FILM.rate)),))
    return changed(name, "flat.mov", lambda data: _both(data, edits), expected, note=note)


def _joined(name: str, offset: float, note: str) -> Recipe:
    """Two films, one file behind the other, the second with a clock of its own."""
    shown = every(FILM) + tuple((number, at + FILM.seconds) for number, at in every(SECOND))

    def make(kit: Kit, path: Path) -> None:
        parts = []
        for film, start in ((FILM, 50.0), (SECOND, 50.0 + offset)):
            part = path.with_name(f"part-{film.first}-{path.name}")
            kit.ffmpeg(
                *("-i", kit.film(film), "-i", kit.beeps(4), *shlex.split(f"{to_yuv()} {X264} {AAC}")),
                *("-output_ts_offset", f"{start}", "-f", "mpegts", part),
            )
            parts.append(part.read_bytes())
            part.unlink()
        path.write_bytes(b"".join(parts))

    track = Track(seconds_of_beeps(8), tolerance=0.06, end=8.0)
    return Recipe(name, make, expect(FILM, shown=shown, tracks=(track,)), note)


def _two_tracks(kit: Kit, path: Path) -> None:
    kit.ffmpeg(
        *("-i", kit.film(FILM), "-i", kit.film(SECOND), "-i", kit.beeps(4), "-map", "0:v", "-map", "1:v"),
        *("-map", "2:a", *shlex.split(f"{to_yuv()} {X264} {AAC}"), path),
    )


def _attachment(kit: Kit, path: Path) -> None:
    font = kit.text("font.ttf", "not a font")
    kit.ffmpeg(
        *("-i", kit.source("plain.mkv"), "-c", "copy", "-attach", font),
        *("-metadata:s:t", "mimetype=application/x-truetype-font", path),
    )


def _chapters(kit: Kit, path: Path) -> None:
    chapter = "[CHAPTER]\nTIMEBASE=1/1000\nSTART={}\nEND={}\ntitle=Part\n"
    listing = kit.text(
        "chapters.txt", ";FFMETADATA1\n" + chapter.format(0, 2000) + chapter.format(2000, 4000)
    )
    kit.ffmpeg("-i", kit.source("plain.mp4"), "-i", listing, "-map_metadata", "1", "-c", "copy", path)


def _two_programs(kit: Kit, path: Path) -> None:
    kit.ffmpeg(
        *("-i", kit.film(FILM), "-i", kit.beeps(4), "-i", kit.film(SECOND), "-i", kit.beeps(3.5)),
        *("-map", "0", "-map", "1", "-map", "2", "-map", "3", *shlex.split(f"{to_yuv()} {X264} {AAC}")),
        *("-program", "program_num=1:st=0:st=1", "-program", "program_num=2:st=2:st=3", path),
    )


def _piped(kit: Kit, path: Path) -> None:
    """Written as to a pipe: sizes are unknown and there is no index."""
    kit.ffmpeg("-i", kit.source("plain.mkv"), "-c", "copy", "-f", "matroska", "-live", "1", path)


TABLE = [
    encoded("plain.mp4", f"{X264} {AAC} -movflags +faststart"),
    encoded("plain.mkv", f"{X264} {AAC}"),
    encoded("plain.mov", f"{X264} -c:a pcm_s16le", note="PCM"),
    encoded("flat.mov", f"{X264} -bf 0 -c:a pcm_s16le", note="no B-frames, PCM"),
    encoded("moov_last.mp4", f"{X264} {AAC}"),
    encoded("fragmented.mp4", f"{X264} {AAC} -movflags frag_keyframe+empty_moov+default_base_moof"),
    encoded("fragmented_cmaf.mp4", f"{X264} {AAC} -movflags cmaf+frag_keyframe -bf 2"),
    encoded(
        "fragmented_in_gop.mp4",
        f"{X264} {AAC} -movflags empty_moov+default_base_moof -frag_duration 300000",
        note="several fragments a GOP",
    ),
    encoded("negative_cts.mp4", f"{X264} {AAC} -movflags +negative_cts_offsets"),
    encoded("no_edit_list.mp4", f"{X264} {AAC} -use_editlist 0", note="B-frames without an edit list"),
    encoded("qt_ntsc.mov", f"{X264} {AAC} -video_track_timescale 600", film=NTSC, note="29.97 in 1/600 s"),
    changed(
        "no_stss.mp4",
        "moov_last.mp4",
        lambda data: without(data, b"stss"),
        PLAIN,
        note="every frame claims to be a keyframe",
    ),
    Recipe("two_video_tracks.mp4", _two_tracks, PLAIN, "a second film in the same file"),
    _edited("edit_hides_1s.mov", [(3.0, 1.0)], _part((25, 100)), (0, 1, 2), "the first second is hidden"),
    _edited(
        "edit_hides_to_mid_gop.mov",
        [(3.52, 0.48)],
        _part((12, 100)),
        (0.52, 1.52, 2.52),
        "starts in the middle of a GOP",
    ),
    _edited("edit_hides_end.mov", [(3.0, 0.0)], _part((0, 75)), (0, 1, 2), "the last second is hidden"),
    _edited(
        "edit_skips_middle.mov",
        [(1.0, 0.0), (2.0, 2.0)],
        _part((0, 25), (50, 100)),
        (0, 1, 2),
        "the second second is cut out",
    ),
    _edited(
        "edit_repeats.mov",
        [(2.0, 0.0), (2.0, 1.0)],
        _part((0, 50), (25, 75)),
        (0, 1, 2, 3),
        "a second is shown twice",
    ),
    changed(
        "edit_delays_sound.mov",
        "flat.mov",
        lambda data: with_edits(data, b"soun", [(0.5, None), (4.0, 0.0)]),
        expect(FILM, tracks=(Track((0.5, 1.5, 2.5, 3.5), end=4.5),)),
        note="an empty edit before the sound",
    ),
    changed(
        "edit_delays_picture.mov",
        "flat.mov",
        lambda data: with_edits(data, b"vide", [(0.4, None), (4.0, 0.0)]),
        expect(FILM, tracks=(Track((0.6, 1.6, 2.6), end=3.6),)),
        note="an empty edit before the picture: the sound is early",
    ),
    remuxed(
        "stream_copy_cut.mp4",
        "plain.mp4",
        "",
        expect(FILM, shown=_part((38, 100)), tracks=(Track((0.48, 1.48), end=2.48),)),
        before="-ss 1.52",
        note="a stream copy from the middle of a GOP",
    ),
    Recipe("live.mkv", _piped, PLAIN, "unknown sizes, no cues"),
    encoded("clusters_of_one.mkv", f"{X264} {AAC} -cluster_time_limit 1", note="one frame a cluster"),
    encoded(
        "vp8.webm",
        "-c:v libvpx -deadline realtime -cpu-used 8 -b:v 2M -c:a libvorbis",
        yuv=to_yuv("bt601-untagged"),
    ),
    remuxed("from_50s.mkv", "plain.mkv", "-output_ts_offset 50", PLAIN, note="its clock starts at 50 s"),
    changed(
        "lacing.mkv",
        "mp2.mkv",
        lambda data: with_lacing(data, 2, 4),
        PLAIN,
        note="four frames of sound in a block",
    ),
    remuxed(
        "fragmented_from_100s.mp4",
        "plain.mp4",
        "-movflags empty_moov+default_base_moof+frag_keyframe+frag_discont -output_ts_offset 100",
        PLAIN,
        note="a fragmented recording whose clock starts at 100 s",
    ),
    Recipe("chapters.mp4", _chapters, PLAIN, "a text track of chapters"),
    encoded("timecode.mov", f"{X264} -c:a pcm_s16le -timecode 01:00:00:00", note="a track of time code"),
    changed(
        "edit_delays_both.mov",
        "flat.mov",
        lambda data: _both(data, [(0.5, None), (4.0, 0.0)]),
        expect(FILM),
        note="an empty edit before everything",
    ),
    Recipe("attachment.mkv", _attachment, PLAIN, "a font is attached"),
    Recipe("two_programs.ts", _two_programs, PLAIN, "two programs, each with picture and sound"),
    encoded("plain.ts", f"{X264} {AAC}"),
    encoded("clock_at_3000.ts", f"{X264} {AAC} -output_ts_offset 3000"),
    encoded("clock_at_0.ts", f"{X264} {AAC} -muxdelay 0 -muxpreload 0 -avoid_negative_ts make_zero"),
    encoded(
        "wrap.ts",
        f"{X264} {AAC} -output_ts_offset {WRAP - 2:.3f}",
        note="the 33-bit clock wraps after 2 s",
    ),
    encoded(
        "wrap_at_start.ts", f"{X264} {AAC} -output_ts_offset {WRAP - 0.1:.3f}", note="the clock wraps at once"
    ),
    encoded("bluray.m2ts", f"{X264} -c:a ac3 -f mpegts -mpegts_m2ts_mode 1", note="192-byte packets"),
    _joined("joined_clock_back.ts", -49.0, "two files joined; the clock jumps back"),
    _joined("joined_clock_forward.ts", 1000.0, "two files joined; the clock jumps ahead by 1000 s"),
    _joined("joined_same_clock.ts", 0.0, "two files joined that have the same clock"),
    encoded("mpeg4_b.avi", "-c:v mpeg4 -q:v 3 -bf 2 -g 25 -c:a libmp3lame", yuv=to_yuv("bt601-untagged")),
    encoded(
        "packed_b.avi",
        "-c:v libxvid -q:v 3 -bf 1 -g 300 -c:a libmp3lame",
        yuv=to_yuv("bt601-untagged"),
        shown=every(FILM)[:-1],
        note="packed bitstream; its encoder loses the last frame",
    ),
    encoded("h264_b.avi", f"{X264} -c:a libmp3lame", note="B-frames in AVI, which has no place for them"),
    encoded(
        "mjpeg.avi",
        "-c:v mjpeg -q:v 2 -c:a pcm_s16le",
        yuv=to_yuv("bt601-untagged", "yuvj422p").replace("limited", "full"),
    ),
    changed(
        "no_index.avi",
        "mpeg4_b.avi",
        lambda data: data.replace(b"idx1", b"JUNK"),
        expect(FILM),
        note="no index",
    ),
    encoded("plain.flv", f"{X264} {AAC}"),
    encoded("sorenson.flv", "-c:v flv -q:v 3 -c:a libmp3lame -ar 44100", yuv=to_yuv("bt601-untagged")),
    encoded(
        "phone.3gp",
        "-c:v h263 -q:v 3 -c:a libopencore_amrnb -ac 1 -ar 8000",
        film=Film(count=100, size=(352, 288)),
        channels=1,
        yuv=to_yuv("bt601-untagged"),
        size=(384, 288),
        note="H.263 and AMR; pixels of CIF are 12:11",
    ),
    encoded("program.mpg", "-c:v mpeg2video -q:v 3 -bf 2 -g 15 -c:a mp2", yuv=to_yuv("bt601-untagged")),
    encoded(
        "dvd.vob",
        "-c:v mpeg2video -q:v 3 -bf 2 -g 15 -c:a ac3",
        film=Film(count=100, size=(360, 288)),
        yuv=to_yuv("pal"),
    ),
    encoded("mpeg1.mpg", "-c:v mpeg1video -q:v 3 -bf 2 -g 15 -c:a mp2", yuv=to_yuv("bt601-untagged")),
    encoded("theora.ogv", "-c:v libtheora -q:v 8 -c:a libvorbis", yuv=to_yuv("bt601-untagged")),
    encoded("mpeg2.mxf", "-c:v mpeg2video -q:v 3 -bf 2 -g 12 -c:a pcm_s16le"),
    encoded(
        "dnxhd.mxf",
        "-c:v dnxhd -b:v 36M -c:a pcm_s16le",
        film=Film(count=25, size=(1920, 1080)),
        sound_seconds=1,
    ),
    encoded("wmv2.wmv", "-c:v wmv2 -q:v 3 -g 25 -c:a wmav2", yuv=to_yuv("bt601-untagged")),
    encoded("wmv1.asf", "-c:v wmv1 -q:v 3 -g 25 -c:a wmav1", yuv=to_yuv("bt601-untagged")),
    encoded("h264.nut", f"{X264} -c:a pcm_s16le"),
    encoded("raw.h264", f"{X264}", sound=False, verdict="either"),
    encoded(
        "raw.hevc",
        "-c:v libx265 -preset ultrafast -crf 12 -x265-params log-level=error",
        sound=False,
        verdict="either",
    ),
    encoded(
        "raw.ivf", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -crf 20", sound=False, verdict="either"
    ),
    encoded("raw.y4m", "", sound=False, verdict="either", yuv=to_yuv("bt601-untagged")),
    encoded(
        "plain.gif", "", film=Film(count=30, rate=Fraction(10)), sound=False, yuv="", colour_tolerance=12
    ),
    encoded(
        "plain.apng", "-plays 0", film=Film(count=20, rate=Fraction(10)), sound=False, yuv="-pix_fmt rgb24"
    ),
    encoded("png.mov", "-c:v png -pix_fmt rgb24 -c:a pcm_s16le", yuv="", colour_tolerance=5),
]
