from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gopfarm.facts import SourceRef
from gopfarm.plan import AudioTask, Plan, SegmentPlan, VideoTask
from gopfarm.serial import from_json, task_from_json, to_json
from gopfarm.timeline import round_half_up
from scheduler.planner import chunk_name
from scheduler.shape import Grouping, cuts
from tests.scheduler.facts import SHORT, STANDARD, audio_facts, plan_of, source_facts, video_facts

AAC_FRAME = 1024
RATE = 48_000


def sound_and_picture(frames: int, start: Fraction, duration: Fraction) -> Plan:
    return plan_of(source_facts(video_facts(frames), audio_facts(start, duration)))


# What a plan says.


def test_every_segment_of_every_rendition_is_in_exactly_one_task() -> None:
    plan = plan_of(source_facts(video_facts(3000), audio_facts(), audio_facts(stream=2, language="de")))
    video = [task for task in plan.tasks if isinstance(task, VideoTask)]
    assert len(video) == 4
    assert tuple(segment for task in video for segment in task.segments) == plan.video_segments
    assert all(task.renditions == plan.video for task in video)
    sound = [task for task in plan.tasks if isinstance(task, AudioTask)]
    assert tuple(task.rendition for task in sound) == plan.audio
    assert tuple(task.segments for task in sound) == plan.audio_segments
    assert len({task.id for task in plan.tasks}) == len(plan.tasks)


def test_the_grouping_changes_the_tasks_and_nothing_else() -> None:
    facts = source_facts(video_facts(3000, size=(1920, 1080)), audio_facts())
    plans = [plan_of(facts, grouping) for grouping in Grouping]
    assert len({to_json(replace(plan, tasks=())) for plan in plans}) == 1
    tasks = [[task for task in plan.tasks if isinstance(task, VideoTask)] for plan in plans]
    names = [[rendition.name for rendition in task.renditions] for task in tasks[1][:2]]
    assert names == [["1080p"], ["720p", "480p", "360p"]]
    assert [task.id for task in tasks[0][:2]] == ["video-00000", "video-00001"]
    assert [task.id for task in tasks[1][:3]] == ["video-00000-r0", "video-00000-r1-r3", "video-00001-r0"]
    assert [task.id for task in tasks[2][:2]] == ["video-00000-r0", "video-00000-r1"]
    assert {task.sizes for plan in tasks for task in plan} == {
        ((1920, 1080), (1280, 720), (854, 480), (640, 360))
    }
    assert len({chunk_name(task.id) for plan in tasks for task in plan}) == len(tasks[0]) == 4
    assert tasks[1][0].limit_seconds < tasks[0][0].limit_seconds


def test_where_the_film_is_cut_changes_the_hash() -> None:
    facts = source_facts(video_facts(90_000), audio_facts())
    assert len({plan_of(facts, shape=shape).hash for shape in cuts()}) == len(cuts())


def test_everything_is_published_under_the_plans_hash() -> None:
    plan = plan_of(SHORT)
    assert re.fullmatch(r"[0-9a-f]{12}", plan.hash)
    assert [rung.directory for rung in plan.video] == [f"{rung.name}/{plan.hash}" for rung in plan.video]
    assert [track.directory for track in plan.audio] == [f"audio-en-0/{plan.hash}"]


def test_a_language_that_is_no_code_does_not_become_a_folder() -> None:
    tracks = [audio_facts(language="../../etc"), audio_facts(stream=2, language="de")]
    plan = plan_of(source_facts(video_facts(), *tracks))
    assert [track.name for track in plan.audio] == ["audio-und-0", "audio-de-1"]


def test_every_segment_rounds_to_at_most_the_target_duration() -> None:
    plan = sound_and_picture(300, Fraction(0), Fraction(25))
    spans = [segment.length / plan.grid_rate for segment in plan.video_segments]
    spans += [Fraction(segment.length, RATE) for segment in plan.audio_segments[0]]
    assert plan.target_duration == max(map(round_half_up, spans))


