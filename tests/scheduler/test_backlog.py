from __future__ import annotations

from gopfarm.profile import EncoderChoice
from gopfarm.store import Census
from gopfarm.store.census import QueueCount
from scheduler.backlog import FIRST_GUESS_SECONDS, backlog_seconds

CPU, GPU = "encode.cpu", "encode.nvenc"


def census(
    seconds: float = 0.0,
    unplanned: dict[EncoderChoice, int] | None = None,
    planned: dict[str, dict[str, float]] | None = None,
) -> Census:
    queues = {CPU: QueueCount(1, 0, seconds, 0.0), GPU: QueueCount(0, 0, 0.0, 0.0)}
    return Census(queues, {}, unplanned or {}, planned or {})


def test_an_idle_farm_has_no_backlog_in_any_queue() -> None:
    known = {CPU: {CPU: 100.0}, GPU: {GPU: 50.0, CPU: 1.0}}
    idle = census(unplanned={"auto": 0, "nvenc": 0}, planned=known)
    assert backlog_seconds(idle, ()) == {CPU: 0, GPU: 0}


def test_the_first_job_of_a_farm_without_workers_raises_the_queue_that_it_will_go_to() -> None:
    assert backlog_seconds(census(unplanned={"auto": 1}), ()) == {CPU: FIRST_GUESS_SECONDS, GPU: 0}
    assert backlog_seconds(census(unplanned={"nvenc": 2}), ()) == {CPU: 0, GPU: 2 * FIRST_GUESS_SECONDS}


def test_jobs_without_a_plan_count_as_those_did_that_were_planned_lately() -> None:
    known = {CPU: {CPU: 100.0}, GPU: {GPU: 50.0, CPU: 1.0}}
    waiting = census(7.0, {"auto": 2, "libx264": 1, "nvenc": 1}, known)
    assert backlog_seconds(waiting, ()) == {CPU: 7 + 300 + 1, GPU: 50}
    with_gpu = backlog_seconds(waiting, {"libx264", "h264_nvenc"})
    assert with_gpu == {CPU: 7 + 100 + 3, GPU: 150}, "auto takes a GPU where there is one"
