"""What lies at the destination is used again, if it is whole and the plan's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gopfarm.plan import Task, renditions_of
from gopfarm.results import RenditionResult, SegmentResult, TaskResult, result_key
from gopfarm.serial import to_json
from gopfarm.storage import Destination, open_destination
from scheduler.resume import finished_before
from tests.gopfarm.store.jobs import PLAN

TASK = next(task for task in PLAN.tasks if task.id == "video-00001")


@pytest.fixture
def destination(tmp_path: Path) -> Destination:
    return open_destination(str(tmp_path / "out"))


def made(task: Task) -> TaskResult:
    """The result of a task whose every file is five bytes."""
    parts = tuple(
        RenditionResult(
            rendition.name,
            "avc1.64001f",
            "00",
            None,
            tuple(
                SegmentResult(one.number, f"{one.number:05d}.m4s", 5, "00", one.length)
                for one in task.segments
            ),
        )
        for rendition in renditions_of(task)
    )
    return TaskResult(task.id, parts, 10, 0, 1.0, 1.0, 1)


def store(destination: Destination, task: Task, result: TaskResult) -> None:
    for rendition, part in zip(renditions_of(task), result.renditions, strict=True):
        for file in part.segments:
            destination.put_bytes(f"{rendition.directory}/{file.file}", b"12345")
    destination.put_bytes(result_key(PLAN.hash, task.id), to_json(result))


def test_at_a_new_destination_nothing_is_done(destination: Destination) -> None:
    assert finished_before(PLAN, destination) == {}


def test_a_task_that_is_whole_need_not_be_done_again(destination: Destination) -> None:
    store(destination, TASK, made(TASK))
    assert finished_before(PLAN, destination) == {TASK.id: made(TASK)}


def test_a_task_of_which_a_segment_is_missing_is_done_again(destination: Destination) -> None:
    store(destination, TASK, made(TASK))
    directory = renditions_of(TASK)[0].directory
    destination.delete([f"{directory}/{TASK.segments[0].number:05d}.m4s"])
    assert finished_before(PLAN, destination) == {}


def test_a_task_of_which_a_segment_is_cut_short_is_done_again(destination: Destination) -> None:
    store(destination, TASK, made(TASK))
    directory = renditions_of(TASK)[-1].directory
    destination.put_bytes(f"{directory}/{TASK.segments[-1].number:05d}.m4s", b"123")
    assert finished_before(PLAN, destination) == {}


@pytest.mark.parametrize(
    "wrong",
    [
        replace(made(TASK), task="video-00000"),
        replace(made(TASK), renditions=made(TASK).renditions[:1]),
        replace(
            made(TASK),
            renditions=tuple(replace(part, segments=part.segments[:-1]) for part in made(TASK).renditions),
        ),
    ],
    ids=["of another task", "without a rendition", "without a segment"],
)
def test_a_result_that_is_not_what_is_planned_is_not_believed(
    destination: Destination, wrong: TaskResult
) -> None:
    store(destination, TASK, made(TASK))
    destination.put_bytes(result_key(PLAN.hash, TASK.id), to_json(wrong))
    assert finished_before(PLAN, destination) == {}


def test_a_result_that_cannot_be_read_is_not_believed(destination: Destination) -> None:
    store(destination, TASK, made(TASK))
    destination.put_bytes(result_key(PLAN.hash, TASK.id), b'{"task": "vid')
    assert finished_before(PLAN, destination) == {}


def test_results_of_another_plan_are_left_alone(destination: Destination) -> None:
    destination.put_bytes(result_key("0123456789ab", TASK.id), to_json(made(TASK)))
    assert finished_before(PLAN, destination) == {}
