"""Many runs, one after the other, with every kind of fault in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.farm import adopting_orphans
from tests.chaos.film import Film
from tests.chaos.kinds import KINDS, ONLY_WHEN_ASKED
from tests.chaos.run import Result, run_once


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Args:
        seed: What everything random comes from; run ``n`` has the seed ``<seed>.<n>``.
        runs: How many.
        kinds: Faults to take in turn.
        lease_seconds: The lease of the farm's tasks.
        keep_going: Go on after a run that was wrong.
        keep: Keep the folders of all runs, not only of those that were wrong.
        first: Number of the first run.
    """

    seed: str
    runs: int
    kinds: Sequence[str]
    lease_seconds: float
    keep_going: bool = True
    keep: bool = False
    first: int = 1


def possible_kinds() -> list[str]:
    """Return the kinds that a campaign takes in turn, without those for which something is missing."""
    return [name for name, kind in KINDS.items() if kind.possible and name not in ONLY_WHEN_ASKED]


def numbered(plan: Plan) -> Iterator[tuple[int, str, str]]:
    """Yield number, kind and seed of each run: a run can be told by these alone."""
    for number in range(plan.first, plan.first + plan.runs):
        yield number, plan.kinds[(number - 1) % len(plan.kinds)], f"{plan.seed}.{number}"


def campaign(
    plan: Plan, film: Film, folder: Path, heard: Callable[[int, Result], None] = lambda *_: None
) -> list[Result]:
    """Do every run; ``heard`` is told of each as soon as it is over."""
    results = []
    with adopting_orphans():
        for number, kind, seed in numbered(plan):
            result = run_once(film, folder / f"{number:03}-{kind}", kind, seed, plan.lease_seconds, plan.keep)
            results.append(result)
            heard(number, result)
            if not result.right and not plan.keep_going:
                break
    return results
