"""Unharmed files of many containers and codecs, of about a second, from which mutated ones are made."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.encoders.clips import FFMPEG

#: Real files that are used too where they are at hand: not larger than this many bytes.
_REAL = Path(__file__).parents[3] / "shared" / "media"
_LARGEST_REAL = 400_000

_PICTURE = "testsrc2=size=96x64:rate=12:duration=1"
_SOUND = "sine=frequency=440:sample_rate=44100:duration=1"
_WORDS = "1\n00:00:00,100 --> 00:00:00,500\nHello <i>there</i>\n\n2\n00:00:00,600 --> 00:00:00,900\nBye\n"

_PICTURE_ONLY = ["-f", "lavfi", "-i", _PICTURE]
_SOUND_ONLY = ["-f", "lavfi", "-i", _SOUND]
_BOTH = [*_PICTURE_ONLY, *_SOUND_ONLY]
_H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "6", "-bf", "2"]
_CAPTIONED = [*_BOTH, "-i", "{words}"]


def _codecs(video: str, sound: str, *extra: str) -> list[str]:
    return [*_BOTH, "-c:v", video, "-c:a", sound, *extra]


#: File name: what ffmpeg is told.
RECIPES: dict[str, list[str]] = {
    "h264.mp4": [*_BOTH, *_H264, "-c:a", "aac"],
    "words.mp4": [*_CAPTIONED, *_H264, "-c:a", "aac", "-c:s", "mov_text", "-movflags", "+faststart"],
    "fragments.mp4": [*_BOTH, *_H264, "-c:a", "aac", "-movflags", "cmaf+frag_keyframe"],
    "edited.mp4": [*_BOTH, *_H264, "-c:a", "aac", "-ss", "0.3", "-movflags", "+faststart"],
    "hevc.mp4": [
        *(*_PICTURE_ONLY, "-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1"),
        *("-x265-params", "log-level=error:pools=1:keyint=6"),
    ],
    "av1.mp4": [*_PICTURE_ONLY, "-c:v", "libsvtav1", "-preset", "12", "-g", "6"],
    "prores.mov": _codecs("prores_ks", "pcm_s16be"),
    "qtrle.mov": _codecs("qtrle", "alac"),
    "alac.m4a": [*_SOUND_ONLY, "-c:a", "alac"],
    "h263.3gp": [*_PICTURE_ONLY, "-c:v", "h263", "-s", "128x96"],
    "h264.mkv": [*_CAPTIONED, *_H264, "-c:a", "flac", "-c:s", "srt"],
    "ass.mkv": [*_CAPTIONED, *_H264, "-c:a", "ac3", "-c:s", "ass"],
    "ffv1.mkv": _codecs("ffv1", "pcm_s16le"),
    "huffyuv.mkv": _codecs("huffyuv", "tta"),
    "vp8.webm": _codecs("libvpx", "libvorbis", "-deadline", "realtime"),
    "vp9.webm": _codecs("libvpx-vp9", "libopus", "-deadline", "realtime", "-cpu-used", "8"),
    "h264.ts": [*_BOTH, *_H264, "-c:a", "aac"],
    "mpeg2.ts": _codecs("mpeg2video", "mp2", "-g", "6", "-bf", "2"),
    "eac3.ts": _codecs("mpeg2video", "eac3"),
    "mpeg2.mpg": _codecs("mpeg2video", "mp2", "-g", "6", "-bf", "2"),
    "mpeg4.avi": _codecs("mpeg4", "libmp3lame", "-bf", "2"),
    "mjpeg.avi": _codecs("mjpeg", "adpcm_ima_wav"),
    "utvideo.avi": _codecs("utvideo", "pcm_s16le"),
    "h264.flv": [*_BOTH, *_H264, "-c:a", "aac"],
    "sorenson.flv": _codecs("flv", "libmp3lame", "-ar", "44100"),
    "theora.ogv": [*_BOTH, "-c:v", "libtheora", "-c:a", "libvorbis"],
    "opus.ogg": [*_SOUND_ONLY, "-c:a", "libopus"],
    "vorbis.ogg": [*_SOUND_ONLY, "-c:a", "libvorbis"],
    "mpeg2.mxf": _codecs("mpeg2video", "pcm_s16le", "-ar", "48000", "-r", "25"),
    "wmv2.asf": _codecs("wmv2", "wmav2"),
    "mpeg4.nut": _codecs("mpeg4", "mp2"),
    "pictures.gif": [*_PICTURE_ONLY],
    "pictures.apng": [*_PICTURE_ONLY, "-plays", "0"],
    "raw.y4m": [*_PICTURE_ONLY, "-pix_fmt", "yuv420p", "-t", "0.3"],
    "vp8.ivf": [*_PICTURE_ONLY, "-c:v", "libvpx", "-deadline", "realtime"],
    "raw.h264": [*_PICTURE_ONLY, *_H264],
    "raw.hevc": [
        *_PICTURE_ONLY,
        "-c:v",
        "libx265",
        "-preset",
        "ultrafast",
        "-x265-params",
        "log-level=error",
    ],
    "raw.m4v": [*_PICTURE_ONLY, "-c:v", "mpeg4"],
    "sound.wav": [*_SOUND_ONLY, "-c:a", "pcm_s16le"],
    "sound.aiff": [*_SOUND_ONLY],
    "sound.flac": [*_SOUND_ONLY],
    "sound.mp3": [*_SOUND_ONLY, "-c:a", "libmp3lame"],
    "sound.aac": [*_SOUND_ONLY, "-c:a", "aac"],
    "sound.ac3": [*_SOUND_ONLY, "-c:a", "ac3"],
    "sound.dts": [*_SOUND_ONLY, "-c:a", "dca", "-strict", "-2"],
    "sound.wv": [*_SOUND_ONLY, "-c:a", "wavpack"],
    "sound.tta": [*_SOUND_ONLY, "-c:a", "tta"],
    "sound.caf": [*_SOUND_ONLY, "-c:a", "pcm_s16be"],
    "sound.au": [*_SOUND_ONLY, "-c:a", "pcm_s16be"],
}


def make_seeds(folder: Path) -> list[Path]:
    """Make the files that this ffmpeg can make, add the real ones; return all in a fixed order."""
    words = folder / "words.srt"
    words.write_text(_WORDS)
    made = []
    for name, arguments in RECIPES.items():
        path = folder / name
        told = [argument.replace("{words}", str(words)) for argument in arguments]
        done = subprocess.run(
            [FFMPEG, "-v", "error", "-nostdin", "-y", "-bitexact", *told, "-threads", "1", str(path)],
            capture_output=True,
            check=False,
        )
        if done.returncode == 0 and path.stat().st_size:
            made.append(path)
    real = sorted(_REAL.glob("*")) if _REAL.is_dir() else []
    return [*made, *(path for path in real if path.suffix != ".md" and path.stat().st_size <= _LARGEST_REAL)]
