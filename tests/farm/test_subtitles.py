"""Subtitles through the whole farm: from a file to playlists, a manifest and a report that name them."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree.ElementTree import parse as parse_xml

import m3u8
import pytest

from tests.encoders.clips import ffmpeg
from tests.encoders.vtt import parse
from tests.farm.processes import gopfarm

SMALL = Path(__file__).parent / "small.yaml"
NS = {"d": "urn:mpeg:dash:schema:mpd:2011"}

SRT = "1\n00:00:01,000 --> 00:00:03,000\nhello\n"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds with sound and two languages, one of them as pictures of text."""
    folder = tmp_path_factory.mktemp("film")
    (folder / "en.srt").write_text(SRT)
    path = folder / "film.mkv"
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=5"),
        *("-f", "lavfi", "-i", "sine=duration=5", "-i", str(folder / "en.srt"), "-i", str(folder / "en.srt")),
        *("-map", "0:v", "-map", "1:a", "-map", "2:s", "-map", "3:s", "-c:v", "libx264"),
        *("-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-c:s", "srt"),
        *("-metadata:s:s:0", "language=eng", "-metadata:s:s:1", "language=fre", "-disposition:s", "0"),
        str(path),
    )
    data = path.read_bytes()
    at = data.rindex(b"S_TEXT/UTF8")
    path.write_bytes(data[:at] + b"S_HDMV/PGS\0" + data[at + 11 :])
    return path


def test_subtitles_are_published_with_the_stream(film: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = gopfarm("transcode", film, out, "--profile", SMALL, "--segment", "2")
    assert done.returncode == 0, done.stderr
    assert "subtitles-eng-0" in done.stdout
    master = m3u8.load(str(out / "master.m3u8"))
    (entry,) = [media for media in master.media if media.type == "SUBTITLES"]
    assert (entry.language, entry.default, entry.forced) == ("en", "NO", "NO")
    playlist = m3u8.load(str(out / entry.uri))
    picture = m3u8.load(str(out / master.playlists[0].uri))
    assert [one.duration for one in playlist.segments] == [one.duration for one in picture.segments]
    texts = [parse(((out / entry.uri).parent / one.uri).read_text()) for one in playlist.segments]
    assert [len(text.cues) for text in texts] == [1, 1, 0]
    whole = parse_xml(out / "manifest.mpd").getroot().findtext(".//d:AdaptationSet//d:BaseURL", namespaces=NS)
    assert whole is not None
    assert [(cue.start, cue.end, cue.text) for cue in parse((out / whole).read_text()).cues] == [
        (1000, 3000, "hello")
    ]
    report = json.loads((out / "job.json").read_text())
    assert [(track["language"], track["published"]) for track in report["source"]["subtitles"]] == [
        ("eng", True),
        ("fre", False),
    ]


def test_probe_and_plan_say_what_becomes_of_subtitles(film: Path) -> None:
    said = gopfarm("probe", film).stdout
    assert "subtitles  subrip, eng" in said
    assert "subtitles  hdmv_pgs_subtitle, fre, left out: cannot become text" in said
    facts = json.loads(gopfarm("probe", film, "--json").stdout)
    assert [track["text"] for track in facts["subtitles"]] == [True, False]
    assert "subtitles-eng-0" in gopfarm("plan", film, "--profile", SMALL).stdout


def test_a_real_film_with_subtitles(media: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = gopfarm("transcode", media / "subtitles_srt_ac3.mkv", out, "--profile", SMALL)
    assert done.returncode == 0, done.stderr
    master = m3u8.load(str(out / "master.m3u8"))
    (entry,) = [track for track in master.media if track.type == "SUBTITLES"]
    assert (entry.name, entry.language, entry.default) == ("Subs Label", "en", "YES")
    (segment,) = m3u8.load(str(out / entry.uri)).segments
    (cue,) = parse(((out / entry.uri).parent / segment.uri).read_text()).cues
    assert (cue.start, cue.text) == (0, "This is the first subtitle.")
    assert 1000 <= cue.end <= 1234
