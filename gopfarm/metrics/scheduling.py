"""What a scheduler counts of its own work. Ends of jobs are counted by the one that leads, each once."""

from __future__ import annotations

from gopfarm.metrics.catalogue import Role, counter, gauge, histogram
from gopfarm.metrics.labels import (
    DELIVERY,
    END,
    ERROR_KIND,
    LEASE_OUTCOME,
    REFUSAL,
    REPAIR,
    STEP,
    TENANT_CLASS,
)

_ROLE = (Role.SCHEDULER,)
_INTAKE = (Role.SCHEDULER, Role.API)
_FAST = "How soon are jobs done?"
_HEALTHY = "Is the farm healthy?"
_LOAD = "How much is asked of the farm, and by whom?"
_WORKS = "Does the scheduler itself keep up?"

_MINUTES = (2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400)

LEADER = gauge(
    "gopfarm_scheduler_leads",
    "Whether this scheduler is the one that gives out tasks (1) or not (0).",
    "Does exactly one scheduler lead?",
    _ROLE,
)
JOBS_SUBMITTED = counter(
    "gopfarm_jobs_submitted_total",
    "Jobs that this process has taken in: a scheduler from the queue, an API by HTTP.",
    _LOAD,
    _INTAKE,
    TENANT_CLASS,
    from_zero=True,
)
JOBS_REFUSED = counter(
    "gopfarm_jobs_refused_total",
    "Submissions that this process has refused: a scheduler from the queue, an API by HTTP.",
    "Do backends submit what cannot be done?",
    _INTAKE,
    REFUSAL,
    from_zero=True,
)
JOBS_ENDED = counter(
    "gopfarm_jobs_ended_total",
    "Jobs that have ended, counted by the leading scheduler. Refused submissions are none.",
    "How many jobs succeed, and how many fail?",
    _ROLE,
    END,
    TENANT_CLASS,
    from_zero=True,
)
JOB_FAILURES = counter(
    "gopfarm_job_failures_total",
    "Jobs that have failed, by the kind of error.",
    "Why do jobs fail: by their sources, or by the farm?",
    _ROLE,
    ERROR_KIND,
    from_zero=True,
)
JOB_SECONDS = histogram(
    "gopfarm_job_duration_seconds",
    "Time from submission to publication of jobs that are done.",
    _FAST,
    _ROLE,
    _MINUTES,
)
JOB_QUEUE_SECONDS = histogram(
    "gopfarm_job_queue_seconds",
    "Time from submission until a job's first task was started; counted when the job has ended.",
    "How long do jobs wait for their turn?",
    _ROLE,
    _MINUTES,
)
FIRST_PLAYABLE_SECONDS = histogram(
    "gopfarm_first_playable_seconds",
    "Time from submission until a progressive job can be watched.",
    "How soon can a film be watched?",
    _ROLE,
    _MINUTES,
)
JOB_REALTIME_FACTOR = histogram(
    "gopfarm_job_realtime_factor",
    "Seconds of film for each second from submission to publication of jobs that are done.",
    _FAST,
    _ROLE,
    (0.01, 0.03, 0.1, 0.3, 0.5, 1, 2, 3, 5, 10, 20, 50, 100),
)
MEDIA_SECONDS = counter(
    "gopfarm_media_seconds_total",
    "Seconds of film of jobs that are done.",
    "How much film is done, and for whom?",
    _ROLE,
    TENANT_CLASS,
    from_zero=True,
)
TASKS_QUEUED = counter(
    "gopfarm_tasks_queued_total", "Tasks that this scheduler has given out.", _WORKS, _ROLE, from_zero=True
)
LEASES_EXPIRED = counter(
    "gopfarm_leases_expired_total",
    "Leases that ended without being renewed: workers that were lost, or cut off from Redis.",
    _HEALTHY,
    _ROLE,
    LEASE_OUTCOME,
    from_zero=True,
)
REPAIRS = counter(
    "gopfarm_repairs_total",
    "What the reconciler found fallen between two hands and put right.",
    "Has Redis lost anything?",
    _ROLE,
    REPAIR,
    from_zero=True,
)
TWINS = counter(
    "gopfarm_task_twins_total",
    "Slow tasks that were given to a second worker.",
    "Is a machine ill?",
    _ROLE,
    from_zero=True,
)
ROUND_SECONDS = histogram(
    "gopfarm_dispatch_round_seconds",
    "Time that a round of the leading scheduler takes: giving out tasks, taking back lost ones, counting.",
    _WORKS,
    _ROLE,
    (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10),
)
STEP_SECONDS = histogram(
    "gopfarm_step_seconds",
    "Time that a step of a job takes this scheduler, whatever comes of it.",
    "What takes long besides encoding?",
    _ROLE,
    (0.1, 0.3, 1, 2, 5, 10, 30, 60, 120, 300, 600),
    STEP,
)
WEBHOOK_DELIVERIES = counter(
    "gopfarm_webhook_deliveries_total",
    "Tries of this scheduler to deliver a webhook.",
    "Do webhooks get through?",
    _ROLE,
    DELIVERY,
    from_zero=True,
)
