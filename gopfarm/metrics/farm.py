"""What the leading scheduler tells of the whole farm, as it has last counted it.

Any other process tells nothing of it: two that did would differ, and sums over processes would be wrong.
Queries take ``max by (...)``, which is right also in the moment in which the lead changes hands.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from gopfarm.metrics.catalogue import Label, Metric, Role, declare
from gopfarm.metrics.labels import LIVE_STATE, QUEUE

#: Figures that were not taken anew for so many seconds are not told any more: whoever took them hangs, or
#: leads no more without knowing.
STALE_SECONDS = 20.0

#: Values by the values of the labels.
Values = Mapping[tuple[str, ...], float]


class FarmGauges(Collector):
    """The farm-wide gauges, all of one moment."""

    def __init__(self) -> None:
        self._shown: tuple[float, Mapping[Metric, Values]] | None = None
        self.metrics: list[Metric] = []

    def declare(self, name: str, text: str, asks: str, *labels: Label) -> Metric:
        """Declare one of them."""
        metric = declare(Metric(name, "gauge", text, asks, labels, (Role.LEADER,), self))
        self.metrics.append(metric)
        return metric

    def show(self, values: Mapping[Metric, Values]) -> None:
        """Tell these from now on, until they are stale."""
        self._shown = time.monotonic() + STALE_SECONDS, values

    def hide(self) -> None:
        """Tell nothing any more: this process does not lead."""
        self._shown = None

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return what is told."""
        shown = self._shown
        if shown is None or time.monotonic() > shown[0]:
            return
        for metric in self.metrics:
            yield _family(metric, shown[1].get(metric, {}))

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Return what may be told, without values."""
        return [_family(metric, {}) for metric in self.metrics]


def _family(metric: Metric, values: Values) -> GaugeMetricFamily:
    family = GaugeMetricFamily(metric.name, metric.help, labels=[label.name for label in metric.labels])
    for of, value in values.items():
        family.add_metric([label.bound(part) for label, part in zip(metric.labels, of, strict=True)], value)
    return family


FARM = FarmGauges()

_KEEPS_UP = "Does the farm keep up?"
_STUCK = "Is anything stuck?"
_SIZE = "How large is the farm?"
_WEBHOOKS = "Do webhooks get through?"

BACKLOG = FARM.declare(
    "gopfarm_backlog_slot_seconds",
    "Seconds that one slot is expected to take for all that is not done: tasks without a result, those that "
    "run included, and jobs without a plan, which count as jobs planned lately did.",
    "How many slots does it take to be done in time?",
    QUEUE,
)
TASKS_WAITING = FARM.declare(
    "gopfarm_tasks_waiting", "Tasks of planned jobs that wait for a worker to start them.", _KEEPS_UP, QUEUE
)
TASKS_RUNNING = FARM.declare(
    "gopfarm_tasks_running",
    "Tasks that a worker has; second runs of slow tasks not counted.",
    _KEEPS_UP,
    QUEUE,
)
OLDEST_WAITING_TASK_SECONDS = FARM.declare(
    "gopfarm_oldest_waiting_task_seconds",
    "Longest time for which a job with tasks waiting for the queue was given out nothing; 0 if none wait.",
    _STUCK,
    QUEUE,
)
JOBS = FARM.declare("gopfarm_jobs", "Jobs that have not ended.", _KEEPS_UP, LIVE_STATE)
OLDEST_JOB_SECONDS = FARM.declare(
    "gopfarm_oldest_job_seconds",
    "Longest time for which a job has been in its state; 0 if none is in it.",
    _STUCK,
    LIVE_STATE,
)
FARM_SLOTS = FARM.declare("gopfarm_farm_slots", "Slots that live workers offer.", _SIZE, QUEUE)
FARM_WORKERS = FARM.declare("gopfarm_farm_workers", "Workers that were heard of lately.", _SIZE)
FARM_SCHEDULERS = FARM.declare("gopfarm_farm_schedulers", "Schedulers that were heard of lately.", _SIZE)
WEBHOOKS_WAITING = FARM.declare(
    "gopfarm_webhooks_waiting", "Webhooks that are still to be delivered.", _WEBHOOKS
)
WEBHOOKS_DEAD = FARM.declare(
    "gopfarm_webhooks_dead", "Webhooks that were given up and can be replayed.", _WEBHOOKS
)
WEBHOOKS_OLDEST_SECONDS = FARM.declare(
    "gopfarm_webhooks_oldest_waiting_seconds",
    "Time since the oldest event that a webhook still waits for; 0 if none waits.",
    _WEBHOOKS,
)

REGISTRY.register(FARM)
