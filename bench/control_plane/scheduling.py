"""The scheduler's process: the real role, for which nothing is probed, stored or published.

python -m bench.control_plane.scheduling REDIS_URL
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from typing import Any
from unittest import mock

from bench.control_plane.work import facts_of
from gopfarm.facts import SourceFacts
from gopfarm.log import configure_logging
from gopfarm.plan import Plan
from gopfarm.settings import Settings
from gopfarm.store import TaskStore
from scheduler import prepare, role
from scheduler.resume import Stock
from scheduler.shape import Shape
from scheduler.shaping import choose_shape
from stitcher import MASTER, Published


class NoDestination:
    """A destination where nothing is looked for."""

    def check_writable(self) -> None:
        """It could be written."""


def no_probe(url: str, settings: Settings, wanted: Callable[[], bool]) -> SourceFacts:
    """Return what a film is, without a look at it."""
    return facts_of(url)


def no_destination(url: str) -> NoDestination:
    """Return a destination that takes no time."""
    return NoDestination()


def nothing_stored(destination: NoDestination) -> frozenset[str]:
    """Return the plans of which something lies at a destination: none."""
    return frozenset()


def nothing_finished(plan: Plan, destination: NoDestination) -> Stock:
    """Return what lies at a destination: nothing."""
    return Stock(plan, {})


def undivided(*of: Any, **more: Any) -> Shape:
    """Choose a shape, which takes time, and take the one of the longest chunks: jobs have so many tasks."""
    choose_shape(*of, **more)
    return Shape()


def no_publication(store: TaskStore, job_id: str, plan: Plan, before_each: Callable[[], None]) -> Published:
    """Read what publishing reads in Redis, and compare it with the plan."""
    assert {result.task for result in store.results(job_id)} == {task.id for task in plan.tasks}
    store.attempts(job_id)
    before_each()
    return Published(store.spec(job_id).destination, MASTER, None, False, "job.json", ())


def main() -> None:
    """Run the role until SIGTERM."""
    configure_logging("warning")
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    with (
        mock.patch.object(role, "probe_url", no_probe),
        mock.patch.object(role, "open_destination", no_destination),
        mock.patch.object(role, "stored_plans", nothing_stored),
        mock.patch.object(role, "take_stock", nothing_finished),
        mock.patch.object(prepare, "choose_shape", undivided),
        mock.patch.object(role, "publish_job", no_publication),
    ):
        scheduler = role.Scheduler(Settings(redis_url=sys.argv[1]))
        scheduler.start()
        ended.wait()
        scheduler.stop()


if __name__ == "__main__":
    main()
