"""Which jobs are probed and planned next, and how far ahead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from gopfarm.settings import Settings
from gopfarm.store import Board, Fleet, StepStore, WaitingJob
from scheduler.fair import next_to_prepare, urgencies

#: Jobs that are probed and planned at a time, by scheduler.
PREPARED_AT_A_TIME = 4

#: Beyond so many planned jobs with waiting tasks, and so many more a slot, only urgent ones, and those of
#: tenants that have none, are planned ahead: a plan that waits takes memory in Redis, and grows old.
_PLANNED_AHEAD = 16
_PLANNED_AHEAD_PER_SLOT = 2


def planned_ahead(slots: int) -> int:
    """Return how many planned jobs a farm of so many slots lets wait before it plans urgent ones only."""
    return _PLANNED_AHEAD + _PLANNED_AHEAD_PER_SLOT * slots


class Admission:
    """Asks for the probing and planning of waiting jobs, in the order in which they will be given out."""

    def __init__(self, board: Board, steps: StepStore, fleet: Fleet, settings: Settings) -> None:
        self._board = board
        self._steps = steps
        self._fleet = fleet
        self._settings = settings

    def fill(self, planned: Sequence[WaitingJob], slots: int) -> int:
        """Call jobs as long as schedulers have room; return how many were called.

        Args:
            planned: The jobs whose tasks wait to be given out.
            slots: Live slots of the farm.
        """
        if not self._board.has_jobs_to_prepare():
            return 0
        room = PREPARED_AT_A_TIME * max(1, len(self._fleet.schedulers())) - self._steps.preparing()
        if room <= 0:
            return 0
        waiting = self._board.jobs_to_prepare()
        urgency = urgencies([*waiting, *planned], self._board.now(), self._settings.aging_seconds)
        ahead = Counter(job.tenant for job in planned)
        enough = len(planned) >= planned_ahead(slots)
        least = min((urgency[job.id] for job in planned), default=0)

        def wanted(job: WaitingJob) -> bool:
            return not enough or urgency[job.id] > least or not ahead[job.tenant]

        called = 0
        while called < room:
            job = next_to_prepare(waiting, urgency, ahead, self._settings.tenants, wanted)
            if job is None:
                break
            waiting.remove(job)
            if self._steps.call(job.id):
                ahead[job.tenant] += 1
                called += 1
        return called
