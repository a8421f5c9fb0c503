"""Playlists that grow: each version is the beginning of the next, and none names what is not there."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import m3u8
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gopfarm.plan import Plan
from gopfarm.profile import SegmentFormat
from scheduler.shape import Shape
from stitcher.check import check_results
from stitcher.growing import declared_rates, growing_playlists, lanes, shown_with
from stitcher.hls import ENDLIST, MULTIVARIANT_PLAYLIST, media_playlist, multivariant_playlist
from stitcher.presentation import present
from tests.scheduler.facts import audio_facts, plan_of, source_facts, video_facts
from tests.stitcher.build import CODECS, LADDER, audio, honest_results, make_plan, words

ALL = make_plan(tracks=(audio(), audio("fr", number=1)), subtitles=(words(),))


def texts(plan: Plan, shown: int) -> dict[str, str]:
    return {key: data.decode() for key, data in growing_playlists(plan, shown, CODECS)}


def media(plan: Plan, shown: int) -> dict[str, str]:
    return {key: text for key, text in texts(plan, shown).items() if key != MULTIVARIANT_PLAYLIST}


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Films with and without picture, sound and words, whose sound is cut near the picture's edges."""
    rate = draw(st.sampled_from([Fraction(25), Fraction(30000, 1001), Fraction(24000, 1001)]))
    lengths = draw(st.lists(st.integers(75, 150), min_size=1, max_size=12))
    seconds = [length / rate for length in lengths]
    edges = [0, *(round(sum(seconds[: n + 1]) * 48_000 / 1024) * 1024 for n in range(len(seconds)))]
    edges[-1] += draw(st.integers(0, 20_000))
    sound = [after - before for before, after in pairwise(edges)]
    with_picture, tracks = draw(st.booleans()), draw(st.integers(0, 2))
    return make_plan(
        segment_format=draw(st.sampled_from(["cmaf", "ts"])),
        rate=rate,
        ladder=LADDER if with_picture or not tracks else (),
        lengths=lengths,
        tracks=tuple(audio(number=number) for number in range(tracks)),
        audio_lengths=sound,
        subtitles=(words(),) if draw(st.booleans()) else (),
    )


@given(plans())
def test_each_version_is_the_beginning_of_the_next_and_of_the_whole(plan: Plan) -> None:
    whole = present(plan, check_results(plan, honest_results(plan)))
    final = {
        f"{stream.rendition.directory}/index.m3u8": media_playlist(stream, plan.format, plan.target_duration)
        for stream in whole.streams
    }
    versions = [media(plan, shown) for shown in range(1, len(lanes(plan)[0].segments) + 1)]
    for before, after in zip(versions, [*versions[1:], None], strict=True):
        for key, text in before.items():
            assert "#EXT-X-PLAYLIST-TYPE:EVENT\n" in text
            assert ENDLIST not in text
            longer = after[key] if after else final[key].replace("TYPE:VOD", "TYPE:EVENT")
            assert longer.startswith(text)
    counted = f"{lanes(plan)[0].rendition.directory}/index.m3u8"
    assert [version[counted].count("#EXTINF") for version in versions] == [*range(1, len(versions) + 1)]


@given(plans(), st.integers(0, 2**32))
def test_only_what_is_whole_in_all_renditions_is_shown_and_never_less_than_before(
    plan: Plan, order: int
) -> None:
    arrivals = random.Random(order)
    found, shown = lanes(plan), 0
    whole = {lane.rendition.name: 0 for lane in found}
    while any(whole[lane.rendition.name] < len(lane.segments) for lane in found):
        lane = arrivals.choice(found)
        left = len(lane.segments) - whole[lane.rendition.name]
        if not left:
            continue
        whole[lane.rendition.name] += arrivals.randint(1, left)
        more = shown_with(found, whole, shown)
        assert more >= shown
        assert more == shown_with(found, whole), "wherever one begins to look"
        shown = more
        if not shown:
            continue
        for one in found:
            listed = media(plan, shown)[f"{one.rendition.directory}/index.m3u8"].count("#EXTINF")
            assert 0 < listed <= whole[one.rendition.name]
    assert shown == len(found[0].segments)


def test_all_renditions_are_shown_up_to_the_same_edge() -> None:
    for shown in (1, 2, 3):
        assert {text.count("#EXTINF") for text in media(ALL, shown).values()} == {shown}


def test_sound_that_goes_on_after_an_edge_waits_for_the_next_one() -> None:
    plan = make_plan(audio_lengths=(288_768, 577_000, 145_408))
    counts = [[text.count("#EXTINF") for text in media(plan, shown).values()][-1] for shown in (1, 2, 3, 4)]
    assert counts == [1, 1, 2, 3]


def test_what_can_be_played_ends_at_the_first_file_that_is_missing() -> None:
    lane = lanes(ALL)[0]
    files = {"init.mp4", "00000.m4s", "00001.m4s", "00003.m4s"}
    assert lane.whole(files) == 2
    assert lane.whole(files - {"init.mp4"}) == 0, "nothing can be decoded without the init segment"
    assert lane.whole(files | {"00002.m4s"}) == 4
    assert lanes(make_plan(segment_format="ts"))[0].whole({"00000.ts"}) == 1
    assert lanes(ALL)[-1].whole({"00000.vtt", "subtitles.vtt"}) == 1


@pytest.mark.parametrize("segment_format", ["cmaf", "ts"])
def test_the_master_that_grows_says_what_the_final_one_does_except_for_rates(
    segment_format: SegmentFormat,
) -> None:
    plan = replace(ALL, format=segment_format)
    grown = m3u8.loads(texts(plan, 1)[MULTIVARIANT_PLAYLIST])
    assert list(texts(plan, 1))[-1] == MULTIVARIANT_PLAYLIST, "it is written last"
    whole = make_plan(
        segment_format=segment_format, tracks=(audio(), audio("fr", number=1)), subtitles=(words(),)
    )
    final = m3u8.loads(multivariant_playlist(present(whole, check_results(whole, honest_results(whole)))))
    assert {one.uri for one in grown.playlists} == {one.uri for one in final.playlists}
    assert {one.stream_info.codecs for one in grown.playlists} == {
        one.stream_info.codecs for one in final.playlists
    }
    assert [str(one) for one in grown.media] == [str(one) for one in final.media]
    assert grown.start.time_offset == 0, "players begin at the beginning, not where it grows"
    assert final.start is None


def test_the_declared_peak_is_what_the_encoders_buffer_lets_through() -> None:
    rung = LADDER[0]
    assert declared_rates(rung, 6).peak == rung.maxrate + rung.bufsize / 6
    assert declared_rates(rung, 6).average == rung.bitrate
    assert declared_rates(audio(), 6).peak == 1.1 * 128_000


def test_the_lanes_of_a_real_plan_have_one_edge() -> None:
    film = source_facts(video_facts(2000), audio_facts(duration=Fraction(81)))
    plan = plan_of(film, shape=Shape(progressive=True))
    found = lanes(plan)
    ends: Sequence[Fraction] = found[0].ends
    assert all(lane.until(end) == number for lane in found for number, end in enumerate(ends, 1))
