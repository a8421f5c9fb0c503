"""One look at a job that is published progressively: show viewers what has become whole since then."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import redis

from gopfarm import metrics
from gopfarm.child.parent import AbandonedError
from gopfarm.log import get_logger
from gopfarm.plan import Plan, VideoTask, renditions_of
from gopfarm.storage import Destination, open_destination
from gopfarm.store import TWIN, Growing, JobState, TaskStore, destination_lock
from stitcher import MASTER, is_growing, restore_playlists
from stitcher.growing import Lane, growing_playlists, lanes, shown_with

log = get_logger(__name__)

#: Seconds until the next look at a job of which nothing new can be shown. Such a look asks Redis alone.
_LOOK_SECONDS = 0.5

#: Before anything is shown, a job may wait for slots with thousands of others: the longer it has waited, the
#: less does it matter to be late by this share of the time, or by so many seconds.
_WAIT_SHARE, _LONGEST_WAIT_SECONDS = 0.05, 10.0

#: Seconds until the next look at a job of which nothing more is to be shown before it is whole.
_LEFT_SECONDS = 30.0


class Growth:
    """Shows as much of progressive jobs as is whole.

    Any scheduler may do it at any time, and begin where a dead one left off: what is whole is told by what
    lies at the destination, and as that never becomes less, neither do the playlists. The lock on the
    destination keeps others from writing, publishing or removing there meanwhile.
    """

    def __init__(self, store: TaskStore, client: redis.Redis) -> None:
        self._store = store
        self._client = client
        self._plans: dict[str, tuple[Plan, tuple[Lane, ...]]] = {}

    def look(self, job_id: str) -> float:
        """Publish what is new, if anything is; return the seconds until the next look.

        Raises:
            FarmError: The destination cannot be read or written.
            AbandonedError: The job has gone on, or this process stood still for so long that another one may
                have done more meanwhile.
        """
        job = self._store.growing(job_id)
        if job is None or job.state is not JobState.ENCODING:
            return _LEFT_SECONDS
        progress, shown = self._store.progress(job_id), job.shown
        known = self._plan(job_id, job.plan_hash) if progress else None
        if known is None:
            return pause(job)
        plan, found = known
        if shown_with(found, reported(plan, progress), shown) == shown:
            return pause(job)
        codecs = self._codecs(job_id, plan)
        if codecs is None:
            return _LOOK_SECONDS
        url = self._store.spec(job_id).destination
        destination = open_destination(url)
        with destination_lock(self._client, url) as held:
            job = self._store.growing(job_id)  # another scheduler may just have been at it
            shown = job.shown if job else 0
            if not shown and is_taken(plan, destination):
                return _LEFT_SECONDS
            more = shown_with(found, stored(found, destination), shown)
            if more == shown:
                return _LOOK_SECONDS
            documents = growing_playlists(plan, more, codecs)
            # The master says the same each time, but must come after what it names.
            self._write(job_id, plan, documents[:-1] if shown else documents, destination, held)
            tell_playable(self._store, job_id, more, f"{destination.url}/{MASTER}")
        return max(1.0, plan.target_duration / 2)

    def _plan(self, job_id: str, plan_hash: str | None) -> tuple[Plan, tuple[Lane, ...]] | None:
        """Return a job's plan, which is long to read, with its lanes. A retried job may have another."""
        known = self._plans.get(job_id)
        if known is None or known[0].hash != plan_hash:
            plan = self._store.plan(job_id)
            if plan is None:
                return None
            for ended in set(self._plans) - self._store.all_growing():  # nobody looks at it again
                self._plans.pop(ended, None)
            known = self._plans[job_id] = plan, lanes(plan)
        return known

    def _codecs(self, job_id: str, plan: Plan) -> dict[str, str] | None:
        """Return the codec of every video rendition; None until all of the first chunk is encoded."""
        first = [task for task in plan.tasks if isinstance(task, VideoTask) and task.segments[0].number == 0]
        results = self._store.results_of(job_id, [task.id for task in first])
        codecs = {part.rendition: part.codec for result in results for part in result.renditions}
        return codecs if all(rendition.name in codecs for rendition in plan.video) else None

    def _write(
        self,
        job_id: str,
        plan: Plan,
        documents: Sequence[tuple[str, bytes]],
        destination: Destination,
        held: Callable[[], bool],
    ) -> None:
        for key, data in documents:
            if self._store.state(job_id) is not JobState.ENCODING or not held():
                raise AbandonedError("the job has gone on meanwhile")
            destination.put_bytes(key, data, growing=True)
        if not held():
            self._mend(job_id, plan, destination)
            raise AbandonedError("another scheduler may have published more meanwhile")

    def _mend(self, job_id: str, plan: Plan, destination: Destination) -> None:
        """Undo what was written by a process that had stood still for so long that others did not wait."""
        log.warning("what was written late is put right")
        self._store.forget_shown(job_id)
        with destination_lock(self._client, self._store.spec(job_id).destination):
            state = self._store.state(job_id)
            if state in (JobState.STITCHING, JobState.DONE):
                restore_playlists(plan, self._store.results(job_id), destination)
            elif state in (JobState.FAILED, JobState.CANCELLED):
                self._store.clean_up(job_id)


def pause(job: Growing) -> float:
    """Return the seconds until the next look at a job of which nothing new can be shown."""
    if job.shown:
        return _LOOK_SECONDS
    return min(max(_LOOK_SECONDS, job.encoding_seconds * _WAIT_SHARE), _LONGEST_WAIT_SECONDS)


def reported(plan: Plan, progress: Mapping[str, int]) -> dict[str, int]:
    """Return how many segments may be whole from the start on, by rendition, by what workers report.

    What is encoded may not be stored yet; but what is not encoded need not be looked for.

    Args:
        plan: The plan.
        progress: Frames or samples done, by run of a task.
    """
    whole = {rendition.name: 0 for rendition in plan.renditions}
    for task in plan.tasks:
        done = max(progress.get(task.id, 0), progress.get(task.id + TWIN, 0))
        first = task.segments[0]
        count = sum(segment.end - first.start <= done for segment in task.segments)
        for rendition in renditions_of(task):
            if whole[rendition.name] == first.number:
                whole[rendition.name] += count
    return whole


def stored(found: tuple[Lane, ...], destination: Destination) -> dict[str, int]:
    """Return how many segments lie at a destination from the start on, by rendition: files are whole."""
    return {
        lane.rendition.name: lane.whole(
            {key.rpartition("/")[2] for key in destination.sizes(lane.rendition.directory)}
        )
        for lane in found
    }


def is_taken(plan: Plan, destination: Destination) -> bool:
    """Tell whether viewers have a stream there that a growing one must not replace.

    That is any but one of this plan that has grown before, in a try of the job that failed.
    """
    master = destination.get_bytes(MASTER)
    return master is not None and not (plan.hash.encode() in master and is_growing(plan, destination))


def tell_playable(store: TaskStore, job_id: str, segments: int, master: str) -> None:
    """Note what viewers see; the first time, tell it."""
    if not store.note_shown(job_id, segments, master):
        return
    view = store.view(job_id)
    assert view is not None
    seconds = view.times["playable"] - view.times["queued"]
    metrics.FIRST_PLAYABLE_SECONDS.observe(seconds)
    log.info("job playable", seconds=round(seconds, 3))
