"""The measure of shares sees what is fair and what is not."""

from __future__ import annotations

from tests.chaos.logs import DONE, STARTED, Line
from tests.fair.shares import Share, shares

WEIGHTS = {"a": 1.0, "b": 2.0}


def measured(order: str) -> dict[str, Share]:
    """Measure tasks of a second each that one slot ran in an order of tenants."""
    lines, tenants = [], {}
    for second, tenant in enumerate(order):
        job = f"job-{second}"
        tenants[job] = tenant
        fields = {"job": job, "task": "video-00000"}
        lines += [Line(second, "worker", STARTED, fields), Line(second + 0.9, "worker", DONE, fields)]
    return shares(lines, tenants, WEIGHTS)


def test_turns_by_weight_are_fair() -> None:
    assert max(share.off for share in measured("bab" * 10).values()) < 0.1


def test_turns_one_by_one_are_not() -> None:
    assert max(share.off for share in measured("ab" * 10 + "b" * 10).values()) > 0.2


def test_only_the_time_counts_in_which_all_had_work_waiting() -> None:
    found = measured("bab" * 5 + "a" * 30)
    assert sum(share.tasks for share in found.values()) == 14
