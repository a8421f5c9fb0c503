"""Subtitles."""

from __future__ import annotations

import shlex
from fractions import Fraction
from pathlib import Path

from tests.hostile.captions import pairs_of, with_captions
from tests.hostile.expected import Cue, Film, expect
from tests.hostile.sources import AAC, X264, Kit, Recipe, to_yuv

FILM = Film()

CUES = (Cue(0.5, 1.25, "Good evening."), Cue(1.5, 2.5, "Ça va, Zoë?"), Cue(3.0, 3.8, "Two\nlines"))

ASS_HEAD = """[Script Info]
ScriptType: v4.00+
[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, Alignment
Style: Default,Arial,20,&H00FFFFFF,2
[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def _clock(seconds: float, point: str = ",", digits: int = 3) -> str:
    whole = int(seconds)
    part = round((seconds - whole) * 10**digits)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{point}{part:0{digits}}"


def srt(cues: tuple[Cue, ...]) -> str:
    """Write cues as SubRip."""
    return "".join(
        f"{at}\n{_clock(cue.start)} --> {_clock(cue.end)}\n{cue.text}\n\n" for at, cue in enumerate(cues, 1)
    )


def ass(cues: tuple[Cue, ...]) -> str:
    """Write cues as Advanced SubStation, with an override that is not to be seen."""
    rows = []
    for cue in cues:
        text = cue.text.replace("\n", r"\N")
        start, end = _clock(cue.start, ".", 2)[1:], _clock(cue.end, ".", 2)[1:]
        rows.append(f"Dialogue: 0,{start},{end},Default,,0,0,0,,{{\\i1}}{text}\n")
    return ASS_HEAD + "".join(rows)


def _subtitled(
    name: str,
    codec: str,
    *,
    written: str = "srt",
    languages: tuple[str, ...] = ("eng",),
    before: str = "",
) -> Recipe:
    def make(kit: Kit, path: Path) -> None:
        text = kit.text(f"cues.{written}", srt(CUES) if written == "srt" else ass(CUES))
        inputs: list[str | Path] = ["-i", kit.film(FILM), "-i", kit.beeps(4)]
        maps, tags = ["-map", "0:v", "-map", "1:a"], []
        for at, language in enumerate(languages):
            inputs += [*shlex.split(before), "-i", text]
            maps += ["-map", f"{at + 2}:s"]
            tags += [f"-metadata:s:s:{at}", f"language={language}"]
        kit.ffmpeg(*inputs, *maps, *shlex.split(f"{to_yuv()} {X264} {AAC} -c:s {codec}"), *tags, path)

    short = {"eng": "en", "ger": "de", "jpn": "ja"}
    cues = {short[language]: CUES for language in languages}
    return Recipe(name, make, expect(FILM, cues=cues), "subtitles")


FILM_30 = Film(rate=Fraction(30), count=120)
CAPTIONS = (Cue(1.0, 2.0, "HELLO THERE"), Cue(2.5, 3.5, "SECOND CAPTION"))


def _captioned(kit: Kit, path: Path) -> None:
    stream = path.with_name(f"captions-{path.stem}.h264")
    kit.ffmpeg("-i", kit.film(FILM_30), *shlex.split(f"{to_yuv()} {X264} -bf 0"), stream)
    pairs = pairs_of(CAPTIONS, 30, FILM_30.count)
    stream.write_bytes(with_captions(stream.read_bytes(), pairs))
    kit.ffmpeg("-r", "30", "-i", stream, "-i", kit.beeps(4), "-c:v", "copy", *shlex.split(AAC), path)
    stream.unlink()


TABLE = [
    Recipe("captions.mp4", _captioned, expect(FILM_30, captions=CAPTIONS), "CEA-608 in the pictures"),
    Recipe("captions.mkv", _captioned, expect(FILM_30, captions=CAPTIONS), "CEA-608 in the pictures"),
    _subtitled("text_srt.mkv", "srt"),
    _subtitled("text_ass.mkv", "ass", written="ass"),
    _subtitled("text_mov.mp4", "mov_text"),
    _subtitled("text_webvtt.mkv", "webvtt"),
    _subtitled("text_three.mkv", "srt", languages=("eng", "ger", "jpn")),
    _subtitled("text_three.mp4", "mov_text", languages=("eng", "ger", "jpn")),
]
