from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gopfarm.facts import SourceFacts
from gopfarm.plan import AudioTask, VideoTask
from gopfarm.results import RenditionResult, SegmentResult, TaskResult
from gopfarm.serial import fingerprint, from_json, task_from_json, to_json
from tests.scheduler.facts import SHORT, audio_facts, plan_of, source_facts, video_facts

INIT = SegmentResult(0, "init.mp4", 700, "00" * 32, 0)
MEDIA = SegmentResult(0, "00000.m4s", 90_000, "ff" * 32, 150)
RESULT = TaskResult(
    "video-00000",
    (RenditionResult("720p", "avc1.64001f", "ab" * 32, INIT, (MEDIA,)),),
    152,
    1,
    2.5,
    2.25,
    1 << 28,
)


@given(st.fractions(), st.fractions(min_value=0))
def test_times_stay_exact_on_their_way_through_redis(start: Fraction, duration: Fraction) -> None:
    facts = source_facts(None, audio_facts(start, duration))
    assert from_json(SourceFacts, to_json(facts)) == facts


def test_facts_and_results_are_read_back_as_they_were() -> None:
    facts = source_facts(video_facts(300, Fraction(30000, 1001)), audio_facts(), audio_facts(stream=2))
    assert from_json(SourceFacts, to_json(facts)) == facts
    assert from_json(TaskResult, to_json(RESULT)) == RESULT
    without_init = replace(RESULT, renditions=(replace(RESULT.renditions[0], init=None),))
    assert from_json(TaskResult, to_json(without_init)) == without_init


def test_a_task_is_read_back_as_its_own_kind() -> None:
    kinds = [type(task_from_json(to_json(task))) for task in plan_of(SHORT).tasks]
    assert kinds == [AudioTask, VideoTask, VideoTask]


@pytest.mark.parametrize(
    ("rotation", "aspect", "size"),
    [
        (0, Fraction(1), (1440, 1080)),
        (180, Fraction(1), (1440, 1080)),
        (90, Fraction(1), (1080, 1440)),
        (270, Fraction(4, 3), (1080, 1920)),
        (0, Fraction(4, 3), (1920, 1080)),
    ],
)
def test_the_display_size_has_square_pixels_and_stands_upright(
    rotation: int, aspect: Fraction, size: tuple[int, int]
) -> None:
    video = replace(video_facts(size=(1440, 1080)), rotation=rotation, sample_aspect_ratio=aspect)
    assert video.display_size == size


def test_a_fingerprint_tells_values_and_their_order_apart() -> None:
    parts: list[list[object]] = [["a", "b"], ["b", "a"], ["ab"], ["a"], ["a", ""], [Fraction(1, 2)], []]
    assert len({fingerprint(values) for values in parts}) == len(parts)
    assert fingerprint(["a", MEDIA]) == fingerprint(["a", replace(MEDIA)])
