"""The backlog in seconds of one slot: what all work is expected to take that is not done. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Collection

from gopfarm.store.census import Census
from scheduler.dispatch import QUEUES, video_queue
from scheduler.prepare import wanted_encoder

#: What a job without a plan counts for as long as none was planned for its queue: a film of a few minutes.
FIRST_GUESS_SECONDS = 600.0


def backlog_seconds(census: Census, encoders: Collection[str]) -> dict[str, float]:
    """Return the backlog of every queue, 0 where there is nothing to do.

    Tasks count what the cost model expects, whole until they have a result. A job that has no plan yet counts
    as the jobs did that were planned lately for the queue that it would go to now.

    Args:
        census: What is to be done.
        encoders: The video encoders that live workers have.
    """
    seconds = {queue: census.queues[queue].seconds for queue in QUEUES}
    for choice, jobs in census.unplanned.items():
        main = video_queue(wanted_encoder(choice, encoders))
        for queue, mean in census.planned.get(main, {main: FIRST_GUESS_SECONDS}).items():
            seconds[queue] = seconds.get(queue, 0.0) + jobs * mean
    return seconds
