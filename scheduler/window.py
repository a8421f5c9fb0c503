"""The window: tasks that lie in the workers' queues, where they can still be taken back."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from gopfarm.log import get_logger
from gopfarm.store import Board, Given, TaskStore, WaitingJob, Wanted
from gopfarm.store.tasks import Outlook

log = get_logger(__name__)

#: Entries that are remembered beyond twice the messages that wait, before those that workers have fetched are
#: looked for: looking takes the whole queue to be read.
_SLACK = 1000


@dataclass(frozen=True)
class Pick:
    """A task that is to be given out.

    Args:
        job, queue: From where to where.
        urgency: How urgent the job is.
        seconds: How long the task is expected to take.
        weight: That of the job's tenant.
    """

    job: WaitingJob
    queue: str
    urgency: int
    seconds: float
    weight: float


@dataclass(frozen=True)
class Entry:
    """A task that lies in a queue, with what was known when it was put there.

    ``charged`` is what its tenant was charged for it: expected seconds divided by weight.
    """

    given: Given
    tenant: str
    urgency: int
    charged: float


@dataclass(frozen=True)
class Sent:
    """What was put into queues for each pick (None: the job had nothing), and what the jobs have left."""

    entries: list[Entry | None]
    left: dict[tuple[str, str], Outlook]


class Window:
    """What this scheduler has put into the queues. Another one's entries are not known, and left alone.

    Entries that workers have fetched are forgotten only when somebody asks for the least urgent one, or when
    they have become many.

    Args:
        store, board: Where tasks are moved, and messages read.
    """

    def __init__(self, store: TaskStore, board: Board) -> None:
        self._store = store
        self._board = board
        self._sent = 0
        # By queue: urgency, the number of the entry (negated), the entry. Of the least urgent, the one that
        # was put there last comes first: it would have waited longest.
        self._entries: dict[str, list[tuple[int, int, Entry]]] = {}
        self._fresh: set[str] = set()
        # By queue and urgency, the message that was put there last.
        self._last: dict[str, dict[int, str]] = {}

    def begin_round(self, messages: Mapping[str, int]) -> None:
        """Note how many messages wait by now, by queue."""
        self._fresh.clear()
        for queue, entries in self._entries.items():
            if len(entries) > 2 * messages.get(queue, 0) + _SLACK:
                self._forget_fetched(queue)

    def send(self, picks: Sequence[Pick], look: Mapping[tuple[str, str], int]) -> Sent:
        """Give out tasks in this order; one that is more urgent than others that wait goes before them.

        Args:
            picks: Those.
            look: How many further tasks to look at of which jobs, by job and queue.
        """
        wanted = []
        for number, pick in enumerate(picks, 1):
            place = self._place(pick.queue, pick.urgency)
            wanted.append(Wanted(pick.job.id, pick.queue, pick.weight, place))
            self._last.setdefault(pick.queue, {})[pick.urgency] = Wanted.behind(number)
        out = self._store.give_out_many(wanted, look)
        for pick in picks:
            self._last[pick.queue].pop(pick.urgency, None)
        entries: list[Entry | None] = []
        for pick, given in zip(picks, out.given, strict=True):
            if given is None:
                entries.append(None)
                continue
            self._last[pick.queue][pick.urgency] = given.message
            entry = Entry(given, pick.job.tenant, pick.urgency, given.seconds / pick.weight)
            entries.append(entry)
            self._sent += 1
            heappush(self._entries.setdefault(pick.queue, []), (entry.urgency, -self._sent, entry))
            self._tell("task queued", given)
        return Sent(entries, out.left)

    def _place(self, queue: str, urgency: int) -> str:
        """Return where a task goes: behind the last one that is as urgent, where less urgent ones wait."""
        if self.has_below(queue, urgency) and queue not in self._fresh:
            self._forget_fetched(queue)
        if not self.has_below(queue, urgency):
            return Wanted.END
        last = self._last.get(queue, {})
        nearest = min((level for level in last if level >= urgency), default=None)
        return Wanted.FRONT if nearest is None else last[nearest]

    def has_below(self, queue: str, urgency: int) -> bool:
        """Tell whether a task that is less urgent than that may still wait in a queue."""
        entries = self._entries.get(queue, [])
        return bool(entries) and entries[0][0] < urgency

    def recall_below(self, queue: str, urgency: int) -> Entry | None:
        """Take back the least urgent task that waits in a queue, if it is less urgent than that."""
        while self.has_below(queue, urgency):
            if queue not in self._fresh:
                self._forget_fetched(queue)
                continue
            _, _, entry = heappop(self._entries[queue])
            if self._store.recall(entry.given, entry.charged):
                self._tell("task taken back for a more urgent one", entry.given)
                return entry
        return None

    def _tell(self, event: str, given: Given) -> None:
        if logging.getLogger(__name__).isEnabledFor(logging.DEBUG):  # else nothing is asked of Redis for it
            with self._store.about(given.job):
                log.debug(event, task=given.run, queue=given.queue)

    def _forget_fetched(self, queue: str) -> None:
        messages = set(self._board.messages(queue))
        kept = [item for item in self._entries[queue] if item[2].given.message in messages]
        heapify(kept)
        self._entries[queue] = kept
        last = self._last.get(queue, {})
        self._last[queue] = {level: message for level, message in last.items() if message in messages}
        self._fresh.add(queue)
