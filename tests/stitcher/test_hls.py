from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import m3u8
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.hls import extinf_durations, media_playlist, multivariant_playlist, quoted
from stitcher.presentation import Presentation
from tests.stitcher.build import LADDER, audio, make_plan, presentation_of, segments, video

RATES = (Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(60000, 1001), Fraction(48_000))


def media_text(presentation: Presentation, at: int) -> str:
    stream = presentation.streams[at]
    return media_playlist(stream, presentation.format, presentation.target_duration)


def test_a_cmaf_media_playlist_word_for_word() -> None:
    presentation = presentation_of(make_plan())
    assert media_text(presentation, 0) == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:6\n"
        "#EXT-X-TARGETDURATION:6\n"
        "#EXT-X-MEDIA-SEQUENCE:0\n"
        "#EXT-X-PLAYLIST-TYPE:VOD\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        '#EXT-X-MAP:URI="init.mp4"\n'
        "#EXTINF:6.006000,\n"
        "00000.m4s\n"
        "#EXTINF:6.006000,\n"
        "00001.m4s\n"
        "#EXTINF:6.006000,\n"
        "00002.m4s\n"
        "#EXTINF:3.036367,\n"
        "00003.m4s\n"
        "#EXT-X-ENDLIST\n"
    )


def test_a_ts_media_playlist_has_no_map_and_asks_for_no_more_than_decimals() -> None:
    playlist = m3u8.loads(media_text(presentation_of(make_plan(segment_format="ts")), 0))
    assert playlist.version == 3
    assert not playlist.segment_map
    assert [segment.uri for segment in playlist.segments] == [f"0000{n}.ts" for n in range(4)]
    assert playlist.is_endlist


def test_audio_and_video_playlists_announce_the_same_target_duration() -> None:
    presentation = presentation_of(make_plan())
    playlists = [m3u8.loads(media_text(presentation, at)) for at in range(len(presentation.streams))]
    assert {playlist.target_duration for playlist in playlists} == {6}
    assert all(playlist.is_independent_segments for playlist in playlists)


def test_a_segment_beyond_the_target_duration_is_a_bug_and_not_published() -> None:
    presentation = presentation_of(make_plan())
    with pytest.raises(ValueError, match="exceeds target 5 s"):
        media_playlist(presentation.streams[0], "cmaf", 5)


@given(st.lists(st.integers(1, 500), min_size=1, max_size=200), st.sampled_from(RATES), st.integers(0, 10**6))
def test_the_sum_of_durations_never_drifts(lengths: list[int], rate: Fraction, start: int) -> None:
    planned = segments(*lengths, start=start)
    durations = [Fraction(duration) for duration in extinf_durations(planned, 1 / rate)]
    for number in range(1, len(lengths) + 1):
        exact = sum(lengths[:number]) / rate
        assert abs(sum(durations[:number]) - exact) <= Fraction(1, 2_000_000)


def test_ten_hours_of_film_rate_segments_sum_to_the_film() -> None:
    durations = extinf_durations(segments(*[143] * 6000), Fraction(1001, 24000))
    assert {len(duration.partition(".")[2]) for duration in durations} == {6}
    assert abs(sum(map(Fraction, durations)) - Fraction(143 * 6000 * 1001, 24000)) < Fraction(1, 1_000_000)


def test_the_multivariant_playlist_says_what_was_measured() -> None:
    presentation = presentation_of(make_plan(tracks=(audio("en"), audio("fr", number=1))))
    master = m3u8.loads(multivariant_playlist(presentation))
    best = master.playlists[0]
    assert best.uri == "720p/0a1b2c3d4e5f/index.m3u8"
    sound = [stream.rates for stream in presentation.audio]
    rates = presentation.video[0].rates
    info = best.stream_info
    assert info.bandwidth == rates.peak + max(one.peak for one in sound)
    assert info.average_bandwidth == rates.average + max(one.average for one in sound)
    assert info.codecs == "avc1.64001f,mp4a.40.2"
    assert info.resolution == (1280, 720)
    assert info.audio == "audio"
    assert info.closed_captions == "NONE"
    assert master.is_independent_segments


def test_variants_come_in_descending_bandwidth_whatever_the_order_of_the_ladder() -> None:
    master = m3u8.loads(multivariant_playlist(presentation_of(make_plan(ladder=LADDER[::-1]))))
    bandwidths = [variant.stream_info.bandwidth for variant in master.playlists]
    assert bandwidths == sorted(bandwidths, reverse=True)
    assert [variant.stream_info.resolution[1] for variant in master.playlists] == [720, 360]


@pytest.mark.parametrize(
    ("rate", "written"),
    [(Fraction(30000, 1001), "29.970"), (Fraction(25), "25.000"), (Fraction(60), "60.000")],
)
def test_frame_rates_have_three_decimals(rate: Fraction, written: str) -> None:
    text = multivariant_playlist(presentation_of(make_plan(rate=rate, lengths=(60,))))
    assert f"FRAME-RATE={written}," in text


