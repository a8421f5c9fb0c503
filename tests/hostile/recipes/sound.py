"""Sound: codecs, channels, and tracks that do not fit the picture."""

from __future__ import annotations

import shlex
from pathlib import Path

from tests.hostile.expected import Expected, Film, Track, expect, seconds_of_beeps
from tests.hostile.sources import AAC, SOUND_RATE, X264, Kit, Recipe, encoded, to_yuv

FILM = Film()


def _codec(
    name: str, arguments: str, *, channels: int = 2, rate: int = SOUND_RATE, note: str = "", **changes: object
) -> Recipe:
    return encoded(name, f"{X264} {arguments}", channels=channels, sound_rate=rate, note=note, **changes)  # type: ignore[arg-type]


def _shifted(name: str, shift: float, *, suffix: str = "mkv") -> Recipe:
    """Sound that starts earlier or later than the picture."""
    track = Track(tuple(at for at in seconds_of_beeps(4, shift=shift) if at >= 0), end=4 + shift)
    if shift < 0:
        before, sound_before = f"-itsoffset {-shift}", ""
    else:
        before, sound_before = "", f"-itsoffset {shift}"
    return encoded(
        f"{name}.{suffix}",
        f"{X264} {AAC}",
        before=before,
        sound_before=sound_before,
        tracks=(track,),
        note=f"sound starts at {shift:+g} s",
    )


def _alone(name: str, arguments: str, *, channels: int = 2, cover: bool = False) -> Recipe:
    """Sound without a film, perhaps with a cover picture."""

    def make(kit: Kit, path: Path) -> None:
        picture: list[str | Path] = []
        if cover:
            art = path.with_name(f"cover-{path.stem}.jpg")
            kit.ffmpeg("-i", kit.film(Film(count=1)), "-frames:v", "1", art)
            picture = [
                "-i",
                art,
                "-map",
                "0:a",
                "-map",
                "1:v",
                "-c:v",
                "copy",
                "-disposition:v:0",
                "attached_pic",
            ]
        kit.ffmpeg("-i", kit.beeps(4, channels), *picture, *shlex.split(arguments), path)

    track = Track(seconds_of_beeps(4), stereo=channels == 2, mono=channels == 1, end=4, tolerance=0.07)
    expected = Expected(pictures="none", tracks=(track,))
    return Recipe(
        name,
        make,
        expected,
        "a cover picture, which is no film" if cover else "sound alone",
    )


def _several(kit: Kit, path: Path) -> None:
    kit.ffmpeg(
        *("-i", kit.film(FILM), "-i", kit.beeps(4), "-i", kit.beeps(4, 1), "-i", kit.beeps(4, 6)),
        *("-map", "0:v", "-map", "1:a", "-map", "2:a", "-map", "3:a"),
        *shlex.split(f"{to_yuv()} {X264} {AAC}"),
        *(
            "-metadata:s:a:0",
            "language=eng",
            "-metadata:s:a:1",
            "language=ger",
            "-metadata:s:a:2",
            "language=jpn",
        ),
        path,
    )


def _hole(kit: Kit, path: Path, codec: str = "pcm_s16le") -> None:
    """Sound whose packets from 1.3 to 2.6 s are missing."""
    kit.ffmpeg(
        *("-i", kit.film(FILM), "-i", kit.beeps(4), *shlex.split(f"{to_yuv()} {X264} -c:a {codec}")),
        *("-bsf:a", r"noise=drop=between(pts*tb\,1.3\,2.6):amount=0", path),
    )


def _format_change(kit: Kit, path: Path) -> None:
    """Stereo, then 5.1 in the same track, joined in MPEG-TS."""
    joined = b""
    for film, channels in ((FILM, 2), (Film(first=100), 6)):
        part = path.with_name(f"part-{channels}-{path.name}")
        start = str(10 + film.first / 25)
        kit.ffmpeg(
            *(
                "-i",
                kit.film(film),
                "-i",
                kit.beeps(4, channels),
                *shlex.split(f"{to_yuv()} {X264} -c:a ac3"),
            ),
            *("-output_ts_offset", start, "-f", "mpegts", part),
        )
        joined += part.read_bytes()
        part.unlink()
    path.write_bytes(joined)


def _with_cover(kit: Kit, path: Path) -> None:
    kit.ffmpeg(
        *(
            "-i",
            kit.source("plain.mp4"),
            "-i",
            kit.film(Film(count=1, size=(200, 200))),
            "-map",
            "1:v",
            "-map",
            "0",
        ),
        *(
            "-c",
            "copy",
            "-c:v:0",
            "mjpeg",
            "-pix_fmt:v:0",
            "yuvj420p",
            "-disposition:v:0",
            "attached_pic",
            path,
        ),
    )


