"""Are the words right? Subtitles of a published stream, and closed captions in its pictures."""

from __future__ import annotations

import re
from pathlib import Path

import m3u8

from tests.hostile.decoding import captions
from tests.hostile.expected import Cue
from tests.hostile.verdict import Verdict

_CUE = re.compile(
    r"(?:(\d+):)?(\d\d):(\d\d\.\d{3}) --> (?:(\d+):)?(\d\d):(\d\d\.\d{3})[^\n]*\n(.*?)(?:\n\n|\Z)", re.S
)


def judge_cues(
    expected: dict[str, tuple[Cue, ...]], folder: Path, master: m3u8.M3U8, verdict: Verdict
) -> None:
    """Compare subtitles with those expected: texts, and times within 50 ms."""
    tracks = {entry.language or "und": entry for entry in master.media if entry.type == "SUBTITLES"}
    if set(tracks) != set(expected):
        verdict.faults.append(f"subtitles in {sorted(tracks)} instead of {sorted(expected)}")
    for language in tracks.keys() & expected.keys():
        playlist = folder / tracks[language].uri
        got: dict[str, tuple[float, float]] = {}
        for segment in m3u8.load(str(playlist)).segments:
            text = (playlist.parent / segment.uri).read_text().replace("\r\n", "\n")
            shift = 0.0
            if match := re.search(r"X-TIMESTAMP-MAP=.*?MPEGTS:(\d+)", text):
                shift = int(match[1]) / 90000
            for match in _CUE.finditer(text):
                h1, m1, s1, h2, m2, s2, words = match.groups()
                start = int(h1 or 0) * 3600 + int(m1) * 60 + float(s1) + shift
                end = int(h2 or 0) * 3600 + int(m2) * 60 + float(s2) + shift
                said = re.sub(r"<[^>]*>", "", words).strip()
                before = got.get(said, (start, end))
                got[said] = (min(before[0], start), max(before[1], end))
        for cue in expected[language]:
            here = got.get(cue.text)
            if here is None:
                verdict.faults.append(f"subtitle {cue.text!r} is missing; there are {list(got)}")
            elif max(abs(here[0] - cue.start), abs(here[1] - cue.end)) > 0.05:
                verdict.faults.append(f"subtitle {cue} is shown from {here[0]:.3f} to {here[1]:.3f} s")


def judge_captions(expected: tuple[Cue, ...], playlist: Path, master: m3u8.M3U8, verdict: Verdict) -> None:
    """Compare closed captions with those expected: texts, and times within 150 ms."""
    found = captions(playlist)
    for cue in expected:
        times = [abs(start - cue.start) for start, _, text in found if text == cue.text]
        if not times or min(times) > 0.15:
            verdict.faults.append(f"caption {cue} is missing; there are {found}")
    if not any(entry.type == "CLOSED-CAPTIONS" for entry in master.media):
        verdict.faults.append("the master playlist names no CLOSED-CAPTIONS")
