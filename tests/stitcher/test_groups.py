"""Surround sound in playlists and manifests: the same tracks once more, for players that can use them."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree.ElementTree import fromstring

import m3u8
import pytest

from gopfarm.plan import AudioRendition, Plan
from gopfarm.results import Loudness
from stitcher.check import check_results
from stitcher.dash import dash_manifest
from stitcher.groups import AUDIO_GROUP, SURROUND_GROUP, audio_groups
from stitcher.hls import multivariant_playlist
from stitcher.presentation import present
from stitcher.report import job_json
from tests.stitcher.build import LADDER, audio, honest_results, make_plan, presentation_of

ENGLISH, FRENCH = audio("en", "Film", default=True), audio("fr", number=1)


def surround(track: AudioRendition) -> AudioRendition:
    name = f"{track.name}-surround"
    return replace(track, name=name, directory=f"{name}/0a1b2c3d4e5f", channels=6, bitrate=384_000)


def plan_with_surround(*, ladder: tuple[object, ...] = LADDER) -> Plan:
    return make_plan(ladder=ladder, tracks=(ENGLISH, FRENCH, surround(ENGLISH)))  # type: ignore[arg-type]


def test_groups_have_the_same_members_and_surround_where_a_track_has_it() -> None:
    groups = audio_groups(presentation_of(plan_with_surround()).audio)
    assert [group.id for group in groups] == [AUDIO_GROUP, SURROUND_GROUP]
    plain, wide = ([stream.rendition.name for stream in group.streams] for group in groups)
    assert plain == ["audio-0", "audio-1"]
    assert wide == ["audio-0-surround", "audio-1"]
    labels = [[stream.label for stream in group.streams] for group in groups]
    assert labels[0] == labels[1]


def test_media_tags_of_both_groups_differ_in_group_channels_and_address_alone() -> None:
    master = m3u8.loads(multivariant_playlist(presentation_of(plan_with_surround())))
    found = {(one.group_id, one.name): one for one in master.media}
    assert set(found) == {(group, name) for group in (AUDIO_GROUP, SURROUND_GROUP) for name in ("Film", "fr")}
    for name in ("Film", "fr"):
        one, other = found[AUDIO_GROUP, name], found[SURROUND_GROUP, name]
        assert (one.language, one.default, one.autoselect) == (
            other.language,
            other.default,
            other.autoselect,
        )
    assert found[AUDIO_GROUP, "Film"].channels == "2"
    assert found[SURROUND_GROUP, "Film"].channels == "6"
    assert found[SURROUND_GROUP, "fr"].uri == found[AUDIO_GROUP, "fr"].uri


def test_every_rung_is_a_variant_of_each_group() -> None:
    presentation = presentation_of(plan_with_surround())
    master = m3u8.loads(multivariant_playlist(presentation))
    found = [(one.uri.split("/")[0], one.stream_info.audio) for one in master.playlists]
    assert found == [(rung, group) for group in (AUDIO_GROUP, SURROUND_GROUP) for rung in ("720p", "360p")]
    peaks = {stream.rendition.name: stream.rates.peak for stream in presentation.streams}
    for one in master.playlists:
        tracks = ["audio-0", "audio-1"]
        if one.stream_info.audio == SURROUND_GROUP:
            tracks[0] = "audio-0-surround"
        rung = one.uri.split("/")[0]
        assert one.stream_info.bandwidth == peaks[rung] + max(peaks[track] for track in tracks)


def test_sound_without_pictures_has_a_variant_for_each_group() -> None:
    plan = make_plan(ladder=(), tracks=(ENGLISH, surround(ENGLISH)))
    master = m3u8.loads(multivariant_playlist(presentation_of(plan)))
    assert [(one.uri, one.stream_info.audio) for one in master.playlists] == [
        ("audio-0/0a1b2c3d4e5f/index.m3u8", AUDIO_GROUP),
        ("audio-0-surround/0a1b2c3d4e5f/index.m3u8", SURROUND_GROUP),
    ]


def test_the_manifest_has_a_set_of_six_channels() -> None:
    root = fromstring(dash_manifest(presentation_of(plan_with_surround())))
    space = {"d": "urn:mpeg:dash:schema:mpd:2011"}
    sets = root.findall(".//d:AdaptationSet[@contentType='audio']", space)
    channels = [one.find("d:AudioChannelConfiguration", space) for one in sets]
    assert [one.attrib["value"] for one in channels if one is not None] == ["2", "2", "6"]
    assert [one.findtext("d:Label", "", space) for one in sets] == ["Film", "fr", "Film"]


@pytest.mark.parametrize("loudness", [None, Loudness(-23, -31.2, -9.5, 8.2)])
def test_the_report_tells_the_loudness_that_was_measured(loudness: Loudness | None) -> None:
    plan = make_plan()
    results = [
        replace(one, renditions=tuple(replace(part, loudness=loudness) for part in one.renditions))
        for one in honest_results(plan)
    ]
    report = json.loads(job_json(plan, present(plan, check_results(plan, results)), {}))
    told = report["ladder"][-1]["loudness"]
    expected = {"target": -23, "integrated": -31.2, "true_peak": -9.5, "gain": 8.2} if loudness else None
    assert told == expected
