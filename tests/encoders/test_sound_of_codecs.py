"""Whatever codec and container sound comes in, it is heard when and as loud as ffmpeg plays it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.encoders.bursts import BURSTS, Recipe, compare, make

#: Seconds: a sample at 48 kHz is 0.02 ms; TS clocks and 44.1 kHz round to less than that.
EXACT = 0.000_05

AAC = ("-c:a", "aac", "-b:a", "128k")
MP3 = ("-c:a", "libmp3lame")
OPUS = ("-c:a", "libopus")
DTS = ("-c:a", "dca", "-strict", "-2")

#: Those of every test run: each a kind of timing (edit lists, delays, coarse clocks, blocks without a time).
COMMON = {
    "aac.mp4": Recipe(AAC, rate=44_100),
    "aac.ts": Recipe(AAC),
    "aac.mkv": Recipe(AAC, rate=44_100),
    "mp3.mp3": Recipe(MP3, rate=44_100, picture=False),
    "mp3.avi": Recipe(MP3, rate=44_100),
    "ac3_51.mkv": Recipe(("-c:a", "ac3"), channels=6),
    "ac3.mpg": Recipe(("-c:a", "ac3")),
    "opus.webm": Recipe(OPUS),
    "opus.ogg": Recipe(OPUS, picture=False),
    "vorbis.mkv": Recipe(("-c:a", "libvorbis"), rate=44_100),
    "pcm_71.mov": Recipe(("-c:a", "pcm_s24le"), channels=8),
    "ima.wav": Recipe(("-c:a", "adpcm_ima_wav"), picture=False),
    "wma.wmv": Recipe(("-c:a", "wmav2")),
    "mono_11025.wav": Recipe(("-c:a", "pcm_u8"), rate=11_025, channels=1, picture=False),
}

MORE = {
    "aac.mov": Recipe(AAC),
    "aac.flv": Recipe(AAC, rate=44_100),
    "aac.3gp": Recipe(AAC, rate=32_000),
    "aac.avi": Recipe(AAC),
    "aac.aac": Recipe(AAC, picture=False),
    "aac_fragmented.mp4": Recipe((*AAC, "-movflags", "cmaf+frag_keyframe")),
    "aac_without_edit_list.mp4": Recipe((*AAC, "-use_editlist", "0")),
    "mp3.mkv": Recipe(MP3),
    "mp3.mp4": Recipe(MP3),
    "mp3.flv": Recipe(MP3, rate=44_100),
    "mp3.ts": Recipe(MP3),
    "mp3_24000.mp3": Recipe(MP3, rate=24_000, channels=1, picture=False),
    "mp3_vbr.avi": Recipe((*MP3, "-q:a", "4")),
    "mp2.mpg": Recipe(("-c:a", "mp2")),
    "mp2.ts": Recipe(("-c:a", "mp2")),
    "ac3.ts": Recipe(("-c:a", "ac3")),
    "ac3.mp4": Recipe(("-c:a", "ac3")),
    "ac3.avi": Recipe(("-c:a", "ac3")),
    "ac3.ac3": Recipe(("-c:a", "ac3"), picture=False),
    "eac3_51.ts": Recipe(("-c:a", "eac3"), channels=6),
    "eac3.mp4": Recipe(("-c:a", "eac3")),
    "dts_51.mkv": Recipe(DTS, channels=6),
    "dts.ts": Recipe(DTS, channels=6),
    "truehd.mkv": Recipe(("-c:a", "truehd", "-strict", "-2")),
    "truehd.ts": Recipe(("-c:a", "truehd", "-strict", "-2")),
    "opus.mp4": Recipe(OPUS),
    "opus_60ms.mkv": Recipe((*OPUS, "-frame_duration", "60")),
    "opus.ts": Recipe(OPUS),
    "vorbis.ogg": Recipe(("-c:a", "libvorbis"), rate=44_100, picture=False),
    "vorbis.webm": Recipe(("-c:a", "libvorbis")),
    "flac.flac": Recipe(("-c:a", "flac"), rate=44_100, picture=False),
    "flac_96000.mkv": Recipe(("-c:a", "flac"), rate=96_000),
    "flac.ogg": Recipe(("-c:a", "flac"), picture=False),
    "flac.mp4": Recipe(("-c:a", "flac")),
    "alac.m4a": Recipe(("-c:a", "alac"), rate=44_100, picture=False),
    "alac.mov": Recipe(("-c:a", "alac")),
    "wavpack.mkv": Recipe(("-c:a", "wavpack")),
    "wavpack.wv": Recipe(("-c:a", "wavpack"), picture=False),
    "s16be.mov": Recipe(("-c:a", "pcm_s16be")),
    "s16le.mkv": Recipe(("-c:a", "pcm_s16le"), rate=44_100),
    "s16le.avi": Recipe(("-c:a", "pcm_s16le")),
    "s24le.mxf": Recipe(("-c:a", "pcm_s24le")),
    "s16be.aiff": Recipe(("-c:a", "pcm_s16be"), picture=False),
    "s16be_192000.caf": Recipe(("-c:a", "pcm_s16be"), rate=192_000, picture=False),
    "f32le.wav": Recipe(("-c:a", "pcm_f32le"), picture=False),
    "f64le_37800.wav": Recipe(("-c:a", "pcm_f64le"), rate=37_800, picture=False),
    "dvd.mpg": Recipe(("-c:a", "pcm_dvd")),
    "s302m.ts": Recipe(("-c:a", "s302m", "-strict", "-2")),
    "amr.3gp": Recipe(("-c:a", "libopencore_amrnb", "-b:a", "12.2k"), rate=8_000, channels=1),
    "amr.amr": Recipe(("-c:a", "libopencore_amrnb", "-b:a", "12.2k"), rate=8_000, channels=1, picture=False),
    "wma1.asf": Recipe(("-c:a", "wmav1"), rate=44_100),
    "wma.mkv": Recipe(("-c:a", "wmav2")),
    "ms.avi": Recipe(("-c:a", "adpcm_ms"), rate=22_050),
    "ms.wav": Recipe(("-c:a", "adpcm_ms"), picture=False),
    "ima.mov": Recipe(("-c:a", "adpcm_ima_qt"), rate=44_100),
    "swf.flv": Recipe(("-c:a", "adpcm_swf"), rate=22_050),
    "nellymoser.flv": Recipe(("-c:a", "nellymoser"), rate=22_050, channels=1),
    "alaw.mov": Recipe(("-c:a", "pcm_alaw"), rate=8_000, channels=1),
    "mulaw.avi": Recipe(("-c:a", "pcm_mulaw"), rate=8_000, channels=1),
    "g722.wav": Recipe(("-c:a", "g722"), rate=16_000, channels=1, picture=False),
    "g726.wav": Recipe(("-c:a", "g726"), rate=8_000, channels=1, picture=False),
}

#: Coarse clocks that run apart from the samples: what is followed is the samples.
LOOSE = {"wma.wmv": 0.001, "wma1.asf": 0.001, "nellymoser.flv": 0.004}


def check(name: str, recipe: Recipe, folder: Path) -> None:
    path = folder / name
    make(path, recipe)
    bursts = compare(path, folder / "out", recipe.channels)
    assert len(bursts) == len(BURSTS)
    within = LOOSE.get(name, EXACT)
    assert max(abs(burst.late) for burst in bursts) < within, bursts
    assert max(abs(burst.gain - 1) for burst in bursts) < 0.08, bursts


@pytest.mark.parametrize("name", COMMON)
def test_sound_is_heard_when_and_as_loud_as_in_the_source(name: str, tmp_path: Path) -> None:
    check(name, COMMON[name], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", MORE)
def test_sound_of_more_formats_is_heard_when_and_as_loud_as_in_the_source(name: str, tmp_path: Path) -> None:
    check(name, MORE[name], tmp_path)
