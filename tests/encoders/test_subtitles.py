"""Text tracks of real files become cues at the right times on the published timeline."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from encoders.matroska_text import settings_and_identifier
from encoders.tasks import run_task
from gopfarm.facts import SubtitleFacts
from gopfarm.plan import Plan, SubtitleTask
from gopfarm.results import TaskResult
from tests.encoders.clips import ffmpeg, look, plan_of, run
from tests.encoders.vtt import Parsed, Shown, parse

PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=8")
ENCODED = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-bf", "2", "-pix_fmt", "yuv420p")

SRT = """1
00:00:00,500 --> 00:00:02,500
Fish & <i>chips</i>, 1 < 2

2
00:00:02,000 --> 00:00:06,500
{\\an8}Two lines:
Äpfel, 日本語 🎬

3
00:00:07,000 --> 00:00:07,500
last
"""
CUES = [
    Shown(500, 2500, "Fish &amp; <i>chips</i>, 1 &lt; 2", "", ""),
    Shown(2000, 6500, "Two lines:\nÄpfel, 日本語 🎬", "line:0", ""),
    Shown(7000, 7500, "last", "", ""),
]

ASS = """[Script Info]
ScriptType: v4.00+
PlayResX: 384
PlayResY: 288

[V4+ Styles]
Format: Name, Fontname, Fontsize, Bold, Italic, Underline, Alignment
Style: Default,Arial,16,0,0,0,2
Style: Thought,Arial,16,0,-1,0,8

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:03.00,0:00:04.00,Thought,,0,0,0,,später, gedacht
Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,früher
Dialogue: 0,0:00:05.00,0:00:06.00,Default,,0,0,0,,{\\p1}m 0 0 l 9 9{\\p0}
"""

VTT = """WEBVTT

one
00:01.000 --> 00:02.000 line:0 align:start
<v Bob>Hi <c.loud>there</c> &amp; <i>you</i>

00:03.000 --> 00:04.000
two &lt;tags&gt;
"""

#: Scenarist's form of closed captions: "Hello!" from 1 s to 3 s, and "Top" from 4 s on, never taken away.
SCC = """Scenarist_SCC V1.0

00:00:01:00	9420 9420 94ae 94ae 9470 9470 c8e5 ecec efa1 942f 942f

00:00:03:00	942c 942c

00:00:04:00	9420 9420 94ae 94ae 91d0 91d0 54ef 7080 942f 942f

"""

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Mux subtitles (by file name) with a picture: ``make("film.mkv", {"a.srt": SRT}, "-c:s", "copy")``."""

    def made(
        name: str, texts: dict[str, str | bytes], *arguments: str, source: Sequence[str] = ENCODED
    ) -> Path:
        inputs, maps = [*PICTURE], ["-map", "0:v"]
        for number, (file, text) in enumerate(texts.items(), 1):
            (tmp_path / file).write_bytes(text if isinstance(text, bytes) else text.encode())
            inputs += ["-i", str(tmp_path / file)]
            maps += ["-map", f"{number}:s"]
        path = tmp_path / name
        ffmpeg(*inputs, *maps, *source, *arguments, "-fflags", "+bitexact", str(path))
        return path

    return made


def text_task(plan: Plan) -> SubtitleTask:
    (task,) = [task for task in plan.tasks if isinstance(task, SubtitleTask)]
    return task


def publish(path: Path, **how: Any) -> tuple[SubtitleTask, TaskResult, list[list[Parsed]], list[Parsed]]:
    """Run the subtitle task of a file: (task, result, parsed segments by rendition, whole files)."""
    task = text_task(plan_of(path, segment_seconds=2, **how))
    scratch = path.parent / "scratch"
    result = run(task, path, scratch)

    def read(rendition: str, file: str) -> Parsed:
        return parse((scratch / rendition / file).read_text(encoding="utf-8"))

    assert [made.rendition for made in result.renditions] == [one.name for one in task.renditions]
    segments = [
        [read(made.rendition, segment.file) for segment in made.segments] for made in result.renditions
    ]
    wholes = [read(made.rendition, made.whole.file) for made in result.renditions if made.whole is not None]
    return task, result, segments, wholes