TABLE = [
    _codec("mono.mp4", AAC, channels=1),
    _codec("surround_5_1.mp4", "-c:a aac -b:a 384k", channels=6),
    _codec("surround_7_1.mkv", "-c:a flac", channels=8),
    _codec("quad_4_0.mkv", "-c:a flac", channels=4),
    _codec("three_2_1.mkv", "-c:a flac", channels=3),
    _codec("aac_44100.mp4", AAC, rate=44100),
    _codec("aac_22050.mp4", AAC, rate=22050),
    _codec("pcm_8000.mov", "-c:a pcm_s16le", rate=8000),
    _codec("pcm_96000.mov", "-c:a pcm_s24le", rate=96000),
    _codec("pcm_f32.mov", "-c:a pcm_f32le"),
    _codec("mp3.mp4", "-c:a libmp3lame"),
    _codec("ac3.mkv", "-c:a ac3 -b:a 192k"),
    _codec("ac3_5_1.ts", "-c:a ac3 -b:a 384k", channels=6),
    _codec("eac3.mp4", "-c:a eac3 -b:a 192k"),
    _codec("dts.mkv", "-c:a dca -strict -2 -b:a 768k"),
    _codec("opus.mkv", "-c:a libopus", note="pre-skip"),
    _codec("opus.mp4", "-c:a libopus"),
    _codec("opus.ts", "-c:a libopus"),
    _codec("vorbis.mkv", "-c:a libvorbis"),
    _codec("flac.mp4", "-c:a flac"),
    _codec("alac.mov", "-c:a alac"),
    _codec("truehd.mkv", "-c:a truehd -strict -2"),
    _codec("wavpack.mkv", "-c:a wavpack"),
    _codec("mulaw.mov", "-c:a pcm_mulaw -ar 8000 -ac 1", channels=1),
    _codec("adpcm.mov", "-c:a adpcm_ima_qt"),
    _codec("s302m.ts", "-c:a s302m -strict -2"),
    _codec("mp2.mkv", "-c:a mp2"),
    _shifted("sound_late_0_3", 0.3),
    _shifted("sound_late_0_3", 0.3, suffix="mp4"),
    _shifted("sound_late_0_3", 0.3, suffix="ts"),
    _shifted("sound_late_3", 3),
    _shifted("sound_late_3", 3, suffix="ts"),
    _shifted("sound_early_0_3", -0.32),
    _shifted("sound_early_0_3", -0.32, suffix="mp4"),
    _shifted("sound_early_0_3", -0.32, suffix="ts"),
    _shifted("sound_early_2", -2),
    _shifted("sound_early_2", -2, suffix="mp4"),
    encoded("sound_longer.mp4", f"{X264} {AAC}", sound_seconds=7),
    encoded("sound_shorter.mp4", f"{X264} {AAC}", sound_seconds=1.5),
    encoded("no_sound.mp4", X264, sound=False),
    Recipe(
        "several_tracks.mkv",
        _several,
        expect(
            FILM,
            tracks=(
                Track(seconds_of_beeps(4), "en"),
                Track(seconds_of_beeps(4), "de", stereo=False, mono=True),
                Track(seconds_of_beeps(4), "ja", stereo=False),
            ),
        ),
        "three languages",
    ),
    Recipe(
        "several_tracks.mp4",
        _several,
        expect(
            FILM,
            tracks=(
                Track(seconds_of_beeps(4), "en"),
                Track(seconds_of_beeps(4), "de", stereo=False, mono=True),
                Track(seconds_of_beeps(4), "ja", stereo=False),
            ),
        ),
        "three languages",
    ),
    Recipe(
        "sound_hole.mkv", _hole, expect(FILM, tracks=(Track((0, 1, 3), end=4),)), "1.3 s of sound are missing"
    ),
    Recipe(
        "sound_hole.mov", _hole, expect(FILM, tracks=None), "1.3 s of sound are missing; MOV cannot say so"
    ),
    Recipe(
        "sound_hole.ts",
        lambda kit, path: _hole(kit, path, "mp2"),
        expect(FILM, tracks=(Track((0, 1, 3), end=4),)),
        "1.3 s of sound are missing",
    ),
    Recipe(
        "sound_format_change.ts",
        _format_change,
        expect(
            FILM,
            shown=tuple((n, n / FILM.rate) for n in range(200)),
            tracks=(Track(seconds_of_beeps(8), stereo=False, tolerance=0.06, end=8),),
        ),
        "stereo, then 5.1",
    ),
    _alone("alone.m4a", AAC),
    _alone("alone.mp3", "-c:a libmp3lame"),
    _alone("alone.wav", "-c:a pcm_s16le"),
    _alone("alone.flac", "-c:a flac"),
    _alone("alone.ogg", "-c:a libvorbis"),
    _alone("alone.opus", "-c:a libopus"),
    _alone("alone.mka", "-c:a ac3"),
    _alone("alone.wma", "-c:a wmav2"),
    _alone("alone.aac", AAC),
    _alone("alone_mono.m4a", AAC, channels=1),
    _alone("cover.m4a", AAC, cover=True),
    _alone("cover.mp3", "-c:a libmp3lame -id3v2_version 3", cover=True),
    _alone("cover.flac", "-c:a flac", cover=True),
    Recipe("cover_first.mp4", _with_cover, expect(FILM), "the first video track is a cover picture"),
]