@pytest.mark.parametrize("facts", [SHORT, source_facts(None, audio_facts()), source_facts(video_facts())])
def test_plans_and_tasks_survive_redis(facts: Any) -> None:
    plan = plan_of(facts)
    assert from_json(Plan, to_json(plan)) == plan
    assert tuple(task_from_json(to_json(task)) for task in plan.tasks) == plan.tasks


# When two plans are the same.


def test_the_same_source_and_settings_give_the_same_plan() -> None:
    assert to_json(plan_of(SHORT)) == to_json(plan_of(replace(SHORT)))


def test_where_the_source_lies_does_not_change_what_is_published() -> None:
    moved = plan_of(replace(SHORT, source=SourceRef("/copies/film.mp4", SHORT.source.size, "etag-2")))
    assert moved.hash == plan_of(SHORT).hash
    assert moved.tasks[0].source.url == "/copies/film.mp4"


OTHER_RUNG = STANDARD.renditions[1].model_copy(update={"bitrate": 2_500_000})


@pytest.mark.parametrize(
    "changes",
    [
        {"facts": replace(SHORT, digest="d2")},
        {"facts": source_facts(video_facts(249), audio_facts())},
        {"facts": source_facts(video_facts(size=(1280, 718)), audio_facts())},
        {"facts": source_facts(video_facts(), audio_facts(language="fr"))},
        {"profile": STANDARD.model_copy(update={"renditions": (OTHER_RUNG, *STANDARD.renditions[2:])})},
        {"profile": STANDARD.model_copy(update={"renditions": STANDARD.renditions[2:]})},
        {"profile": STANDARD.model_copy(update={"preset": "veryfast"})},
        {"profile": STANDARD.model_copy(update={"format": "ts"})},
        {"profile": STANDARD.model_copy(update={"segment_seconds": 2.0})},
        {"profile": STANDARD.model_copy(update={"audio": STANDARD.audio.model_copy(update={"channels": 1})})},
        {
            "profile": STANDARD.model_copy(
                update={"audio": STANDARD.audio.model_copy(update={"loudness": -23.0})}
            )
        },
        {"encoder": "h264_nvenc"},
        {"build": "av 19"},
    ],
)
def test_whatever_changes_the_bytes_changes_the_hash(changes: dict[str, Any]) -> None:
    facts = changes.pop("facts", SHORT)
    assert plan_of(facts, **changes).hash != plan_of(SHORT).hash


@pytest.mark.parametrize("name", ["other", "standard"])
def test_what_a_profile_is_called_does_not_change_the_hash(name: str) -> None:
    renamed = STANDARD.model_copy(update={"name": name})
    assert plan_of(SHORT, profile=renamed).hash == plan_of(SHORT).hash


# Where sound is cut.

seconds = st.fractions(min_value=0, max_value=40, max_denominator=48_000)
starts = st.fractions(min_value=-3, max_value=3, max_denominator=48_000)


@given(st.integers(1, 1000), starts, seconds)
def test_sound_is_cut_between_aac_frames_at_the_edges_of_the_picture(
    frames: int, start: Fraction, duration: Fraction
) -> None:
    plan = sound_and_picture(frames, start, duration)
    segments = plan.audio_segments[0]
    first, end = segments[0].start, segments[-1].end
    assert [segment.number for segment in segments] == list(range(len(segments)))
    assert all(one.end == other.start for one, other in pairwise(segments))
    assert all(segment.length > 0 for segment in segments)
    assert all((segment.start - first) % AAC_FRAME == 0 for segment in segments)
    cuts = {segment.start for segment in segments[1:]}
    for edge in ((plan.video_start + segment.end / plan.grid_rate) * RATE for segment in plan.video_segments):
        if first + AAC_FRAME < edge < end - RATE // 2 - AAC_FRAME:
            assert min(abs(cut - edge) for cut in cuts) <= AAC_FRAME // 2
    assert all(Fraction(segment.length, RATE) < plan.target_duration + Fraction(1, 2) for segment in segments)


