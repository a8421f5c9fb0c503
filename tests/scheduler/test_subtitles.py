"""Subtitles in the plan: which tracks, where they are cut, and who does the work."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from encoders.codecs import AUDIO_QUEUE
from gopfarm.facts import SourceFacts, SubtitleFacts
from gopfarm.plan import Plan, SubtitleTask
from gopfarm.serial import from_json, task_from_json, to_json
from gopfarm.timeline import round_half_up
from scheduler.cost import estimate
from scheduler.dispatch import queue_of
from tests.scheduler.facts import SHORT, audio_facts, plan_of, source_facts, video_facts


def track(stream: int = 2, language: str = "eng", codec: str = "subrip", text: bool = True) -> SubtitleFacts:
    return SubtitleFacts(stream, codec, language, "", False, False, False, text)


def with_subtitles(facts: SourceFacts, *tracks: SubtitleFacts) -> SourceFacts:
    return replace(facts, subtitles=tracks)


def task_of(plan: Plan) -> SubtitleTask:
    (task,) = [task for task in plan.tasks if isinstance(task, SubtitleTask)]
    return task


def test_one_task_makes_all_tracks_of_a_source() -> None:
    plan = plan_of(with_subtitles(SHORT, track(), track(3, "ger"), track(4, "../x")))
    task = task_of(plan)
    assert task.id == "subtitles-0"
    assert task.renditions == plan.subtitles
    assert [rendition.name for rendition in plan.subtitles] == [
        "subtitles-eng-0",
        "subtitles-ger-1",
        "subtitles-und-2",
    ]
    assert [rendition.stream for rendition in plan.subtitles] == [2, 3, 4]
    assert plan.subtitles[0].directory == f"subtitles-eng-0/{plan.hash}"
    assert queue_of(task) == AUDIO_QUEUE
    assert task_from_json(to_json(task)) == task
    assert from_json(Plan, to_json(plan)) == plan


def test_pictures_of_text_are_left_out() -> None:
    plan = plan_of(with_subtitles(SHORT, track(2, codec="hdmv_pgs_subtitle", text=False), track(3, "fre")))
    assert [rendition.name for rendition in plan.subtitles] == ["subtitles-fre-0"]
    bare = plan_of(with_subtitles(SHORT, track(2, codec="dvd_subtitle", text=False)))
    assert not bare.subtitles
    assert not bare.subtitle_segments
    assert not [task for task in bare.tasks if isinstance(task, SubtitleTask)]


def test_segments_are_those_of_the_picture() -> None:
    plan = plan_of(with_subtitles(SHORT, track()))
    assert plan.subtitle_segments == plan.video_segments == task_of(plan).segments
    assert plan.subtitle_unit == 1 / plan.grid_rate == task_of(plan).unit


def test_cues_are_placed_as_sound_is() -> None:
    """Where sound starts before the picture, time 0 is the sound's."""
    video = video_facts(origin=7 * 25 * 1001)
    plan = plan_of(with_subtitles(source_facts(video, audio_facts(Fraction(68, 10))), track()))
    task = task_of(plan)
    assert plan.video_start == task.start == Fraction(1, 5)
    assert task.origin == video.origin - plan.video_start


@given(st.fractions(0, 40, max_denominator=1000))
def test_segments_go_on_while_there_is_sound(tail: Fraction) -> None:
    facts = source_facts(video_facts(), audio_facts(duration=10 + tail))
    plan = plan_of(with_subtitles(facts, track()))
    segments, unit = plan.subtitle_segments, plan.subtitle_unit
    assert segments[: len(plan.video_segments)] == plan.video_segments
    assert all(a.end == b.start for a, b in pairwise(segments))
    assert [segment.number for segment in segments] == list(range(len(segments)))
    assert round_half_up(max(segment.length for segment in segments) * unit) <= plan.target_duration
    end, audio_end = segments[-1].end * unit, Fraction(plan.audio_segments[0][-1].end, 48_000)
    assert audio_end - Fraction(1, 2) < end < audio_end + unit or end == 10
    assert task_of(plan).duration >= audio_end


def test_without_a_picture_the_first_audio_track_says_where_to_cut() -> None:
    plan = plan_of(with_subtitles(source_facts(None, audio_facts()), track()))
    assert plan.subtitle_segments == plan.audio_segments[0]
    assert plan.subtitle_unit == Fraction(1, 48_000)


def test_subtitles_change_the_hash_and_their_absence_does_not() -> None:
    assert plan_of(with_subtitles(SHORT, track())).hash != plan_of(SHORT).hash
    assert plan_of(with_subtitles(SHORT, track())).hash != plan_of(with_subtitles(SHORT, track(3))).hash
    assert plan_of(with_subtitles(SHORT, track(text=False))).hash == plan_of(SHORT).hash


def test_subtitles_cost_next_to_nothing() -> None:
    plain, spoken = estimate(plan_of(SHORT)), estimate(plan_of(with_subtitles(SHORT, track())))
    assert plain.cpu_seconds < spoken.cpu_seconds < plain.cpu_seconds + 1
    assert plain.stored_bytes < spoken.stored_bytes < plain.stored_bytes * 1.01
