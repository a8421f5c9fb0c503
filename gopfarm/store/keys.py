"""The names of everything that the farm keeps in Redis, besides dramatiq's own queues."""

from __future__ import annotations

PREFIX = "gopfarm"

#: Sorted set of job ids by the time of submission.
JOBS = f"{PREFIX}:jobs"

#: Set of the jobs that have, or may soon have, tasks to give out.
ACTIVE = f"{PREFIX}:active"

#: Sorted set of "job task" by the time at which the task is given again, unless it is heard of before.
LEASES = f"{PREFIX}:leases"

#: Sorted set of jobs whose unpublished files are to be removed, by the earliest time for it.
CLEANUP = f"{PREFIX}:cleanup"

#: Hash of worker id to its latest announcement.
WORKERS = f"{PREFIX}:workers"

#: Stream of what happened to jobs. The names from here on are also in ``lua/lib/events.lua``.
EVENTS = f"{PREFIX}:events"

#: Sorted set of the webhooks that are still to be delivered, by when the next try is due.
DELIVERIES = f"{PREFIX}:deliveries"

#: The same, by the time of the event.
DELIVERIES_BY_AGE = f"{DELIVERIES}:age"

#: Sorted set of the webhooks that were given up, by the time of that.
DEAD = f"{PREFIX}:dead"


def delivery(delivery_id: str) -> str:
    """Hash of one delivery: event, job as it was then, tries, outcome, last error."""
    return f"{PREFIX}:delivery:{delivery_id}"


def job(job_id: str) -> str:
    """Hash with the state of a job; the keys of its parts begin with this name."""
    return f"{PREFIX}:job:{job_id}"


def plan(job_id: str) -> str:
    """Return the key of the plan, as JSON."""
    return f"{job(job_id)}:plan"


def tasks(job_id: str) -> str:
    """Hash of task id to the task, as JSON."""
    return f"{job(job_id)}:tasks"


def pending(job_id: str) -> str:
    """Sorted set of the tasks that are not given out yet, most expensive first (score: minus the cost)."""
    return f"{job(job_id)}:pending"


def owners(job_id: str) -> str:
    """Hash of task id to the worker that runs it."""
    return f"{job(job_id)}:owners"


def attempts(job_id: str) -> str:
    """Hash of task id to how often it was started."""
    return f"{job(job_id)}:attempts"


def results(job_id: str) -> str:
    """Hash of task id to its result, as JSON."""
    return f"{job(job_id)}:results"


def progress(job_id: str) -> str:
    """Hash of task id to the frames or samples done so far."""
    return f"{job(job_id)}:progress"


def lease(job_id: str, task_id: str) -> str:
    """Return the member of ``LEASES`` that stands for a task."""
    return f"{job_id} {task_id}"


def step(job_id: str) -> str:
    """Lock of the scheduler that probes, plans or publishes the job; it runs out by itself."""
    return f"{job(job_id)}:step"


PARTS = (plan, tasks, pending, owners, attempts, results, progress)
