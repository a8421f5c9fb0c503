"""How much of a film may be damaged before the job fails."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gopfarm.errors import DamagedError
from gopfarm.plan import AudioTask, Plan, VideoTask
from gopfarm.results import TaskResult
from scheduler.finish import check_damage, decoded_once
from scheduler.shape import Grouping
from tests.gopfarm.store.jobs import PLAN
from tests.scheduler.facts import plan_of


def results(plan: Plan, kind: type, frames: int, damaged: int = 0, concealed: int = 0) -> list[TaskResult]:
    """The results of all tasks of a kind, of which the first one met the damage."""
    tasks = [task for task in plan.tasks if isinstance(task, kind)]
    share = frames // len(tasks)
    return [
        TaskResult(
            task.id,
            (),
            frames_decoded=share,
            frames_damaged=0 if number else damaged,
            wall_seconds=1.0,
            cpu_seconds=1.0,
            peak_memory=1,
            frames_concealed=0 if number else concealed,
        )
        for number, task in enumerate(tasks)
    ]


ONE_PERCENT = replace(PLAN, max_damaged=0.01)


@pytest.mark.parametrize(
    ("kind", "damaged"), [(VideoTask, 0), (VideoTask, 10), (AudioTask, 10), (AudioTask, 50)]
)
def test_up_to_a_share_damage_is_only_counted(kind: type, damaged: int) -> None:
    check_damage(ONE_PERCENT, results(ONE_PERCENT, kind, 1000, damaged))


@pytest.mark.parametrize(
    ("kind", "damaged", "words"),
    [(VideoTask, 20, "20 of 1020 pictures"), (AudioTask, 70, "70 of 1070 packets")],
)
def test_beyond_it_the_job_fails_with_the_figures(kind: type, damaged: int, words: str) -> None:
    with pytest.raises(DamagedError, match=rf": {words}.*max_damaged 0.01 allows"):
        check_damage(ONE_PERCENT, results(ONE_PERCENT, kind, 1000, damaged))


def test_two_damaged_packets_fail_no_film_however_short() -> None:
    check_damage(ONE_PERCENT, results(ONE_PERCENT, VideoTask, 10, 2))
    with pytest.raises(DamagedError):
        check_damage(ONE_PERCENT, results(ONE_PERCENT, VideoTask, 10, 3))


def test_a_film_that_is_mostly_made_up_fails_unless_all_is_allowed() -> None:
    check_damage(ONE_PERCENT, results(ONE_PERCENT, VideoTask, 1000, concealed=500))
    with pytest.raises(DamagedError, match="damaged in part"):
        check_damage(ONE_PERCENT, results(ONE_PERCENT, VideoTask, 1000, concealed=501))
    check_damage(replace(PLAN, max_damaged=1.0), results(PLAN, VideoTask, 1000, concealed=1000))


def test_tasks_that_share_a_chunk_meet_its_damage_once() -> None:
    apart = replace(plan_of(PLAN.facts, Grouping.EACH_APART), max_damaged=0.0)
    videos = [task.id for task in apart.tasks if isinstance(task, VideoTask)]
    met = [
        TaskResult(task, (), 100, 1 if task.startswith("video-00001") else 0, 1.0, 1.0, 1) for task in videos
    ]
    assert sum(result.frames_damaged for result in met) == 3
    assert sum(result.frames_damaged for result in decoded_once(met)) == 1
    check_damage(apart, met)
