"""The law of the farm: wherever a source is cut, its chunks give the frames of one pass."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from encoders.decode import DecodeCounts
from encoders.fields import FieldVotes
from encoders.frames import grid_frames
from encoders.media import open_media
from gopfarm.errors import EncodeError
from gopfarm.facts import Keyframe, VideoFacts
from gopfarm.timeline import FIELD_CONTEXT, slot_of
from scheduler.chunks import cut_chunks
from scheduler.shape import Shape
from tests.encoders.clips import (
    Clips,
    decode_order,
    decode_slots,
    frame_hash,
    keyframe_before,
    picture_of,
    plain_decode,
    video_of,
)

SOURCES = (
    *("closed.mp4", "open.mp4", "hevc.mp4", "editlist.mp4", "fragmented.mp4", "offset.ts", "open.ts"),
    *("ntsc.mkv", "vp9.webm", "variable.mp4", "resized.ts", "old.avi", "program.mpg", "flash.flv"),
    *("joined.ts", "unstamped.avi", "refresh.ts", "altref.webm", "interlaced.ts"),
)

few = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)


@cache
def one_pass(path: Path) -> tuple[VideoFacts, list[str]]:
    video = video_of(path)
    return video, list(decode_slots(path, video, video.keyframes[0], 0, video.grid_frames))


@pytest.mark.parametrize("name", SOURCES)
@given(data=st.data())
@few
def test_any_cut_gives_the_frames_of_one_pass(name: str, clip: Clips, data: st.DataObject) -> None:
    path = clip(name)
    video, whole = one_pass(path)
    start = data.draw(st.integers(0, video.grid_frames - 1), label="start")
    end = data.draw(st.integers(start + 1, min(start + 40, video.grid_frames)), label="end")
    context = 0 if video.scan == "progressive" else FIELD_CONTEXT
    seek = keyframe_before(video.keyframes, start - context)
    assert list(decode_slots(path, video, seek, start, end)) == whole[start:end]


@pytest.mark.parametrize("name", SOURCES)
@given(hundredths=st.integers(20, 400))
@settings(few, max_examples=4)
def test_the_chunks_of_any_plan_give_the_frames_of_one_pass(name: str, clip: Clips, hundredths: int) -> None:
    path = clip(name)
    video, whole = one_pass(path)
    context = 0 if video.scan == "progressive" else FIELD_CONTEXT
    longest = Fraction(hundredths, 100)
    chunks = cut_chunks(video.grid_frames, video.grid_rate, video.keyframes, longest, Shape(longest), context)
    for chunk in chunks:
        start, end = chunk.segments[0].start, chunk.segments[-1].end
        assert list(decode_slots(path, video, chunk.seek, start, end)) == whole[start:end]


@pytest.mark.parametrize(
    ("name", "slots", "cuts"),
    [("hevc_1080p2997_editlist.mp4", 34, (11, 27)), ("mpegts_2500ms.ts", 60, (13, 29, 47))],
)
def test_the_law_holds_on_real_media(name: str, slots: int, cuts: tuple[int, ...], media: Path) -> None:
    path = media / name
    video = video_of(path)
    whole = list(decode_slots(path, video, video.keyframes[0], 0, slots))
    for start, end in zip(cuts, (*cuts[1:], slots), strict=True):
        seek = keyframe_before(video.keyframes, start)
        assert list(decode_slots(path, video, seek, start, end)) == whole[start:end]


@pytest.mark.parametrize("name", sorted({*SOURCES} - {"joined.ts", "unstamped.avi", "interlaced.ts"}))
def test_the_grid_shows_what_plain_decoding_shows(name: str, clip: Clips) -> None:
    video, whole = one_pass(clip(name))
    expected: dict[int, str] = {}
    for seconds, frame in plain_decode(clip(name)):
        pts = int(seconds / video.time_base)
        expected[slot_of(pts, video.origin_pts, video.time_base, video.grid_rate)] = frame_hash(frame)
    shown = None
    for slot, found in enumerate(whole):
        shown = expected.pop(slot, shown)
        assert found == shown
    assert not expected


def test_a_constant_rate_source_keeps_every_frame_once(clip: Clips) -> None:
    for name in ("closed.mp4", "open.mp4", "offset.ts", "ntsc.mkv", "editlist.mp4"):
        video, whole = one_pass(clip(name))
        assert len(set(whole)) == len(whole) == video.frame_count


@pytest.mark.parametrize(("name", "twice"), [("joined.ts", 2), ("unstamped.avi", 1), ("refresh.ts", 1)])
def test_every_frame_comes_in_its_order_where_the_clock_says_little(
    name: str, twice: int, clip: Clips
) -> None:
    video, whole = one_pass(clip(name))
    pictures = [frame_hash(frame) for frame in decode_order(clip(name))]
    assert whole == pictures
    assert len(set(whole)) == video.frame_count / twice


def test_interlaced_pictures_are_made_whole(clip: Clips) -> None:
    """A frame made of two moments combs; each frame that comes out has one moment, and all are there."""
    video, whole = one_pass(clip("interlaced.ts"))
    assert (video.scan, video.frame_count, len(set(whole))) == ("top", 100, 100)
    path = clip("interlaced.ts")
    with path.open("rb") as source, open_media(source, "fields") as container:
        frames = [
            frame
            for _, frame in grid_frames(
                container, picture_of(video), video.keyframes[0], 0, 40, DecodeCounts()
            )
        ]
    votes = FieldVotes()
    votes.add(frames)
    assert votes.top + votes.bottom < 0.02 * votes.progressive


def test_a_gap_in_a_variable_rate_holds_the_frame_before_it(clip: Clips) -> None:
    video, whole = one_pass(clip("variable.mp4"))
    assert len(whole) == video.grid_frames == 150
    assert len(set(whole)) == video.frame_count
    assert len(set(whole[69:86])) == 1
    assert whole[85] != whole[86]


def test_an_open_gop_can_be_entered_without_decoding_from_the_start(clip: Clips) -> None:
    path = clip("open.mp4")
    video, _ = one_pass(path)
    counts = DecodeCounts()
    seek = keyframe_before(video.keyframes, 125)
    with path.open("rb") as source, open_media(source, "open") as container:
        for _ in grid_frames(container, picture_of(video), seek, 125, 130, counts):
            pass
    assert counts.frames < 60


def test_a_seek_that_lands_late_is_repeated_further_back(clip: Clips) -> None:
    """MPEG-TS has no index: FFmpeg guesses, and lands at the next keyframe when asked for one exactly."""
    path = clip("offset.ts")
    video, whole = one_pass(path)
    key = video.keyframes[2]
    late = replace(key, dts=key.dts + int(Fraction(3, 2) / video.time_base))
    assert list(decode_slots(path, video, late, key.slot, key.slot + 5)) == whole[key.slot : key.slot + 5]


def test_a_damaged_stretch_is_bridged_and_counted(clip: Clips, tmp_path: Path) -> None:
    video = video_of(clip("closed.mp4"))
    data = bytearray(clip("closed.mp4").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 20_000] = bytes(20_000)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(data)
    counts = DecodeCounts()
    with broken.open("rb") as source, open_media(source, "broken") as container:
        frames = grid_frames(container, picture_of(video), video.keyframes[0], 0, 150, counts)
        assert [slot for slot, _ in frames] == list(range(150))
    assert counts.damaged > 0
    assert 100 < counts.frames < 150


def test_a_chunk_without_any_frame_is_an_error(clip: Clips, tmp_path: Path) -> None:
    video = video_of(clip("closed.mp4"))
    data = bytearray(clip("closed.mp4").read_bytes())
    at = data.index(b"mdat") + 4
    data[at:] = bytes(len(data) - at)
    blank = tmp_path / "blank.mp4"
    blank.write_bytes(data)
    with pytest.raises(EncodeError, match="no frame could be decoded"):
        list(decode_slots(blank, video, Keyframe(0, 0, 0), 0, 10))
