"""What the leading scheduler tells Prometheus of the whole farm, taken anew every few seconds."""

from __future__ import annotations

import time

import redis

from gopfarm import metrics
from gopfarm.store import CensusTaker, Fleet
from gopfarm.store.deliveries import DeliveryStore
from scheduler.backlog import backlog_seconds
from scheduler.dispatch import QUEUES

#: Seconds between two counts; more where counting would take more than this share of the time, but no more
#: than the figures are told for.
_EVERY_SECONDS = 5.0
_SHARE = 0.01
_AT_LEAST_EVERY_SECONDS = metrics.STALE_SECONDS / 2


class FarmFigures:
    """Counts the farm for metrics.

    Args:
        client: A connection that decodes responses.
        fleet: The workers and schedulers.
    """

    def __init__(self, client: redis.Redis, fleet: Fleet) -> None:
        self._census = CensusTaker(client)
        self._fleet = fleet
        self._deliveries = DeliveryStore(client, ttl_seconds=0)  # it is only read
        self._due = 0.0

    def take(self) -> None:
        """Count the farm, if that is due."""
        began = time.monotonic()
        if began < self._due:
            return
        metrics.FARM.show(self._values())
        pause = max(_EVERY_SECONDS, (time.monotonic() - began) / _SHARE)
        self._due = began + min(pause, _AT_LEAST_EVERY_SECONDS)

    def forget(self) -> None:
        """Tell nothing of the farm any more, and count it at once when asked the next time."""
        metrics.FARM.hide()
        self._due = 0.0

    def _values(self) -> dict[metrics.Metric, metrics.Values]:
        census, webhooks = self._census.take(QUEUES), self._deliveries.backlog()
        workers = self._fleet.workers()
        encoders = {encoder for worker in workers for encoder in worker.encoders}
        backlog = backlog_seconds(census, encoders)
        slots = {queue: sum(worker.slots.get(queue, 0) for worker in workers) for queue in QUEUES}
        queues, states = census.queues.items(), census.states.items()
        return {
            metrics.BACKLOG: {(queue,): backlog[queue] for queue in QUEUES},
            metrics.TASKS_WAITING: {(queue,): count.waiting for queue, count in queues},
            metrics.TASKS_RUNNING: {(queue,): count.running for queue, count in queues},
            metrics.OLDEST_WAITING_TASK_SECONDS: {(queue,): count.idle_seconds for queue, count in queues},
            metrics.JOBS: {(state.value,): count.jobs for state, count in states},
            metrics.OLDEST_JOB_SECONDS: {(state.value,): count.oldest_seconds for state, count in states},
            metrics.FARM_SLOTS: {(queue,): slots[queue] for queue in QUEUES},
            metrics.FARM_WORKERS: {(): len(workers)},
            metrics.FARM_SCHEDULERS: {(): len(self._fleet.schedulers())},
            metrics.WEBHOOKS_WAITING: {(): webhooks.waiting},
            metrics.WEBHOOKS_DEAD: {(): webhooks.dead},
            metrics.WEBHOOKS_OLDEST_SECONDS: {(): webhooks.oldest_seconds},
        }
