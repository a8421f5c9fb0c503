"""Running one task with a real child: what is stored, and what ends it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gopfarm.errors import EncodeError
from gopfarm.plan import VideoTask
from gopfarm.storage import open_destination, open_source
from tests.encoders.clips import Clips, plan_of
from worker.run import run_task


@pytest.fixture
def task(clip: Clips) -> VideoTask:
    """The first chunk of a film, as a plan has it."""
    path = clip("closed.mp4")
    found = next(task for task in plan_of(path).tasks if isinstance(task, VideoTask))
    with open_source(str(path)) as source:
        return replace(found, source=source.ref)


def run(task: VideoTask, folder: Path) -> None:
    run_task(task, open_destination(str(folder)), (), None, 2, 60.0, lambda done: True)


def test_every_file_of_a_task_is_stored(task: VideoTask, tmp_path: Path) -> None:
    run(task, tmp_path / "out")
    for rendition in task.renditions:
        stored = {path.name for path in (tmp_path / "out" / rendition.directory).iterdir()}
        assert stored == {"init.mp4", *(f"{segment.number:05d}.m4s" for segment in task.segments)}


def test_a_task_that_takes_too_long_is_ended(task: VideoTask, tmp_path: Path) -> None:
    with pytest.raises(EncodeError, match="was not done within 0 s"):
        run(replace(task, limit_seconds=0.0), tmp_path / "out")


def test_the_limit_is_in_proportion_to_the_work(clip: Clips) -> None:
    plan = plan_of(clip("closed.mp4"), segment_seconds=6)
    large = plan_of(clip("large.mp4"), segment_seconds=6, heights=(288,))
    limits = [max(task.limit_seconds for task in one.tasks) for one in (plan, large)]
    assert 120 < limits[0] < limits[1]
