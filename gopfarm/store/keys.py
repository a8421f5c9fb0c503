"""The names of everything that the farm keeps in Redis, besides dramatiq's own queues.

``lua/lib/base.lua`` has the same names for the scripts.
"""

from __future__ import annotations

PREFIX = "gopfarm"

#: Sorted set of job ids by the time of submission.
JOBS = f"{PREFIX}:jobs"

#: Set of the jobs that have not ended.
LIVE = f"{PREFIX}:live"

#: Sorted set of jobs that wait to be probed, by the time of submission less what their priority is worth in
#: waiting: the most urgent first.
QUEUED = f"{PREFIX}:queued"

#: Sorted sets of jobs that are to be probed and planned, or published, by the time at which the message that
#: asks for it is sent again, unless somebody is heard of who does it.
PREPARING = f"{PREFIX}:preparing"
PUBLISHING = f"{PREFIX}:publishing"

#: Sorted set of the jobs whose playlists grow, by when somebody looks at them next.
GROWING = f"{PREFIX}:growing"

#: Set of the jobs that have, or may soon have, tasks to give out.
ACTIVE = f"{PREFIX}:active"

#: Hash of what planned jobs were expected to take, see ``Census.planned``.
PLANNED = f"{PREFIX}:planned"

#: Set of the jobs that have other tasks to give out than the leading scheduler has seen.
CHANGED = f"{PREFIX}:changed"

#: List with one entry while there may be something for the leading scheduler to do, which waits for it.
BELL = f"{PREFIX}:bell"

#: Sorted set of "job run" by the time at which the task is given again, unless it is heard of before.
LEASES = f"{PREFIX}:leases"

#: Sorted set of jobs whose unpublished files are to be removed, by the earliest time for it.
CLEANUP = f"{PREFIX}:cleanup"

#: Hash of worker id to its latest announcement; hash of scheduler id to when it was last heard of.
WORKERS = f"{PREFIX}:workers"
SCHEDULERS = f"{PREFIX}:schedulers"

#: The scheduler that gives out tasks and repairs; runs out by itself.
LEADER = f"{PREFIX}:leader"

#: Hash of tenant to the work given to it so far, in seconds divided by its weight.
SHARES = f"{PREFIX}:shares"

#: Set of the tenants that have, or had not long ago, jobs that have not ended.
TENANTS = f"{PREFIX}:tenants"

#: Stream of what happened to jobs. The names from here on are also in ``lua/lib/events.lua``.
EVENTS = f"{PREFIX}:events"

#: Up to where events have been counted for the metrics.
EVENTS_COUNTED = f"{EVENTS}:counted"

#: Sorted set of the webhooks that are still to be delivered, by when the next try is due.
DELIVERIES = f"{PREFIX}:deliveries"

#: The same, by the time of the event.
DELIVERIES_BY_AGE = f"{DELIVERIES}:age"

#: Sorted set of the webhooks that were given up, by the time of that.
DEAD = f"{PREFIX}:dead"


def state(name: str) -> str:
    """Sorted set of the jobs in a state that is not an end, by when they entered it."""
    return f"{PREFIX}:state:{name}"


def unplanned(encoder: str) -> str:
    """Set of the jobs without a plan whose profile names this encoder."""
    return f"{PREFIX}:unplanned:{encoder}"


def delivery(delivery_id: str) -> str:
    """Hash of one delivery: event, job as it was then, tries, outcome, last error."""
    return f"{PREFIX}:delivery:{delivery_id}"


def job(job_id: str) -> str:
    """Hash with the state of a job; the keys of its parts begin with this name."""
    return f"{PREFIX}:job:{job_id}"


def plan(job_id: str) -> str:
    """Return the key of the plan, as compressed JSON."""
    return f"{job(job_id)}:plan"


def common(job_id: str) -> str:
    """Hash of name to a value, as JSON, that several tasks of the job have in common."""
    return f"{job(job_id)}:common"


def tasks(job_id: str) -> str:
    """Hash of task id to the task, as JSON: what it has in common with others is in ``common``."""
    return f"{job(job_id)}:tasks"


def orders(job_id: str) -> str:
    """Hash of task id to "queue score seconds length".

    That is where and how early it is given out, the seconds it is expected to take, its frames or samples.
    """
    return f"{job(job_id)}:orders"


def pending(job_id: str, queue: str) -> str:
    """Sorted set of the tasks for a queue that are not given out yet, first the one of the lowest score."""
    return f"{job(job_id)}:pending:{queue}"


def queued(job_id: str) -> str:
    """Hash of run to the message that was sent for it and of which no worker has been heard yet."""
    return f"{job(job_id)}:queued"


def owners(job_id: str) -> str:
    """Hash of run to who runs it: "worker#nonce"."""
    return f"{job(job_id)}:owners"


def started(job_id: str) -> str:
    """Hash of run to when it was started last."""
    return f"{job(job_id)}:started"


def seconds(job_id: str) -> str:
    """Hash of task id to the seconds from its start to its result."""
    return f"{job(job_id)}:seconds"


def attempts(job_id: str) -> str:
    """Hash of task id to how often it was started."""
    return f"{job(job_id)}:attempts"


def failures(job_id: str) -> str:
    """List of failed attempts, as JSON, oldest first."""
    return f"{job(job_id)}:failures"


def results(job_id: str) -> str:
    """Hash of task id to its result, as compressed JSON."""
    return f"{job(job_id)}:results"


def progress(job_id: str) -> str:
    """Hash of run to the frames or samples done so far."""
    return f"{job(job_id)}:progress"


def twins(job_id: str) -> str:
    """Hash of task id to when it was given a speculative twin."""
    return f"{job(job_id)}:twins"


def lease(job_id: str, run: str) -> str:
    """Return the member of ``LEASES`` that stands for a run of a task."""
    return f"{job_id} {run}"


def tenant_jobs(tenant: str) -> str:
    """Set of a tenant's jobs that have not ended."""
    return f"{PREFIX}:tenant:{tenant}:jobs"


def tenant_runs(tenant: str) -> str:
    """Set of a tenant's leases: what it has been given out."""
    return f"{PREFIX}:tenant:{tenant}:runs"


def priority(level: int | str) -> str:
    """Set of the jobs of a priority that have not ended."""
    return f"{PREFIX}:priority:{level}"


def throughput(minute: int | str) -> str:
    """Hash of what was done in a minute since 1970: tasks, and milliseconds of films."""
    return f"{PREFIX}:throughput:{minute}"


def destination(digest: str) -> str:
    """Lock of a destination: who publishes, removes or takes stock there."""
    return f"{PREFIX}:destination:{digest}"


def queue(name: str) -> str:
    """Return dramatiq's list of the messages that wait in a queue."""
    return f"dramatiq:{name}"


#: What belongs to a job, besides its hash and the tasks that wait in ``pending``.
PARTS = (
    plan,
    common,
    tasks,
    orders,
    queued,
    owners,
    started,
    seconds,
    attempts,
    failures,
    results,
    progress,
    twins,
)