@given(st.integers(1, 1000), starts, seconds)
def test_sound_starts_and_ends_where_the_source_has_it(
    frames: int, start: Fraction, duration: Fraction
) -> None:
    plan = sound_and_picture(frames, start, duration)
    segments = plan.audio_segments[0]
    first, end = segments[0].start, segments[-1].end
    # Early sound makes the picture start later, after whole frames, by up to half a second.
    assert 0 <= plan.video_start <= Fraction(1, 2)
    if Fraction(-1, 2) < start < 0:
        assert (
            0 <= plan.video_start + start < 1 / plan.grid_rate
            or plan.video_start * 2 > 1 - 1 / plan.grid_rate
        )
    offset = plan.video_start + start
    late = 0 < offset <= Fraction(1, 2)
    assert first == (round_half_up(offset * RATE) if late else 0)
    assert end == max(first + AAC_FRAME, round_half_up((offset + duration) * RATE))


@pytest.mark.parametrize("frames", [300, 600, 750])
@pytest.mark.parametrize("longer", [Fraction(-1, 5), Fraction(0), Fraction(1, 50), Fraction(2, 5)])
def test_sound_about_as_long_as_the_picture_has_the_same_segments(frames: int, longer: Fraction) -> None:
    plan = sound_and_picture(frames, Fraction(0), frames / Fraction(25) + longer)
    assert len(plan.audio_segments[0]) == len(plan.video_segments)
    for sound, picture in zip(plan.audio_segments[0], plan.video_segments, strict=True):
        assert abs(Fraction(sound.start, RATE) - picture.start / plan.grid_rate) <= Fraction(
            AAC_FRAME, 2 * RATE
        )


def test_sound_that_goes_on_long_after_the_picture_is_cut_at_its_end_and_then_evenly() -> None:
    segments = sound_and_picture(300, Fraction(0), Fraction(28)).audio_segments[0]
    starts = [segment.start / RATE for segment in segments]
    assert starts == [pytest.approx(at, abs=0.02) for at in (0, 6, 12, 17.34, 22.67)]
    assert segments[-1].end == 28 * RATE


def test_sound_that_stops_early_just_has_fewer_segments() -> None:
    plan = sound_and_picture(750, Fraction(0), Fraction(7))
    assert plan.video_segments[1].start == 4 * 25
    four_seconds = round_half_up(Fraction(4 * RATE, AAC_FRAME)) * AAC_FRAME
    assert plan.audio_segments[0] == (
        SegmentPlan(0, 0, four_seconds),
        SegmentPlan(1, four_seconds, 7 * RATE - four_seconds),
    )


def test_sound_that_is_over_before_the_picture_starts_leaves_one_frame() -> None:
    segments = sound_and_picture(250, Fraction(-5), Fraction(2)).audio_segments[0]
    assert segments == (SegmentPlan(0, 0, AAC_FRAME),)


def test_time_zero_of_the_stream_is_the_first_shown_frame() -> None:
    video = replace(video_facts(), origin_pts=2 * 25 * 1001)
    plan = plan_of(source_facts(video, audio_facts(Fraction(2) + Fraction(1, 10), Fraction(10))))
    assert plan.audio_segments[0][0].start == 4800
    task = plan.tasks[0]
    assert isinstance(task, AudioTask)
    assert task.origin == 2


def test_a_source_without_picture_is_planned_by_its_sound() -> None:
    plan = plan_of(source_facts(None, audio_facts(Fraction(3), Fraction(20))))
    assert (plan.video, plan.video_segments, plan.grid_frames) == ((), (), 0)
    (segments,) = plan.audio_segments
    assert len(segments) == 4
    assert (segments[0].start, segments[-1].end) == (0, 20 * RATE)
    assert all(segment.length <= 6 * RATE for segment in segments)
    assert plan.target_duration == 5
    task = plan.tasks[0]
    assert isinstance(task, AudioTask)
    assert task.origin == 3
