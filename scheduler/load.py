"""How busy a farm is, as far as a job that is being planned is concerned."""

from __future__ import annotations

from dataclasses import dataclass

from gopfarm.store import Board, Fleet


@dataclass(frozen=True)
class Load:
    """A farm's slots of one queue, and what is to be done before a new job's tasks are.

    ``running`` are tasks that slots have or will fetch next, ``waiting`` those that are not given out yet,
    and ``jobs`` those that are not even planned.
    """

    slots: int
    running: int = 0
    waiting: int = 0
    jobs: int = 0


def load_of(board: Board, fleet: Fleet, queue: str) -> Load:
    """Return how busy the workers of a queue are. At least one slot is assumed: it may be about to come."""
    waiting = sum(job.waiting[queue] for job in board.jobs_with_tasks([queue]))
    return Load(max(1, fleet.slots()[queue]), board.leases(), waiting, len(board.jobs_to_prepare()))