def cues_of(path: Path) -> list[Shown]:
    """The cues of a file with one track."""
    (whole,) = publish(path)[3]
    return whole.cues


def times(cues: Sequence[Shown]) -> list[tuple[int, int]]:
    return [(cue.start, cue.end) for cue in cues]


def test_srt_and_ass_of_two_languages_in_matroska(make: Make) -> None:
    path = make(
        "film.mkv",
        {"en.srt": SRT, "de.ass": ASS},
        *("-c:s:0", "srt", "-c:s:1", "copy", "-metadata:s:s:0", "language=eng"),
        *("-metadata:s:s:1", "language=ger", "-metadata:s:s:1", "title=Für Kinder"),
        *("-disposition:s:0", "default", "-disposition:s:1", "forced+hearing_impaired"),
    )
    assert look(path).subtitles == (
        SubtitleFacts(1, "subrip", "eng", "", True, False, False, True),
        SubtitleFacts(2, "ass", "ger", "Für Kinder", False, True, True, True),
    )
    task, result, segments, wholes = publish(path)
    assert [one.name for one in task.renditions] == ["subtitles-eng-0", "subtitles-ger-1"]
    assert wholes[0].cues == CUES
    assert wholes[1].cues == [
        Shown(1000, 2000, "früher", "", ""),
        Shown(3000, 4000, "<i>später, gedacht</i>", "line:0", ""),
    ]
    assert (result.frames_decoded, result.frames_damaged) == (5, 0)
    assert {made.codec for made in result.renditions} == {"wvtt"}
    assert [len(one) for one in segments] == [4, 4]


def test_a_cue_is_in_every_segment_that_it_overlaps(make: Make) -> None:
    _, result, (segments,), _ = publish(make("film.mkv", {"en.srt": SRT}, "-c:s", "srt"))
    assert [segment.cues for segment in segments] == [CUES[:1], CUES[:2], CUES[1:2], CUES[1:]]
    assert {tuple(segment.header) for segment in segments} == {
        ("X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0",)
    }
    assert [segment.length for segment in result.renditions[0].segments] == [50] * 4


def test_mpeg_ts_segments_map_to_its_clock(make: Make) -> None:
    path = make("film.mkv", {"en.srt": SRT}, "-c:s", "srt")
    _, _, (segments,), (whole,) = publish(path, segment_format="ts")
    assert segments[0].header == ["X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000"]
    assert whole.header == []


def test_mov_text_in_mp4(make: Make) -> None:
    """Its samples say when there is no text, and cannot overlap: ffmpeg ends the first cue early."""
    path = make("film.mp4", {"en.srt": SRT}, "-c:s", "mov_text")
    cues = cues_of(path)
    assert times(cues) == [(500, 2000), (2000, 6500), (7000, 7500)]
    assert [cue.payload for cue in cues] == [cue.payload for cue in CUES]


def test_webvtt_in_webm_keeps_markup_settings_and_names(make: Make) -> None:
    vp9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8")
    path = make("film.webm", {"en.vtt": VTT}, "-c:s", "copy", source=vp9)
    assert cues_of(path) == [
        Shown(1000, 2000, "<v Bob>Hi <c.loud>there</c> &amp; <i>you</i>", "line:0 align:start", "one"),
        Shown(3000, 4000, "two &lt;tags&gt;", "", ""),
    ]


def test_webvtt_in_matroska_as_mkvmerge_names_it(make: Make) -> None:
    """libavformat does not know that name; the names of WebM's kind stand in for it here."""
    path = make(
        "film.mkv", {"en.vtt": VTT.replace("one\n", "").replace(" line:0 align:start", "")}, "-c:s", "copy"
    )
    data = path.read_bytes()
    assert data.count(b"D_WEBVTT/SUBTITLES") == 1
    path.write_bytes(data.replace(b"D_WEBVTT/SUBTITLES", b"S_TEXT/WEBVTT".ljust(18, b"\0")))
    assert look(path).subtitles[0].codec == "webvtt"
    assert [cue.text for cue in cues_of(path)] == ["Hi there & you", "two <tags>"]


