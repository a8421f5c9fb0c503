"""Running one task with a real child: what is stored, and what ends it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gopfarm.child.limits import Limits
from gopfarm.child.parent import AbandonedError
from gopfarm.errors import EncodeError
from gopfarm.plan import VideoTask
from gopfarm.storage import open_destination, open_source
from tests.encoders.clips import Clips, plan_of
from worker.bounds import described
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


# What a child can do to its worker: cost it an attempt.

ATTACKS = "tests.gopfarm.child.attacks"


def attempt(
    target: str, task: VideoTask, folder: Path, monkeypatch: pytest.MonkeyPatch, stall_seconds: float = 60
) -> str:
    """Run a task whose child does something else; return the error."""
    monkeypatch.setattr("worker.run.TASK", f"{ATTACKS}:{target}")
    scratch = folder / "scratch"
    scratch.mkdir()
    limits = Limits(memory_bytes=300 << 20)
    with pytest.raises(EncodeError) as caught:
        run_task(
            task,
            open_destination(str(folder / "out")),
            (),
            scratch,
            2,
            60.0,
            lambda done: True,
            limits=limits,
            stall_seconds=stall_seconds,
        )
    assert list(scratch.iterdir()) == []
    assert not (folder / "out").exists()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_crash_says_which_piece_it_was_and_the_last_words(
    task: VideoTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = attempt("segfault", task, tmp_path, monkeypatch)
    assert message == (
        f"{described(task)}: the encoding process was killed by SIGSEGV; it last said: decoding slice 7"
    )


def test_a_child_that_makes_no_progress_is_ended(
    task: VideoTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = attempt("sleep", task, tmp_path, monkeypatch, stall_seconds=0.5)
    assert message.endswith("the encoding process made no progress for 0.5 s")


def test_memory_that_runs_out_costs_an_attempt(
    task: VideoTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "ran out of memory (it may use 300 MiB)" in attempt("fill_memory", task, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("lie_about_the_result", "gave a result that is none"),
        ("name_a_number", "names a file in no way that is known"),
        ("name_somebody_elses_file", "names a file that is not"),
        ("report_nonsense", "reports progress that is no number"),
    ],
)
def test_what_a_child_says_is_not_believed(
    target: str, reason: str, task: VideoTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert reason in attempt(target, task, tmp_path, monkeypatch)


def test_a_cancelled_task_ends_its_child_and_leaves_nothing(
    task: VideoTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.run.TASK", f"{ATTACKS}:sleep")
    with pytest.raises(AbandonedError):
        run_task(task, open_destination(str(tmp_path / "out")), (), tmp_path, 2, 60.0, lambda done: False)
    assert list(tmp_path.iterdir()) == []