def test_closed_captions_are_signalled_where_there_are_some_and_denied_where_not() -> None:
    silent = m3u8.loads(multivariant_playlist(presentation_of(make_plan())))
    assert {variant.stream_info.closed_captions for variant in silent.playlists} == {"NONE"}
    captioned = replace(presentation_of(make_plan()), captions=("CC1", "SERVICE1"))
    master = m3u8.loads(multivariant_playlist(captioned))
    media = [media for media in master.media if media.type == "CLOSED-CAPTIONS"]
    assert [(one.group_id, one.instream_id, one.uri) for one in media] == [
        ("captions", "CC1", None),
        ("captions", "SERVICE1", None),
    ]
    assert {variant.stream_info.closed_captions for variant in master.playlists} == {'"captions"'}


def test_audio_tracks_form_one_group_with_one_default() -> None:
    tracks = (
        audio("en", "Main"),
        audio("fr", "Main", number=1, default=True),
        audio("und", number=2),
        audio("fr", "Commentary", number=3),
    )
    media = m3u8.loads(multivariant_playlist(presentation_of(make_plan(tracks=tracks)))).media
    assert {entry.group_id for entry in media} == {"audio"}
    assert [entry.name for entry in media] == ["Main", "Main (2)", "Audio 3", "Commentary"]
    assert [entry.language for entry in media] == ["en", "fr", None, "fr"]
    assert [entry.default for entry in media] == ["NO", "YES", "NO", "NO"]
    assert [entry.autoselect for entry in media] == ["YES", "YES", "YES", "NO"]
    assert [entry.uri for entry in media] == [f"audio-{n}/0a1b2c3d4e5f/index.m3u8" for n in range(4)]
    assert {entry.channels for entry in media} == {"2"}


def test_a_hostile_title_cannot_add_attributes_or_lines() -> None:
    title = 'x",URI="https://evil.example/\n#EXT-X-STREAM-INF:BANDWIDTH=1\nhttps://evil.example/\r'
    text = multivariant_playlist(presentation_of(make_plan(tracks=(audio("en", title),))))
    master = m3u8.loads(text)
    assert [entry.uri for entry in master.media] == ["audio-0/0a1b2c3d4e5f/index.m3u8"]
    assert len(master.playlists) == len(LADDER)
    assert [line for line in text.splitlines() if line.startswith("https")] == []


def test_a_hostile_language_is_left_out() -> None:
    text = multivariant_playlist(presentation_of(make_plan(tracks=(audio('en",DEFAULT=NO,X="'),))))
    assert "LANGUAGE" not in text


def test_silent_video_has_no_audio_group() -> None:
    text = multivariant_playlist(presentation_of(make_plan(tracks=())))
    assert "AUDIO" not in text
    assert m3u8.loads(text).playlists[0].stream_info.codecs == "avc1.64001f"


def test_one_track_without_video_is_a_plain_variant() -> None:
    presentation = presentation_of(make_plan(ladder=()))
    master = m3u8.loads(multivariant_playlist(presentation))
    assert not master.media
    (variant,) = master.playlists
    assert variant.uri == "audio-0/0a1b2c3d4e5f/index.m3u8"
    assert variant.stream_info.bandwidth == presentation.audio[0].rates.peak
    assert variant.stream_info.average_bandwidth == presentation.audio[0].rates.average
    assert variant.stream_info.codecs == "mp4a.40.2"
    assert variant.stream_info.resolution is None
    assert variant.stream_info.audio is None


def test_several_tracks_without_video_are_a_group_and_one_variant_with_the_default() -> None:
    tracks = (audio("en"), audio("fr", number=1, default=True))
    master = m3u8.loads(multivariant_playlist(presentation_of(make_plan(ladder=(), tracks=tracks))))
    assert [entry.language for entry in master.media] == ["en", "fr"]
    (variant,) = master.playlists
    assert variant.uri == "audio-1/0a1b2c3d4e5f/index.m3u8"
    assert variant.stream_info.audio == "audio"


def test_versions_cover_the_media_and_the_audio_groups() -> None:
    texts = [multivariant_playlist(presentation_of(make_plan(segment_format=one))) for one in ("cmaf", "ts")]
    assert [m3u8.loads(text).version for text in texts] == [6, 4]


def test_addresses_are_percent_encoded() -> None:
    rung = replace(video(), directory="720p é/0a1b")
    master = m3u8.loads(multivariant_playlist(presentation_of(make_plan(ladder=(rung,)))))
    assert master.playlists[0].uri == "720p%20%C3%A9/0a1b/index.m3u8"


@pytest.mark.parametrize("value", ['a"b', "a\nb", "a\rb"])
def test_a_value_that_cannot_be_quoted_is_a_bug(value: str) -> None:
    with pytest.raises(ValueError, match="quoted string"):
        quoted(value)
