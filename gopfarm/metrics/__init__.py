"""What Prometheus can ask of the farm's processes, in base units, with few labels and no job ids.

Each metric is declared once (``catalogue``), in the module of who counts it: ``farm`` by the leading
scheduler for all, ``scheduling``, ``working``, and ``process`` by everyone. docs/metrics.md is written from
that.
"""

from gopfarm.metrics.catalogue import Label, Metric, Role, catalogue
from gopfarm.metrics.farm import (
    BACKLOG,
    FARM,
    FARM_SCHEDULERS,
    FARM_SLOTS,
    FARM_WORKERS,
    JOBS,
    OLDEST_JOB_SECONDS,
    OLDEST_WAITING_TASK_SECONDS,
    STALE_SECONDS,
    TASKS_RUNNING,
    TASKS_WAITING,
    WEBHOOKS_DEAD,
    WEBHOOKS_OLDEST_SECONDS,
    WEBHOOKS_WAITING,
    Values,
)
from gopfarm.metrics.labels import TENANT_CLASS, rendition_class
from gopfarm.metrics.process import (
    HTTP_REQUESTS,
    HTTP_SECONDS,
    REDIS_ERRORS,
    REDIS_SECONDS,
    STORAGE_ERRORS,
    STORAGE_SECONDS,
)
from gopfarm.metrics.results import count_result
from gopfarm.metrics.scheduling import (
    FIRST_PLAYABLE_SECONDS,
    JOB_FAILURES,
    JOB_QUEUE_SECONDS,
    JOB_REALTIME_FACTOR,
    JOB_SECONDS,
    JOBS_ENDED,
    JOBS_REFUSED,
    JOBS_SUBMITTED,
    LEADER,
    LEASES_EXPIRED,
    MEDIA_SECONDS,
    REPAIRS,
    ROUND_SECONDS,
    STEP_SECONDS,
    TASKS_QUEUED,
    TWINS,
    WEBHOOK_DELIVERIES,
)
from gopfarm.metrics.serving import registry_of, serve_metrics
from gopfarm.metrics.working import (
    ACCEPTING,
    CHILD_CPU_SECONDS,
    CHILDREN_ENDED,
    SCRATCH_FREE,
    SLOTS,
    SLOTS_BUSY,
    TASKS,
)

#: Every metric of the farm.
CATALOGUE = catalogue()


def sample_names() -> frozenset[str]:
    """Return every name that a query can ask for, ``_bucket``, ``_sum`` and ``_count`` included."""
    return frozenset(name for metric in CATALOGUE for name in metric.samples)


__all__ = [
    "ACCEPTING",
    "BACKLOG",
    "CATALOGUE",
    "CHILDREN_ENDED",
    "CHILD_CPU_SECONDS",
    "FARM",
    "FARM_SCHEDULERS",
    "FARM_SLOTS",
    "FARM_WORKERS",
    "FIRST_PLAYABLE_SECONDS",
    "HTTP_REQUESTS",
    "HTTP_SECONDS",
    "JOBS",
    "JOBS_ENDED",
    "JOBS_REFUSED",
    "JOBS_SUBMITTED",
    "JOB_FAILURES",
    "JOB_QUEUE_SECONDS",
    "JOB_REALTIME_FACTOR",
    "JOB_SECONDS",
    "LEADER",
    "LEASES_EXPIRED",
    "MEDIA_SECONDS",
    "OLDEST_JOB_SECONDS",
    "OLDEST_WAITING_TASK_SECONDS",
    "REDIS_ERRORS",
    "REDIS_SECONDS",
    "REPAIRS",
    "ROUND_SECONDS",
    "SCRATCH_FREE",
    "SLOTS",
    "SLOTS_BUSY",
    "STALE_SECONDS",
    "STEP_SECONDS",
    "STORAGE_ERRORS",
    "STORAGE_SECONDS",
    "TASKS",
    "TASKS_QUEUED",
    "TASKS_RUNNING",
    "TASKS_WAITING",
    "TENANT_CLASS",
    "TWINS",
    "WEBHOOKS_DEAD",
    "WEBHOOKS_OLDEST_SECONDS",
    "WEBHOOKS_WAITING",
    "WEBHOOK_DELIVERIES",
    "Label",
    "Metric",
    "Role",
    "Values",
    "count_result",
    "registry_of",
    "rendition_class",
    "sample_names",
    "serve_metrics",
]
