"""Renditions of subtitles: a good one is found good, each fault in one is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.verifier.streams import Published, found, has
from verifier import rulebook
from verifier.findings import Rule

FOLDER = "subtitles-en-0"

#: Time of the first picture in 90,000ths of a second: where MPEG-TS clocks of the farm start.
START = {"cmaf": 0, "ts": 900_000}

CUES = {
    0: "00:00:00.500 --> 00:00:01.500\nfirst\n\n00:00:01.800 --> 00:00:02.600\nacross the edge\n",
    1: "00:00:01.800 --> 00:00:02.600\nacross the edge\n",
    2: "00:00:04.500 --> 00:00:05.500\nlast\n",
}


def add_subtitles(published: Published) -> None:
    folder = published.root / FOLDER
    folder.mkdir()
    mapping = f"X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:{START[published.format]}"
    for number, cues in CUES.items():
        (folder / f"{number:05d}.vtt").write_text(f"WEBVTT\n{mapping}\n\n{cues}")
    segments = "".join(f"#EXTINF:2.000000,\n{number:05d}.vtt\n" for number in CUES)
    (folder / "index.m3u8").write_text(
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-PLAYLIST-TYPE:VOD\n"
        f"{segments}#EXT-X-ENDLIST\n"
    )
    tag = (
        '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subs",NAME="English",LANGUAGE="en",DEFAULT=NO,AUTOSELECT=YES,'
        f'FORCED=NO,URI="{FOLDER}/index.m3u8"'
    )
    published.edit_master(r"^#EXT-X-STREAM-INF", f"{tag}\n#EXT-X-STREAM-INF")
    published.edit_master(",CLOSED-CAPTIONS=NONE", ',SUBTITLES="subs",CLOSED-CAPTIONS=NONE', 9)


def edit(file: str, pattern: str, new: str) -> Callable[[Published], None]:
    return lambda published: published.edit(published.root / FOLDER / file, pattern, new)


FAULTS: dict[str, tuple[Callable[[Published], object], Rule, str]] = {
    "no header": (edit("00001.vtt", "WEBVTT", "VTT"), rulebook.READABLE, "format"),
    "header with something behind it": (edit("00001.vtt", "WEBVTT", "WEBVTTx"), rulebook.WEBVTT, "WEBVTT"),
    "no map": (edit("00001.vtt", "X-TIMESTAMP-MAP.*\n", ""), rulebook.TIMESTAMP_MAP, "1 of 3"),
    "malformed map": (edit("00001.vtt", "LOCAL", "LOKAL"), rulebook.TIMESTAMP_MAP, "malformed"),
    "another clock": (edit("00002.vtt", "MPEGTS:", "MPEGTS:9"), rulebook.CUES_INSIDE, "outside"),
    "cue elsewhere": (edit("00002.vtt", r"00:04.500", "00:01.000"), rulebook.CUES_REPEATED, "missing"),
    "cue outside": (
        edit("00002.vtt", r"00:04.500 --> 00:00:05.500", "00:07.500 --> 00:00:08.500"),
        rulebook.CUES_INSIDE,
        "outside",
    ),
    "cue that is not repeated": (
        edit("00001.vtt", r"00:00:01.800 --> .*\nacross the edge\n", ""),
        rulebook.CUES_REPEATED,
        "1.800 s to 2.600 s",
    ),
    "malformed timing": (edit("00000.vtt", "00:01.500", "00:01,500"), rulebook.WEBVTT, "timing"),
    "backwards": (
        edit("00000.vtt", "00:00.500 --> 00:00:01.500", "00:01.500 --> 00:00:00.500"),
        rulebook.WEBVTT,
        "",
    ),
    "too short": (edit("index.m3u8", r"#EXTINF[^\n]*\n00002.vtt\n", ""), rulebook.SUBTITLES_WHOLE, "4.000"),
    "no URI": (lambda p: p.edit_master(f',URI="{FOLDER}/index.m3u8"', ""), rulebook.MEDIA_TAG, "URI"),
    "forced, not selected": (
        lambda p: p.edit_master("AUTOSELECT=YES,FORCED=NO", "AUTOSELECT=NO,FORCED=YES"),
        rulebook.FORCED_SELECTED,
        "",
    ),
    "segment gone": (lambda p: (p.root / FOLDER / "00001.vtt").unlink(), rulebook.AVAILABLE, "not exist"),
}


def test_good_subtitles_are_good(published: Published) -> None:
    add_subtitles(published)
    findings = found(published)
    assert not [finding for finding in findings if finding.level == "error"]
    assert not [finding for finding in findings if FOLDER in finding.where]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_subtitles_is_found(fault: str, good: Callable[[str], Published], tmp_path: Path) -> None:
    spoilt = good("ts").copy(tmp_path / "spoilt")
    add_subtitles(spoilt)
    plant, rule, words = FAULTS[fault]
    plant(spoilt)
    findings = found(spoilt)
    assert has(findings, rule, words), findings
