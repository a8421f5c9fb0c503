"""How long the farm took to get over a fault, and how often it encoded the same thing: read from its logs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from tests.chaos.logs import DONE, SCHEDULER_AT_WORK, STARTED, Line
from tests.chaos.scene import Injection, Job

#: Faults that take a task from a worker, a scheduler from the farm, or a service from everybody.
OF_WORKERS = ("kill_worker", "kill_child", "zombie", "preempt_worker")
OF_SCHEDULERS = ("kill_leader", "kill_schedulers")
OF_SERVICES = ("restart_redis", "empty_redis", "pause_redis", "refuse_writes", "break_s3")

#: Steps of a job that need Redis and storage.
_PUBLISHED = "job done"
_PROGRESS = (STARTED, DONE, "job planned", _PUBLISHED)

#: Words of a scheduler that takes a task from a dead worker, and gives it out.
_GIVEN = ("lease ended", "task queued")

#: What a finished task is called when its result counted.
_COUNTED = ("done", "last")


def recovery(lines: Sequence[Line], fault: Injection, jobs: Sequence[Job]) -> float | None:
    """Return the seconds that it took to recover from a fault; None where there was nothing to recover from.

    - A worker or its child: from the fault until the last of the tasks that were in danger was started again,
      or finished elsewhere. In danger are those that the victim was running, and those that a worker had
      fetched and not begun.
    - A scheduler: from the fault until a scheduler next did something, for each job that was under way.
    - Redis and storage: from the moment at which it was itself again until a task was started or finished, or
      the job planned or published, for each job that was under way.
    """
    if fault.kind in OF_WORKERS:
        waits = [_again(lines, fault, task) for task in fault.hands]
        return max((wait for wait in waits if wait is not None), default=None)
    if fault.kind in OF_SCHEDULERS:
        return _next_sign(lines, SCHEDULER_AT_WORK, fault.at, jobs)
    if fault.kind in OF_SERVICES:
        return _next_sign(lines, _PROGRESS, fault.healed, jobs)
    return None


def _next_sign(
    lines: Sequence[Line], signs: Collection[str], since: float, jobs: Sequence[Job]
) -> float | None:
    """Return how long the job had to wait that waited longest for a sign that it goes on."""
    waits = []
    for job in jobs:
        of_job = [line for line in lines if line.task[0] in job.ids]
        later = [line.at for line in of_job if line.event in signs and line.at > since]
        if later and not any(line.event == _PUBLISHED and line.at <= since for line in of_job):
            waits.append(later[0] - since)
    return max(waits, default=None)


def given_again(lines: Iterable[Line], fault: Injection) -> float | None:
    """Return the seconds from a fault until the last of the victim's tasks was given out again.

    What comes after that is the wait for a slot, which depends on what the others are at.
    """
    times: dict[tuple[str, str], float] = {}
    for line in lines:
        if line.event in _GIVEN and line.task in fault.hands and line.at > fault.at:
            times.setdefault(line.task, line.at - fault.at)
    return max(times.values(), default=None)


def longest_task(lines: Iterable[Line]) -> float:
    """Return the seconds that the longest task took."""
    return max(
        (float(line.fields.get("wall_seconds", 0)) for line in lines if line.event == DONE), default=0.0
    )


def _again(lines: Iterable[Line], fault: Injection, task: tuple[str, str]) -> float | None:
    for line in lines:
        if line.task != task or line.at <= fault.at:
            continue
        elsewhere = line.worker not in fault.victims or fault.kind == "kill_child"
        if line.event == DONE or (line.event == STARTED and elsewhere):
            return line.at - fault.at
    return None


def starts(lines: Iterable[Line], jobs: Iterable[Job]) -> Counter[tuple[str, str]]:
    """Return how often each task was started, as (job's name, task), over all submissions of the job."""
    names = {identity: job.name for job in jobs for identity in job.ids}
    return Counter(
        (names[line.task[0]], line.task[1])
        for line in lines
        if line.event == STARTED and line.task[0] in names
    )


def encoded_again(lines: Iterable[Line], jobs: Iterable[Job], fault_at: float) -> list[str]:
    """Return the tasks that had been done before a fault and were started once more after it."""
    names = {identity: job.name for job in jobs for identity in job.ids}
    done = {
        (names.get(line.task[0]), line.task[1])
        for line in lines
        if line.event == DONE and line.at < fault_at and line.fields.get("outcome") in _COUNTED
    }
    return sorted(
        f"{names[line.task[0]]} {line.task[1]}"
        for line in lines
        if line.event == STARTED
        and line.at > fault_at
        and line.task[0] in names
        and (names[line.task[0]], line.task[1]) in done
    )
