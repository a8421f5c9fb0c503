"""A small farm of the bench: what it pretends must not change what the control plane does."""

from __future__ import annotations

from bench.control_plane.measure import RECORDS, Load, farm, left_behind
from gopfarm.store import JobState, TaskStore
from tests.farm.processes import until

SLOTS = 4


def test_all_jobs_are_done_in_their_order_and_leave_only_their_records() -> None:
    with farm(Load(slots=SLOTS, jobs=4, tenants=2, tasks=24, task_seconds=0.0)) as running:
        store = TaskStore(running.client, 1000)
        first = [running.submit_one(number, f"tenant-{number % 2}") for number in range(3)]
        running.plan(3)
        urgent = running.submit_one(3, "tenant-1", priority=9)
        running.plan(4)
        running.fleet.open()
        running.run(running.all_ended)
        assert [store.state(job) for job in (*first, urgent)] == [JobState.DONE] * 4
        views = store.views([*first, urgent])
        assert all(view is not None and view.tasks == view.tasks_done == 6 for view in views)
        tally = running.tally()
        order = [start.job for start in tally.starts]
        assert len(order) == running.tasks == 24, "every task was started once"
        assert order[:6] == [urgent] * 6, "it came last, and goes first"
        assert tally.refused == tally.unwanted == 0
        until(lambda: left_behind(running.client).keys() <= RECORDS, "the last messages are acknowledged")