def test_what_mkvmerge_puts_beside_a_cue() -> None:
    assert settings_and_identifier(bytes(8) + b"line:0\nname\nNOTE x") == ("line:0", "name")
    assert settings_and_identifier(bytes(8)) == ("", "")


def test_webvtt_in_mp4(make: Make) -> None:
    """ffmpeg cannot write it, so other samples are overwritten; one cue is cut where others start."""

    def box(kind: bytes, payload: bytes) -> bytes:
        return struct.pack(">I4s", 8 + len(payload), kind) + payload

    long, short = (box(b"vttc", box(b"payl", text)) for text in (b"<i>long</i>", b"short"))
    samples = [box(b"vttc", box(b"sttg", b"line:0") + box(b"payl", b"first")), long, long + short, long]
    srt = ""
    for second, sample in enumerate(samples):
        filler = f"{second}" * (len(sample) - 2)
        srt += f"{second + 1}\n00:00:0{second},000 --> 00:00:0{second + 1},000\n{filler}\n\n"
    path = make("film.mp4", {"en.srt": srt}, "-c:s", "mov_text")
    data = path.read_bytes()
    for second, sample in enumerate(samples):
        written = struct.pack(">H", len(sample) - 2) + f"{second}".encode() * (len(sample) - 2)
        assert data.count(written) == 1
        data = data.replace(written, sample)
    assert data.count(b"tx3g") == 1
    path.write_bytes(data.replace(b"tx3g", b"wvtt"))
    assert look(path).subtitles[0].codec == "webvtt"
    assert cues_of(path) == [
        Shown(0, 1000, "first", "line:0", ""),
        Shown(1000, 4000, "<i>long</i>", "", ""),
        Shown(2000, 3000, "short", "", ""),
    ]


def test_closed_captions_in_a_track_of_their_own(make: Make) -> None:
    path = make("film.mov", {"en.scc": SCC}, "-c:s", "copy")
    (facts,) = look(path).subtitles
    assert (facts.codec, facts.hearing_impaired) == ("eia_608", True)
    first, second = cues_of(path)
    assert (first.start, first.end, first.text) == (1000, 3000, "Hello!")
    assert second.start == 4000
    assert "line:0" in second.settings


def test_pictures_of_text_are_listed_and_left_out(make: Make) -> None:
    path = make("film.mkv", {"en.srt": SRT}, "-c:s", "srt")
    data = path.read_bytes()
    path.write_bytes(data.replace(b"S_TEXT/UTF8", b"S_HDMV/PGS\0"))
    (facts,) = look(path).subtitles
    assert (facts.codec, facts.text) == ("hdmv_pgs_subtitle", False)
    assert not plan_of(path).subtitles


def test_times_count_from_the_first_picture_on_any_clock(make: Make) -> None:
    path = make("film.mkv", {"en.srt": SRT}, "-c:s", "srt", "-output_ts_offset", "7.5")
    facts = look(path)
    assert facts.video is not None
    assert facts.video.origin > 7
    assert times(cues_of(path)) == times(CUES)


def test_times_count_from_sound_that_starts_earlier(make: Make, tmp_path: Path) -> None:
    film = make("film.mkv", {"en.srt": SRT}, "-c:s", "srt")
    path = tmp_path / "early.mkv"
    ffmpeg(
        *("-f", "lavfi", "-i", "sine=duration=8", "-itsoffset", "0.4", "-i", str(film)),
        *("-map", "0", "-map", "1", "-c", "copy", "-c:a", "aac", "-fflags", "+bitexact", str(path)),
    )
    plan = plan_of(path, segment_seconds=2)
    assert plan.video_start == Fraction(2, 5)
    assert times(cues_of(path)) == [(start + 400, end + 400) for start, end in times(CUES)]


