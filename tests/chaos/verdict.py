"""The verdict on a run: every promise of the farm, looked at one by one."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from tests.chaos import leftovers
from tests.chaos.film import Film, digest, published
from tests.chaos.recovery import encoded_again, given_again, longest_task, recovery, starts
from tests.chaos.scene import ENDED, Injection, Job, Scene
from tests.chaos.watcher import Watcher

#: What can be wrong: a job is gone; what is published is not the film; nothing happens any more; something is
#: left behind; any other promise is broken.
LOST, CORRUPT, HUNG, LEAKED, WRONG = "lost", "corrupt", "hung", "leaked", "wrong"

#: Seconds that an idle farm gets to put everything away.
_SETTLE_SECONDS = 20.0

#: A segment may be encoded so many times, on average over a job.
_MOST_ENCODED = 2.0

#: A dead worker is noticed by the end of its lease; finding its tasks a new worker may take this much more.
_HANDOVER_SECONDS = 5.0

#: Of each kind of fault so many are listed; one broken thing tends to show in many files.
_MOST_LISTED = 5


@dataclass
class Verdict:
    """What became of a run. ``faults`` are pairs of what kind and what happened; none means that all is well.

    Args:
        states: How each job ended.
        failed_rightly: Jobs that were made to fail, and did with the true reason.
        encoded: How often a segment was encoded, on average.
        recoveries: Seconds by injection, in their order; None where there was nothing to recover from.
    """

    states: list[str] = field(default_factory=list)
    failed_rightly: int = 0
    encoded: float = 0.0
    recoveries: list[float | None] = field(default_factory=list)
    faults: list[tuple[str, str]] = field(default_factory=list)

    def add(self, kind: str, texts: list[str]) -> None:
        """Note faults of one kind."""
        self.faults += [(kind, text) for text in texts[:_MOST_LISTED]]
        if len(texts) > _MOST_LISTED:
            self.faults.append((kind, f"and {len(texts) - _MOST_LISTED} more"))


def judge(scene: Scene, watcher: Watcher) -> Verdict:
    """Judge a run whose jobs should be over; the farm still runs."""
    verdict = Verdict()
    verdict.add(WRONG, scene.faults)
    for job in scene.jobs:
        _judge_job(scene, job, verdict)
    verdict.failed_rightly = sum(job.failed_rightly for job in scene.jobs)
    _settle(scene, verdict)
    _judge_files(scene, verdict)
    verdict.add(CORRUPT, watcher.faults)
    _judge_work(scene, verdict)
    return verdict


def judge_stopped(scene: Scene, verdict: Verdict) -> None:
    """Judge what a farm has left that was stopped; Redis still runs."""
    verdict.add(LEAKED, leftovers.after_stop(scene.farm))
    verdict.add(WRONG, scene.farm.deaths)


def _judge_job(scene: Scene, job: Job, verdict: Verdict) -> None:
    view = scene.farm.status(job.id)
    state = view.get("state", "unknown")
    verdict.states.append(state)
    if not view:
        verdict.add(LOST, [f"{job.name} ({job.id}) is not known"])
    elif state not in ENDED:
        verdict.add(
            HUNG, [f"{job.name} is still {state}, {view['tasks_done']} of {view['tasks']} tasks done"]
        )
    elif state == "failed":
        verdict.add(WRONG, [f"{job.name} failed: {view.get('error_kind')}: {view.get('error')}"])
    elif state != job.expected:
        verdict.add(WRONG, [f"{job.name} is {state} and should be {job.expected}"])


def _settle(scene: Scene, verdict: Verdict) -> None:
    """Let the farm come to rest, then note what does not go away."""
    if any(state not in ENDED for state in verdict.states):
        return  # of a job that is under way there is a lot, and rightly
    deadline = time.monotonic() + _SETTLE_SECONDS
    while found := leftovers.while_running(scene):
        if time.monotonic() > deadline:
            verdict.add(LEAKED, found)
            return
        scene.sleep(0.2)


def _judge_files(scene: Scene, verdict: Verdict) -> None:
    for job, state in zip(scene.jobs, verdict.states, strict=True):
        if state == "done":
            verdict.add(CORRUPT, [f"{job.name}: {fault}" for fault in _differences(scene.film, job)])


def _differences(film: Film, job: Job) -> list[str]:
    names = published(job.place).keys()
    found = [f"{name} is missing" for name in sorted(film.files.keys() - names)]
    found += [f"{name} should not be there" for name in sorted(names - film.files.keys())]
    for name in sorted(names & film.files.keys()):
        if digest(job.place.read(name) or b"") != film.files[name]:
            found.append(f"{name} has other bytes")
    return found


def _judge_work(scene: Scene, verdict: Verdict) -> None:
    lines = scene.farm.logs.lines()
    counted = starts(lines, scene.jobs)
    verdict.encoded = sum(counted.values()) / len(counted) if counted else 0.0
    for job in scene.jobs:
        of_job = [number for (name, _), number in counted.items() if name == job.name]
        average = sum(of_job) / len(of_job) if of_job else 0.0
        if average > _MOST_ENCODED:
            verdict.add(WRONG, [f"{job.name}: segments were encoded {average:.2f} times on average"])
    for injection in scene.injections:
        seconds = recovery(lines, injection, scene.jobs)
        verdict.recoveries.append(seconds)
        _judge_recovery(scene, injection, seconds, verdict)
    if scene.injections:
        for task in encoded_again(lines, scene.jobs, scene.injections[0].at):
            verdict.add(WRONG, [f"{task} was done before the fault, and encoded again after it"])


def _judge_recovery(scene: Scene, injection: Injection, seconds: float | None, verdict: Verdict) -> None:
    """Judge how soon a killed worker's tasks were given out again, and had the next slot that was free."""
    if injection.kind != "kill_worker" or len(scene.injections) > 1 or seconds is None:
        return
    lines = scene.farm.logs.lines()
    limit, given = scene.lease_seconds + _HANDOVER_SECONDS, given_again(lines, injection)
    if given is not None and given > limit:
        verdict.add(WRONG, [f"tasks were given out again after {given:.1f} s, more than {limit:g} s"])
    elif seconds > max(limit, (given or 0.0) + longest_task(lines)):
        verdict.add(WRONG, [f"recovery took {seconds:.1f} s, more than {limit:g} s"])
