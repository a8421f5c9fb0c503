"""What the logs say of a fault: how long it held jobs up, and what was encoded more than once."""

from __future__ import annotations

from pathlib import Path

from tests.chaos.logs import Line, Logs, in_hand
from tests.chaos.places import Folder
from tests.chaos.recovery import encoded_again, given_again, recovery, starts
from tests.chaos.scene import Injection, Job

JOBS = [Job("film-a", Folder(Path("/nowhere")), "j1", ["j0", "j1"])]


def said(at: float, event: str, worker: str = "", task: str = "", job: str = "j1", **more: object) -> Line:
    return Line(at, "role", event, {"worker": worker, "task": task, "job": job, **more})


def test_a_killed_worker_is_got_over_when_the_last_of_its_tasks_runs_elsewhere() -> None:
    lines = [
        said(1, "task started", "w1", "t1"),
        said(9, "task queued", "", "t1"),
        said(11, "task queued", "", "t2"),
        said(12, "task started", "w2", "t1"),
        said(13, "task started", "w1", "t2"),
        said(15, "task started", "w3", "t2"),
    ]
    fault = Injection("kill_worker", "worker-1", 5, 5, (("j1", "t1"), ("j1", "t2")), ("w1",))
    assert recovery(lines, fault, JOBS) == 10
    assert given_again(lines, fault) == 6


def test_a_task_finished_by_its_twin_is_got_over() -> None:
    lines = [said(1, "task started", "w1", "t1"), said(7, "task done", "w2", "t1~")]
    fault = Injection("zombie", "worker-1", 5, 5, (("j1", "t1"),), ("w1",))
    assert recovery(lines, fault, JOBS) == 2


def test_redis_is_got_over_when_every_job_goes_on() -> None:
    jobs = [*JOBS, Job("film-b", Folder(Path("/nowhere")), "k", ["k"])]
    lines = [said(21, "task started", "w1", "t1"), said(88, "job planned", job="k")]
    assert recovery(lines, Injection("refuse_writes", "OOM", 10, 20), jobs) == 68


def test_a_job_that_was_done_has_nothing_to_get_over() -> None:
    lines = [said(5, "job done"), said(30, "job done")]
    assert recovery(lines, Injection("kill_leader", "scheduler-1", 10, 10), JOBS) is None


def test_starts_are_counted_over_all_submissions_and_twins() -> None:
    lines = [
        said(1, "task started", "w1", "t1", "j0"),
        said(2, "task done", "w1", "t1", "j0", outcome="done"),
        said(2, "task started", "w1", "t2", "j0"),
        said(9, "task started", "w2", "t1"),
        said(9, "task started", "w2", "t2"),
        said(9, "task started", "w3", "t2~"),
    ]
    assert starts(lines, JOBS) == {("film-a", "t1"): 2, ("film-a", "t2"): 3}
    assert encoded_again(lines, JOBS, 5) == ["film-a t1"]


def test_a_task_is_in_hand_until_it_is_done_or_given_back() -> None:
    lines = [
        said(1, "task started", "w1", "t1"),
        said(2, "task given back", "w1", "t1"),
        said(3, "task started", "w1", "t2"),
        said(3, "task started", "w2", "t1"),
    ]
    assert in_hand(lines, "w1") == [("j1", "t2")]


def test_logs_are_read_as_they_grow_and_half_lines_wait(tmp_path: Path) -> None:
    whole = '{"timestamp": "2026-11-25T01:00:00Z", "event": "task started", "job": "j", "task": "t"}\n'
    log = tmp_path / "worker-1.log"
    log.write_text(f"Traceback\n{whole}{whole[:20]}")
    logs = Logs(tmp_path)
    assert [line.task for line in logs.lines()] == [("j", "t")]
    log.write_text(f"Traceback\n{whole}{whole}")
    assert len(logs.lines()) == 2