def test_an_edit_list_cuts_cues_that_it_hides(make: Make) -> None:
    """The picture starts where its edit list says; text that began before is shown from 0 on."""
    path = make("film.mp4", {"en.srt": SRT}, "-c:s", "mov_text")
    data = bytearray(path.read_bytes())
    edits = [at for at in range(len(data)) if data[at : at + 4] == b"elst"]
    assert len(edits) == 2
    struct.pack_into(">i", data, edits[1] + 16, 1_000_000)  # media time of the text's only edit
    path.write_bytes(data)
    assert times(cues_of(path)) == [(0, 1000), (1000, 5500), (6000, 6500)]


def test_cues_beyond_the_end_are_cut(make: Make) -> None:
    srt = "1\n00:00:07,000 --> 00:01:00,000\nlong\n\n2\n00:00:09,000 --> 00:00:10,000\nnever shown\n"
    path = make("film.mkv", {"en.srt": srt}, "-c:s", "srt")
    assert times(cues_of(path)) == [(7000, 8000)]


def test_a_cue_without_an_end_lasts_until_the_next(make: Make) -> None:
    srt = "".join(f"{n}\n00:00:0{n},000 --> 00:00:0{n},000\ncue {n}\n\n" for n in (1, 4))
    cues = cues_of(make("film.mkv", {"en.srt": srt}, "-c:s", "srt"))
    assert times(cues) == [(1000, 4000), (4000, 8000)]


def test_text_that_is_not_utf8_keeps_what_can_be_read(make: Make) -> None:
    path = make("film.mkv", {"en.srt": SRT.replace("Fish", "caf#")}, "-c:s", "srt")
    path.write_bytes(path.read_bytes().replace(b"caf#", b"caf\xe9"))
    _, result, _, (whole,) = publish(path)
    assert whole.cues[0].text == "caf\ufffd & chips, 1 < 2"
    assert result.frames_damaged == 0


def test_mov_text_that_is_not_utf8_keeps_what_can_be_read(make: Make) -> None:
    path = make("film.mp4", {"en.srt": SRT.replace("last", "caf#")}, "-c:s", "mov_text")
    path.write_bytes(path.read_bytes().replace(b"caf#", b"caf\xe9"))
    assert cues_of(path)[-1].text == "caf\ufffd"


def test_damaged_packets_cost_their_cue_alone(make: Make) -> None:
    path = make("film.mp4", {"en.srt": SRT}, "-c:s", "mov_text")
    data = path.read_bytes()
    last = data.index(b"\x00\x04last")
    path.write_bytes(data[:last] + b"\xff\xff" + data[last + 2 :])  # a text longer than its sample
    _, result, _, (whole,) = publish(path)
    assert times(whole.cues)[:2] == [(500, 2000), (2000, 6500)]
    assert result.frames_damaged <= 1


@pytest.mark.parametrize(("name", "codec"), [("film.mkv", "srt"), ("film.mp4", "mov_text")])
def test_other_words_are_another_source(make: Make, name: str, codec: str) -> None:
    path = make(name, {"en.srt": SRT}, "-c:s", codec)
    before = look(path)
    path.write_bytes(path.read_bytes().replace(b"chips", b"peas!"))
    assert look(path).digest != before.digest


def test_the_same_task_writes_the_same_bytes(make: Make, tmp_path: Path) -> None:
    path = make("film.mkv", {"en.srt": SRT}, "-c:s", "srt")
    task = text_task(plan_of(path))
    one, two = (run(task, path, tmp_path / name) for name in ("one", "two"))
    assert one.renditions == two.renditions


def test_progress_is_told_while_the_source_is_read(make: Make, tmp_path: Path) -> None:
    path = make("film.mkv", {"en.srt": SRT}, "-c:s", "srt")
    task = text_task(plan_of(path))
    told: list[int] = []
    with path.open("rb") as source:
        run_task(task, source, tmp_path / "scratch", lambda rendition, file: None, told.append)
    assert told == sorted(told)
    assert told[-1] == sum(segment.length for segment in task.segments)
