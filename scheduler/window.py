"""The window: tasks that lie in the workers' queues, where they can still be taken back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from gopfarm.log import get_logger
from gopfarm.store import Board, Given, TaskStore, WaitingJob
from gopfarm.tenants import TenantPolicy, policy_of

log = get_logger(__name__)


@dataclass(frozen=True)
class Entry:
    """A task that lies in a queue, with what was known when it was put there.

    ``charged`` is what its tenant was charged for it: expected seconds divided by weight.
    """

    given: Given
    tenant: str
    urgency: int
    charged: float


class Window:
    """What this scheduler has put into the queues. Another one's entries are not known, and left alone.

    Args:
        store, board: Where tasks are moved and tenants charged.
        policies: Weights by tenant.
    """

    def __init__(self, store: TaskStore, board: Board, policies: Mapping[str, TenantPolicy]) -> None:
        self._store = store
        self._board = board
        self._policies = policies
        self._entries: dict[str, Entry] = {}

    def keep(self, messages: Collection[str]) -> None:
        """Forget the entries that workers have fetched: all but those of these messages."""
        self._entries = {message: entry for message, entry in self._entries.items() if message in messages}

    def send(self, job: WaitingJob, queue: str, urgency: int) -> Entry | None:
        """Give out the next task of a job; None if it has none for the queue any more."""
        given = self._store.give_out(job.id, queue)
        if given is None:
            return None
        charged = given.seconds / policy_of(job.tenant, self._policies).weight
        self._board.charge(job.tenant, charged)
        self._entries[given.message] = entry = Entry(given, job.tenant, urgency, charged)
        log.debug("task queued", job=job.id, task=given.run, queue=queue)
        return entry

    def recall_below(self, queue: str, urgency: int) -> Entry | None:
        """Take back the least urgent task that waits in a queue, if it is less urgent than that."""
        below = [
            entry
            for entry in self._entries.values()
            if entry.given.queue == queue and entry.urgency < urgency
        ]
        # Of the least urgent, the one that was put there last: it would have waited longest.
        below.reverse()
        for entry in sorted(below, key=lambda entry: entry.urgency):
            del self._entries[entry.given.message]
            if self._store.recall(entry.given):
                self._board.charge(entry.tenant, -entry.charged)
                log.debug("task taken back for a more urgent one", job=entry.given.job, task=entry.given.run)
                return entry
        return None
