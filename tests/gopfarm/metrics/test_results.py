from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from gopfarm.metrics import count_result, rendition_class
from gopfarm.metrics.labels import RENDITION
from gopfarm.plan import VideoTask
from gopfarm.profile import RenditionSpec
from gopfarm.results import RenditionResult, SegmentResult, TaskResult
from ladder import fit_rungs
from tests.gopfarm.store.jobs import PLAN

TASK = next(task for task in PLAN.tasks if isinstance(task, VideoTask))
STANDARD = [RenditionSpec(name=name, height=int(name[:-1]), bitrate=10**6) for name in RENDITION.values]


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def file(number: int, size: int, length: int) -> SegmentResult:
    return SegmentResult(number, f"{number:05d}.m4s", size, "0" * 64, length)


def result(**changes: Any) -> TaskResult:
    made = tuple(
        RenditionResult(
            rendition=rendition.name,
            codec="avc1",
            parameters="",
            init=file(0, 1000, 0),
            segments=(file(0, 20_000, 150), file(1, 30_000, 30)),
            encode_seconds=1.5,
        )
        for rendition in TASK.renditions
    )
    return replace(TaskResult(TASK.id, made, 180, 2, 4.0, 3.0, 10**8, source_bytes_read=77), **changes)


@given(st.integers(16, 8192), st.integers(16, 8192))
def test_a_rung_is_of_the_class_of_its_box_whatever_the_shape_of_the_picture(width: int, height: int) -> None:
    for rung in fit_rungs(STANDARD, (width, height)):
        if rung.name in RENDITION.values:
            assert rendition_class(rung.width, rung.height) == rung.name
        assert rendition_class(rung.width, rung.height) in {*RENDITION.values, "other"}


def test_a_picture_larger_than_all_boxes_is_another_one() -> None:
    assert rendition_class(3840, 2160) == "2160p"
    assert rendition_class(7680, 4320) == "other"


def test_frames_bytes_and_seconds_are_those_of_the_result() -> None:
    rendition = TASK.renditions[0]
    of = {
        "rendition": rendition_class(rendition.width, rendition.height),
        "encoder": rendition.encoder,
    }
    alike = sum(rendition_class(other.width, other.height) == of["rendition"] for other in TASK.renditions)
    costs = {"kind": "video", "tenant_class": "school"}
    before = (
        value("gopfarm_frames_encoded_total", **of),
        value("gopfarm_encode_seconds_total", **of),
        value("gopfarm_stored_bytes_total", **costs),
        value("gopfarm_task_cpu_seconds_total", **costs),
        value("gopfarm_source_read_bytes_total", **costs),
    )
    count_result(TASK, "done", result(), "school")
    assert value("gopfarm_frames_encoded_total", **of) == before[0] + alike * 180
    assert value("gopfarm_encode_seconds_total", **of) == before[1] + alike * 1.5
    assert value("gopfarm_stored_bytes_total", **costs) == before[2] + 51_000 * len(TASK.renditions)
    assert value("gopfarm_task_cpu_seconds_total", **costs) == before[3] + 3.0
    assert value("gopfarm_source_read_bytes_total", **costs) == before[4] + 77


@pytest.mark.parametrize("number", [-1.0, math.nan, math.inf])
def test_a_child_that_lies_breaks_no_counter(number: float) -> None:
    cpu = value("gopfarm_task_cpu_seconds_total", kind="video", tenant_class="liar")
    damaged = value("gopfarm_frames_damaged_total", kind="video")
    made = RenditionResult("no such", "avc1", "", None, (file(0, 1, 1),), encode_seconds=number)
    lies = result(
        cpu_seconds=number, wall_seconds=number, frames_damaged=-5, renditions=(made,), peak_memory=-1
    )
    count_result(TASK, "done", lies, "liar")
    assert value("gopfarm_task_cpu_seconds_total", kind="video", tenant_class="liar") == cpu
    assert value("gopfarm_frames_damaged_total", kind="video") == damaged
