"""Streams of ffmpeg's own HLS muxer: what is right in them raises no error, and all of it is measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.encoders.clips import ffmpeg
from verifier import Report, rulebook, verify

#: What is asked of ffmpeg, and errors that its streams deserve.
KINDS: dict[str, tuple[str, ...]] = {
    "mpegts": (),
    "fmp4": ("-hls_segment_type", "fmp4"),
    "mpegts in one file": ("-hls_flags", "single_file"),
    "fmp4 in one file": ("-hls_segment_type", "fmp4", "-hls_flags", "single_file"),
}


def publish(clip: Path, folder: Path, *options: str, streams: tuple[str, ...] = ()) -> Path:
    """Let ffmpeg cut a clip with B-frames into segments of two seconds, with a multivariant playlist."""
    folder.mkdir()
    ffmpeg(
        *("-i", str(clip), *streams, "-c:v", "libx264", "-preset", "veryfast", "-g", "50", "-bf", "2"),
        *("-sc_threshold", "0", "-c:a", "aac", "-b:v", "300k", "-maxrate", "400k", "-bufsize", "400k"),
        *("-f", "hls", "-hls_time", "2", "-hls_playlist_type", "vod", "-master_pl_name", "master.m3u8"),
        *(*options, str(folder / ("v%v.m3u8" if streams else "v.m3u8"))),
    )
    return folder / "master.m3u8"


def errors(report: Report) -> set[str]:
    return {finding.rule for finding in report.findings if finding.level == "error"}


#: ffmpeg states bit rates that it was told, not those that it made.
UNTRUE_RATES = {rulebook.PEAK_TRUE.reference, rulebook.AVERAGE_TRUE.reference}


@pytest.mark.parametrize("kind", KINDS)
def test_what_ffmpeg_publishes_is_understood(kind: str, clip: Path, tmp_path: Path) -> None:
    report = verify(str(publish(clip, tmp_path / "out", *KINDS[kind])), str(clip))
    assert errors(report) <= UNTRUE_RATES, report.findings
    (rendition,) = report.renditions
    assert rendition.frames == 150
    assert rendition.segments == 3
    assert rendition.codecs[1] == "mp4a.40.2"
    assert rendition.channels == 2
    assert rendition.resolution == "320x180"
    assert rendition.stated_seconds == pytest.approx(6, abs=0.1)


@pytest.mark.parametrize("kind", ["mpegts", "fmp4"])
def test_separate_sound_of_ffmpeg_is_understood(kind: str, clip: Path, tmp_path: Path) -> None:
    master = publish(
        clip,
        tmp_path / "out",
        *KINDS[kind],
        *("-var_stream_map", "a:0,agroup:snd,language:eng v:0,agroup:snd"),
        streams=("-map", "0:v", "-map", "0:a"),
    )
    report = verify(str(master), str(clip))
    assert errors(report) <= UNTRUE_RATES, report.findings
    assert {rendition.kind for rendition in report.renditions} == {"video", "audio"}


def test_a_media_playlist_can_be_checked_on_its_own(clip: Path, tmp_path: Path) -> None:
    master = publish(clip, tmp_path / "out", *KINDS["fmp4 in one file"])
    report = verify(str(master.with_name("v.m3u8")))
    assert report.ok(), report.findings
    assert report.renditions[0].frames == 150


def test_a_live_playlist_is_no_error(clip: Path, tmp_path: Path) -> None:
    master = publish(clip, tmp_path / "out")
    playlist = master.with_name("v.m3u8")
    text = playlist.read_text().replace("#EXT-X-ENDLIST\n", "").replace("#EXT-X-PLAYLIST-TYPE:VOD\n", "")
    playlist.write_text(text)
    report = verify(str(playlist))
    assert report.ok()
    assert rulebook.ENDED.reference in {finding.rule for finding in report.findings}
    playlist.write_text(text.replace("#EXT-X-VERSION", "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-VERSION"))
    report = verify(str(playlist))
    told = {finding.rule for finding in report.findings}
    assert not told & {rulebook.ENDED.reference, rulebook.LIVE_DATES.reference}
    assert [one.growing for one in report.renditions] == [True]


def test_packed_audio_is_measured(clip: Path, tmp_path: Path) -> None:
    """One segment of AAC with the ID3 tag that RFC 8216 section 3.4 asks for, and one without."""
    adts = ffmpeg("-i", str(clip), "-vn", "-c:a", "copy", "-f", "adts", "-")
    tag = b"PRIV" + (53).to_bytes(4, "big") + bytes(2)
    tag += b"com.apple.streaming.transportStreamTimestamp\x00" + (900_000).to_bytes(8, "big")
    (tmp_path / "a.aac").write_bytes(b"ID3\x04\x00\x00" + bytes([0, 0, 0, len(tag)]) + tag + adts)
    playlist = tmp_path / "a.m3u8"
    head = (
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:6\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:{},\na.aac\n"
    )
    # ffmpeg's encoder adds its priming and its padding.
    playlist.write_text(head.format("6.037") + "#EXT-X-ENDLIST\n")
    report = verify(str(playlist))
    assert report.ok(), report.findings
    assert report.renditions[0].start == 10
    assert report.renditions[0].codecs == ("mp4a.40.2",)
    (tmp_path / "a.aac").write_bytes(adts)
    assert rulebook.PACKED_TIME.reference in errors(verify(str(playlist)))
