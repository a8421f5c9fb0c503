from __future__ import annotations

from fractions import Fraction
from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gopfarm.plan import Plan
from stitcher.dash import dash_manifest, iso_duration
from tests.stitcher.build import LADDER, audio, make_plan, presentation_of

NS = {"d": "urn:mpeg:dash:schema:mpd:2011"}


def manifest(plan: Plan) -> Element:
    return fromstring(dash_manifest(presentation_of(plan)))


def sets(root: Element, content_type: str) -> list[Element]:
    return root.findall(f"d:Period/d:AdaptationSet[@contentType='{content_type}']", NS)


def one(root: Element, path: str) -> Element:
    (found,) = root.findall(path, NS)
    return found


def spans(representation: Element) -> list[tuple[Fraction, Fraction]]:
    """Start and duration in seconds of each segment, as a player reads the timeline."""
    template = one(representation, "d:SegmentTemplate")
    timescale, at, found = int(template.attrib["timescale"]), 0, []
    for entry in template.findall("d:SegmentTimeline/d:S", NS):
        at = int(entry.get("t", at))
        for _ in range(int(entry.get("r", 0)) + 1):
            found.append((Fraction(at, timescale), Fraction(int(entry.attrib["d"]), timescale)))
            at += int(entry.attrib["d"])
    return found


def test_the_manifest_is_static_and_names_its_profiles() -> None:
    text = dash_manifest(presentation_of(make_plan()))
    assert text.startswith("<?xml version='1.0' encoding='utf-8'?>\n<MPD ")
    root = fromstring(text)
    assert root.attrib["type"] == "static"
    assert root.attrib["profiles"].split(",") == [
        "urn:mpeg:dash:profile:isoff-live:2011",
        "urn:mpeg:dash:profile:cmaf:2019",
    ]
    assert root.attrib["minBufferTime"] == "PT6S"
    assert len(root.findall("d:Period", NS)) == 1


def test_the_presentation_lasts_until_the_last_track_ends() -> None:
    long_video = manifest(make_plan(rate=Fraction(25), lengths=(150, 150), audio_lengths=(288_000, 240_000)))
    long_audio = manifest(make_plan(rate=Fraction(25), lengths=(150,), audio_lengths=(288_000, 240_000)))
    assert long_video.attrib["mediaPresentationDuration"] == "PT12S"
    assert long_audio.attrib["mediaPresentationDuration"] == "PT11S"


@given(st.fractions(min_value=0, max_value=10**6))
def test_a_duration_never_ends_before_the_media(seconds: Fraction) -> None:
    written = Fraction(iso_duration(seconds).removeprefix("PT").removesuffix("S"))
    assert 0 <= written - seconds < Fraction(1, 1_000_000)


def test_the_ladder_is_one_aligned_set() -> None:
    presentation = presentation_of(make_plan())
    root = fromstring(dash_manifest(presentation))
    (ladder,) = sets(root, "video")
    assert ladder.attrib["segmentAlignment"] == "true"
    assert ladder.attrib["startWithSAP"] == "1"
    assert (ladder.attrib["maxWidth"], ladder.attrib["maxHeight"]) == ("1280", "720")
    assert ladder.attrib["maxFrameRate"] == "30000/1001"
    best = ladder.findall("d:Representation", NS)[0]
    assert best.attrib == {
        "id": "720p",
        "codecs": "avc1.64001f",
        "bandwidth": str(presentation.video[0].rates.peak),
        "width": "1280",
        "height": "720",
        "frameRate": "30000/1001",
        "sar": "1:1",
    }
    template = one(best, "d:SegmentTemplate")
    assert template.attrib == {
        "timescale": "30000",
        "initialization": "720p/0a1b2c3d4e5f/init.mp4",
        "media": "720p/0a1b2c3d4e5f/$Number%05d$.m4s",
        "startNumber": "0",
    }


def test_a_whole_frame_rate_is_written_without_denominator() -> None:
    (ladder,) = sets(manifest(make_plan(rate=Fraction(25), lengths=(150,))), "video")
    assert ladder.attrib["maxFrameRate"] == "25"


def test_equal_segments_are_run_length_coded() -> None:
    timeline = one(
        manifest(make_plan()), ".//d:Representation[@id='720p']/d:SegmentTemplate/d:SegmentTimeline"
    )
    assert [entry.attrib for entry in timeline] == [
        {"t": "0", "d": str(180 * 1001), "r": "2"},
        {"d": str(91 * 1001)},
    ]


@given(
    st.lists(st.sampled_from([150, 149, 75]), min_size=1, max_size=30),
    st.sampled_from([Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001)]),
    st.integers(0, 100_000),
)
def test_the_timeline_gives_back_the_planned_times_exactly(
    lengths: list[int], rate: Fraction, audio_start: int
) -> None:
    plan = make_plan(
        rate=rate, lengths=lengths, audio_lengths=[1024 * n for n in lengths], audio_start=audio_start
    )
    root = manifest(plan)
    for representation in sets(root, "video")[0].findall("d:Representation", NS):
        assert spans(representation) == [(s.start / rate, s.length / rate) for s in plan.video_segments]
    assert spans(one(sets(root, "audio")[0], "d:Representation")) == [
        (Fraction(s.start, 48_000), Fraction(s.length, 48_000)) for s in plan.audio_segments[0]
    ]


def test_audio_that_starts_late_says_so() -> None:
    root = manifest(make_plan(tracks=(audio(sample_rate=44_100),), audio_start=1_000))
    representation = one(sets(root, "audio")[0], "d:Representation")
    assert spans(representation)[0][0] == Fraction(1_000, 44_100)
    assert representation.attrib["audioSamplingRate"] == "44100"


def test_each_track_is_a_set_with_its_language_label_and_role() -> None:
    tracks = (audio("en", "<Main> & \x00more"), audio("und", number=1), audio("fr", number=2, default=True))
    found = sets(manifest(make_plan(tracks=tracks)), "audio")
    assert [track.get("lang") for track in found] == ["en", None, "fr"]
    assert [one(track, "d:Label").text for track in found] == ["<Main> & more", "Audio 2", "fr"]
    assert [one(track, "d:Role").attrib["value"] for track in found] == ["alternate", "alternate", "main"]
    channels = one(found[0], "d:AudioChannelConfiguration").attrib
    assert channels == {"schemeIdUri": "urn:mpeg:mpegB:cicp:ChannelConfiguration", "value": "2"}


def test_elements_stand_in_the_order_of_the_schema() -> None:
    (track,) = sets(manifest(make_plan()), "audio")
    order = [child.tag.partition("}")[2] for child in track]
    assert order == ["AudioChannelConfiguration", "Label", "Role", "Representation"]


def test_sets_have_ids_of_their_own() -> None:
    for ladder in (LADDER, ()):
        root = manifest(make_plan(ladder=ladder, tracks=(audio(), audio(number=1))))
        ids = [entry.attrib["id"] for entry in root.findall("d:Period/d:AdaptationSet", NS)]
        assert len(ids) == len(set(ids)) == 2 + bool(ladder)


def test_mpeg_ts_has_no_manifest() -> None:
    with pytest.raises(ValueError, match="CMAF"):
        dash_manifest(presentation_of(make_plan(segment_format="ts")))
