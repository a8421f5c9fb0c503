"""Slow tasks: which of them get a speculative twin at another worker. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Collection
from statistics import median

from gopfarm.store import JobRuns, RunningTask
from gopfarm.store.board import kind_of

#: Finished tasks of the same kind that tell how long one takes here, at least.
_SIBLINGS = 2

#: A task is slow that has run for so many times what its siblings took for as much work, and is expected to
#: need as many times that still, so that a twin would come first.
_SLOW = 1.5

#: Seconds of running before which no task is called slow: its progress says nothing yet.
_AT_LEAST_SECONDS = 5.0


def stragglers(runs: JobRuns, queues: Collection[str]) -> list[RunningTask]:
    """Return the running tasks of a job that are much slower than its finished ones, the slowest first.

    Only tasks of the named queues, those that have idle slots.
    """
    slow = []
    for run in runs.running:
        pace = _pace(runs, kind_of(run.task))
        if run.queue not in queues or run.has_twin or pace is None or run.elapsed < _AT_LEAST_SECONDS:
            continue
        usual = run.expected * pace
        left = run.elapsed / run.done - run.elapsed if run.done > 0 else float("inf")
        if run.elapsed > _SLOW * usual and left > _SLOW * usual:
            slow.append((left, run))
    return [run for _, run in sorted(slow, key=lambda item: -item[0])]


def _pace(runs: JobRuns, kind: str) -> float | None:
    """Return the real seconds for each expected one, as the job's finished tasks of a kind took."""
    paces = [real / expected for sort, expected, real in runs.finished if sort == kind and expected > 0]
    return median(paces) if len(paces) >= _SIBLINGS else None
