"""What lies at the destination is used again, if it is whole and the plan's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gopfarm.plan import Plan, Task, VideoTask, renditions_of
from gopfarm.results import RenditionResult, SegmentResult, TaskResult, result_key
from gopfarm.serial import to_json
from gopfarm.storage import Destination, open_destination
from scheduler.planner import chunk_name
from scheduler.resume import stored_plans, take_stock
from scheduler.shape import Grouping
from tests.gopfarm.store.jobs import PLAN
from tests.scheduler.facts import plan_of

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
    assert take_stock(PLAN, destination).finished == {}


def test_a_task_that_is_whole_need_not_be_done_again(destination: Destination) -> None:
    store(destination, TASK, made(TASK))
    assert take_stock(PLAN, destination).finished == {TASK.id: made(TASK)}


def test_a_task_of_which_a_segment_is_missing_is_done_again(destination: Destination) -> None:
    store(destination, TASK, made(TASK))
    directory = renditions_of(TASK)[0].directory
    destination.delete([f"{directory}/{TASK.segments[0].number:05d}.m4s"])
    assert take_stock(PLAN, destination).finished == {}


def test_a_task_of_which_a_segment_is_cut_short_is_done_again(destination: Destination) -> None:
    store(destination, TASK, made(TASK))
    directory = renditions_of(TASK)[-1].directory
    destination.put_bytes(f"{directory}/{TASK.segments[-1].number:05d}.m4s", b"123")
    assert take_stock(PLAN, destination).finished == {}


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
    assert take_stock(PLAN, destination).finished == {}


def test_a_result_that_cannot_be_read_is_not_believed(destination: Destination) -> None:
    store(destination, TASK, made(TASK))
    destination.put_bytes(result_key(PLAN.hash, TASK.id), b'{"task": "vid')
    assert take_stock(PLAN, destination).finished == {}


APART = plan_of(PLAN.facts, Grouping.EACH_APART)
LARGEST = plan_of(PLAN.facts, Grouping.LARGEST_APART)
CHUNK = [task for task in APART.tasks if chunk_name(task.id) == TASK.id]


def of_chunk(plan: Plan) -> list[str]:
    return [task.id for task in plan.tasks if chunk_name(task.id) == TASK.id]


def test_what_was_made_by_one_task_need_not_be_made_by_several(destination: Destination) -> None:
    assert APART.hash == PLAN.hash
    store(destination, TASK, made(TASK))
    stock = take_stock(APART, destination)
    assert stock.finished == {TASK.id: made(TASK)}
    assert of_chunk(stock.plan) == [TASK.id]
    assert next(task for task in stock.plan.tasks if task.id == TASK.id) == TASK
    others = [task for task in APART.tasks if chunk_name(task.id) != TASK.id]
    assert [task for task in stock.plan.tasks if task.id != TASK.id] == others


def test_what_was_made_by_several_tasks_need_not_be_made_by_one(destination: Destination) -> None:
    for task in CHUNK:
        store(destination, task, made(task))
    stock = take_stock(PLAN, destination)
    assert stock.finished == {task.id: made(task) for task in CHUNK}
    assert set(of_chunk(stock.plan)) == {task.id for task in CHUNK}


@pytest.mark.parametrize(
    ("plan", "left"),
    [
        (PLAN, ["video-00001-r0", "video-00001-r2"]),
        (LARGEST, ["video-00001-r0", "video-00001-r2"]),
        (APART, ["video-00001-r0", "video-00001-r2"]),
    ],
)
def test_only_the_renditions_that_are_missing_are_made(
    plan: Plan, left: list[str], destination: Destination
) -> None:
    store(destination, CHUNK[1], made(CHUNK[1]))
    stock = take_stock(plan, destination)
    assert list(stock.finished) == ["video-00001-r1"]
    assert of_chunk(stock.plan) == ["video-00001-r1", *left]
    check_tiles(stock.plan)


def test_no_rendition_is_taken_from_two_results(destination: Destination) -> None:
    for task in (TASK, *CHUNK):
        store(destination, task, made(task))
    stock = take_stock(APART, destination)
    assert stock.finished == {TASK.id: made(TASK)}
    check_tiles(stock.plan)


def check_tiles(plan: Plan) -> None:
    """Every segment of every rendition is in exactly one task."""
    found = sorted(
        (rendition.name, segment.number)
        for task in plan.tasks
        if isinstance(task, VideoTask)
        for rendition in task.renditions
        for segment in task.segments
    )
    expected = [(rung.name, segment.number) for rung in plan.video for segment in plan.video_segments]
    assert found == sorted(expected)


def test_the_plans_of_which_results_lie_there_are_known(destination: Destination) -> None:
    assert stored_plans(destination) == set()
    store(destination, TASK, made(TASK))
    assert stored_plans(destination) == {PLAN.hash}


def test_results_of_another_plan_are_left_alone(destination: Destination) -> None:
    destination.put_bytes(result_key("0123456789ab", TASK.id), to_json(made(TASK)))
    assert take_stock(PLAN, destination).finished == {}
