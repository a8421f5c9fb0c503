"""The dispatch loop: what the leading scheduler does whenever the bell rings, and at least twice a second."""

from __future__ import annotations

import threading
import time

from gopfarm import metrics
from gopfarm.log import get_logger
from gopfarm.store import REDIS_FAULTS, Board, Fleet, Leadership, TaskStore
from gopfarm.store.locks import LEADER_SECONDS
from scheduler.admission import Admission
from scheduler.dispatch import Dispatcher, Round
from scheduler.ends import Ends
from scheduler.figures import FarmFigures
from scheduler.reconcile import Reconciler
from scheduler.stragglers import stragglers

log = get_logger(__name__)

#: Seconds between two rounds; the bell rings earlier where there may be something to do.
_LOOP_SECONDS = 0.5

#: After a round comes a pause of so many times the CPU seconds that it took. So rounds take a tenth of a
#: core at most, however often the bell rings: on a small farm they are short, and follow each other within
#: hundredths of a second; on a large one more is done in each, and its queues hold work for much longer
#: than a pause.
_PAUSE_PER_ROUND = 9.0

#: A single command that takes so many seconds was held up by Redis.
_HELD_UP_SECONDS = 2.0

#: Seconds between looks for slow tasks, more if they would take more than this share of the time; and between
#: announcements of this scheduler.
_TWINS_EVERY_SECONDS = 2.0
_TWINS_SHARE = 0.05
_ANNOUNCE_EVERY_SECONDS = 3.0


class DispatchLoop:
    """A thread that leads if nobody else does: takes back lost tasks, repairs, and fills the queues.

    Args:
        name: Name of this scheduler.
        leadership: The lock by which one scheduler leads.
        fleet, store, board: What it works on.
        dispatcher, admission, reconciler, ends, figures: Its duties.
    """

    def __init__(
        self,
        name: str,
        leadership: Leadership,
        fleet: Fleet,
        store: TaskStore,
        board: Board,
        dispatcher: Dispatcher,
        admission: Admission,
        reconciler: Reconciler,
        ends: Ends,
        figures: FarmFigures,
    ) -> None:
        self._name = name
        self._leadership = leadership
        self._fleet = fleet
        self._store = store
        self._board = board
        self._dispatcher = dispatcher
        self._admission = admission
        self._reconciler = reconciler
        self._ends = ends
        self._figures = figures
        self._stopping = threading.Event()
        self._leads = False
        self._heard = time.monotonic()  # when Redis said last whether this scheduler leads
        self._announced = -_ANNOUNCE_EVERY_SECONDS
        self._twins_due = 0.0
        self._thread = threading.Thread(target=self._run, name="dispatch", daemon=True)

    def start(self) -> None:
        """Begin. Redis may have been away until now: workers get time to renew before any lease has ended."""
        self._reconciler.stay_calm()
        self._thread.start()

    def stop(self) -> None:
        """End after the round in hand, and let another scheduler lead at once."""
        self._stopping.set()
        try:
            self._board.ring()
            self._thread.join()
            self._figures.forget()
            metrics.LEADER.set(0)
            self._leadership.leave()
            self._fleet.scheduler_leaves(self._name)
        except REDIS_FAULTS:
            log.warning("redis is out of reach: the farm will notice by itself that this scheduler is gone")
        self._thread.join()

    def tell_of_ends(self) -> None:
        """After ``stop``, where no other scheduler takes over: count and trace what has ended at the last."""
        try:
            self._ends.count()
        except REDIS_FAULTS as error:
            log.warning("redis is out of reach", reason=str(error))

    def _run(self) -> None:
        while not self._stopping.is_set():
            began = time.thread_time()
            try:
                if self._round():
                    continue
                took = time.thread_time() - began
                self._stopping.wait(min(_LOOP_SECONDS, _PAUSE_PER_ROUND * took))
                if self._leads:
                    self._board.wait(_LOOP_SECONDS)
                else:
                    self._stopping.wait(_LOOP_SECONDS)  # whoever leads hears the bell
            except REDIS_FAULTS as error:
                log.warning("redis is out of reach", reason=str(error))
                self._reconciler.stay_calm()
                # While Redis is away nobody leads; whoever led finds out afterwards whether it still does.
                if time.monotonic() - self._heard > LEADER_SECONDS:
                    self._lead(False)
                self._stopping.wait(_LOOP_SECONDS)

    def _lead(self, leads: bool) -> None:
        """Begin or cease to lead."""
        if leads == self._leads:
            return
        self._leads = leads
        metrics.LEADER.set(leads)
        log.info("this scheduler leads" if leads else "this scheduler does not lead any more")
        self._dispatcher.forget()
        self._figures.forget()

    def _round(self) -> bool:
        """Do what is due; return whether more could have been given out, had there been more time."""
        if time.monotonic() - self._announced >= _ANNOUNCE_EVERY_SECONDS:
            self._fleet.announce_scheduler(self._name)
            self._announced = time.monotonic()
        began = time.monotonic()
        self._lead(self._leadership.keep())
        self._heard = time.monotonic()
        if self._heard - began > _HELD_UP_SECONDS:
            self._reconciler.stay_calm()
        if not self._leads:
            return False
        with metrics.ROUND_SECONDS.time():
            return self._do_duties()

    def _do_duties(self) -> bool:
        # A duty that fails, be it for a record that cannot be read, must not keep the others from theirs.
        more = False
        for duty in (self._reconciler.run, self._dispatch, self._ends.count, self._figures.take):
            try:
                more = bool(duty()) or more
            except REDIS_FAULTS:
                raise
            except Exception:
                log.exception("the dispatch loop met a bug")
        return more

    def _dispatch(self) -> bool:
        done = self._dispatcher.fill()
        metrics.TASKS_QUEUED.inc(done.queued)
        self._admission.fill(done.waiting, sum(done.slots.values()))
        began = time.monotonic()
        if began >= self._twins_due:
            self._give_twins(done)
            took = time.monotonic() - began
            self._twins_due = began + max(_TWINS_EVERY_SECONDS, took / _TWINS_SHARE)
        return done.cut_short

    def _give_twins(self, done: Round) -> None:
        """Run slow tasks a second time where slots would stand idle."""
        busy = {queue for job in done.waiting for queue, count in job.waiting.items() if count}
        queues = {queue for queue in done.slots if queue not in busy and not self._board.has_messages(queue)}
        idle = sum(done.slots.values()) - self._board.leases()
        if not queues or len(self._fleet.workers()) < 2:
            return
        for job_id in self._store.active_jobs():
            for run in stragglers(self._board.runs(job_id), queues):
                if idle <= 0:
                    return
                if self._store.give_twin(job_id, run.task):
                    idle -= 1
                    metrics.TWINS.inc()
                    with self._store.about(job_id):
                        log.info("a slow task gets a twin", task=run.task, elapsed=round(run.elapsed, 1))
