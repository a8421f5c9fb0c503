"""Subtitles in playlists, in the manifest and in what is checked before anything is published."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import m3u8
import pytest

from gopfarm.errors import VerifyError
from gopfarm.plan import Plan
from stitcher.check import check_results
from stitcher.dash import dash_manifest
from stitcher.hls import media_playlist, multivariant_playlist
from stitcher.publish import publish
from tests.stitcher.build import Folder, change_rendition, honest_results, make_plan, presentation_of, words

NS = {"d": "urn:mpeg:dash:schema:mpd:2011"}

TRACKS = (
    words("eng", "English", default=True),
    words("ger", forced=True, number=1),
    words("und", impaired=True, number=2),
)


def master_of(plan: Plan) -> m3u8.M3U8:
    return m3u8.loads(multivariant_playlist(presentation_of(plan)))


def text_sets(plan: Plan) -> list[Element]:
    root = fromstring(dash_manifest(presentation_of(plan)))
    return root.findall("d:Period/d:AdaptationSet[@contentType='text']", NS)


def test_every_variant_has_the_group_of_subtitles() -> None:
    master = master_of(make_plan(subtitles=TRACKS))
    media = [entry for entry in master.media if entry.type == "SUBTITLES"]
    assert [entry.name for entry in media] == ["English", "de", "Subtitles 3"]
    assert [entry.language for entry in media] == ["en", "de", None]
    assert [entry.default for entry in media] == ["YES", "NO", "NO"]
    assert [entry.forced for entry in media] == ["NO", "YES", "NO"]
    assert [entry.uri for entry in media] == [f"subtitles-{n}/0a1b2c3d4e5f/index.m3u8" for n in range(3)]
    assert {variant.stream_info.subtitles for variant in master.playlists} == {"subtitles"}
    assert "wvtt" not in master.playlists[0].stream_info.codecs


def test_subtitles_for_the_hard_of_hearing_say_so() -> None:
    media = [entry for entry in master_of(make_plan(subtitles=TRACKS)).media if entry.type == "SUBTITLES"]
    told = "public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound"
    assert [entry.characteristics for entry in media] == [None, None, told]


def test_without_subtitles_no_playlist_speaks_of_them() -> None:
    assert "SUBTITLES" not in multivariant_playlist(presentation_of(make_plan()))
    assert not text_sets(make_plan())


def test_the_bandwidth_counts_the_largest_subtitles() -> None:
    presentation = presentation_of(make_plan(tracks=(), subtitles=TRACKS))
    info = m3u8.loads(multivariant_playlist(presentation)).playlists[0].stream_info
    rates = [stream.rates for stream in presentation.subtitles]
    assert info.bandwidth == presentation.video[0].rates.peak + max(one.peak for one in rates)
    assert info.average_bandwidth == presentation.video[0].rates.average + max(one.average for one in rates)


def test_segments_of_subtitles_are_as_long_as_those_of_the_picture() -> None:
    presentation = presentation_of(make_plan(subtitles=TRACKS))
    texts = [
        m3u8.loads(media_playlist(stream, "cmaf", presentation.target_duration))
        for stream in (presentation.video[0], presentation.subtitles[0])
    ]
    picture, subtitles = ([segment.duration for segment in text.segments] for text in texts)
    assert picture == subtitles
    assert [segment.uri for segment in texts[1].segments] == [f"0000{n}.vtt" for n in range(4)]
    assert not texts[1].segment_map


def test_sound_alone_has_subtitles_too() -> None:
    master = master_of(make_plan(ladder=(), subtitles=TRACKS))
    assert len(master.media) == 3
    (variant,) = master.playlists
    assert variant.stream_info.subtitles == "subtitles"


def test_the_manifest_names_one_file_for_each_track() -> None:
    found = text_sets(make_plan(subtitles=TRACKS))
    assert [entry.attrib["mimeType"] for entry in found] == ["text/vtt"] * 3
    assert [entry.get("lang") for entry in found] == ["en", "de", None]
    addresses = [entry.findtext("d:Representation/d:BaseURL", namespaces=NS) for entry in found]
    assert addresses == [f"subtitles-{n}/0a1b2c3d4e5f/subtitles.vtt" for n in range(3)]
    roles = [[role.attrib["value"] for role in entry.findall("d:Role", NS)] for entry in found]
    assert roles == [["subtitle", "main"], ["forced-subtitle"], ["caption"]]


def test_published_subtitles_are_verified_and_reported(folder: Folder) -> None:
    plan = make_plan(subtitles=TRACKS)
    folder.lay_segments(plan)
    published = publish(plan, honest_results(plan), folder, {})
    assert [row.name for row in published.renditions][-3:] == [track.name for track in TRACKS]
    report = json.loads((folder.root / "job.json").read_text())
    assert report["ladder"][-1]["whole"]["file"] == "subtitles.vtt"
    assert report["ladder"][-1]["codec"] == "wvtt"
    master = m3u8.load(str(folder.root / "master.m3u8"))
    for entry in master.media:
        playlist = folder.root / entry.uri
        for segment in m3u8.load(str(playlist)).segments:
            assert (playlist.parent / segment.uri).is_file()


@pytest.mark.parametrize("file", ["00002.vtt", "subtitles.vtt"])
def test_nothing_is_published_while_a_file_of_subtitles_is_missing(folder: Folder, file: str) -> None:
    plan = make_plan(subtitles=TRACKS)
    folder.lay_segments(plan)
    (folder.root / TRACKS[1].directory / file).unlink()
    with pytest.raises(VerifyError, match=f"subtitles-1 segment . \\({file}\\)"):
        publish(plan, honest_results(plan), folder, {})
    assert folder.written == []


def test_subtitles_without_their_whole_file_are_refused() -> None:
    plan = make_plan(subtitles=TRACKS)
    with pytest.raises(VerifyError, match=r"subtitles-0 as one file: nothing delivered"):
        check_results(plan, change_rendition(honest_results(plan), "s0", "subtitles-0", whole=None))


def test_segments_of_subtitles_are_webvtt_in_every_format() -> None:
    plan = make_plan(segment_format="ts", subtitles=TRACKS)
    delivery = check_results(plan, honest_results(plan))["subtitles-0"]
    assert [file.file for file in delivery.files][-2:] == ["00003.vtt", "subtitles.vtt"]
    segments = tuple(replace(one, file=one.file.replace(".vtt", ".ts")) for one in delivery.segments)
    with pytest.raises(VerifyError, match=r"named '00000.ts' instead of '00000.vtt'"):
        check_results(plan, change_rendition(honest_results(plan), "s0", "subtitles-0", segments=segments))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)
