"""What Prometheus can ask a scheduler or a worker: counters in base units, with few labels and no job ids."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram, start_http_server

from gopfarm.errors import ServiceError
from gopfarm.results import TaskResult

TASKS = Counter(
    "gopfarm_tasks",
    "Tasks that this worker has run, by kind (video, audio, subtitles) and outcome.",
    ["kind", "outcome"],
)
TASK_SECONDS = Histogram(
    "gopfarm_task_duration_seconds",
    "Time that finished tasks took in their child process.",
    ["kind"],
    buckets=(1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800),
)
TASK_CPU_SECONDS = Counter("gopfarm_task_cpu_seconds", "CPU time of finished tasks.", ["kind"])
TASK_MEMORY = Histogram(
    "gopfarm_task_peak_memory_bytes",
    "Most memory that the child process of a finished task had.",
    ["kind"],
    buckets=tuple(mebibytes * 2**20 for mebibytes in (128, 192, 256, 350, 500, 700, 900, 1300, 2000, 4000)),
)
SOURCE_BYTES = Counter(
    "gopfarm_source_read_bytes", "Bytes of sources that finished tasks have read over a network.", ["kind"]
)
FRAMES_DECODED = Counter("gopfarm_frames_decoded", "Frames that finished tasks have decoded.", ["kind"])
FRAMES_DAMAGED = Counter("gopfarm_frames_damaged", "Packets that could not be decoded.", ["kind"])
STORED_BYTES = Counter("gopfarm_stored_bytes", "Bytes of segments that finished tasks have stored.", ["kind"])

JOBS_SUBMITTED = Counter("gopfarm_jobs_submitted", "Jobs that this scheduler has taken in.")
JOBS_ENDED = Counter("gopfarm_jobs_ended", "Jobs that this scheduler has seen end, by state.", ["state"])
JOB_SECONDS = Histogram(
    "gopfarm_job_duration_seconds",
    "Time from submission to publication of jobs that are done.",
    buckets=(10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600),
)
FIRST_PLAYABLE_SECONDS = Histogram(
    "gopfarm_first_playable_seconds",
    "Time from submission until a progressive job can be watched.",
    buckets=(2, 5, 10, 20, 30, 60, 120, 300, 600, 1800),
)
TASKS_QUEUED = Counter("gopfarm_tasks_queued", "Tasks that this scheduler has given out.")
LEASES_EXPIRED = Counter(
    "gopfarm_leases_expired", "Leases that ended without being renewed, by outcome.", ["outcome"]
)
LEADER = Gauge(
    "gopfarm_scheduler_leads", "Whether this scheduler is the one that gives out tasks (1) or not (0)."
)
REPAIRS = Counter(
    "gopfarm_repairs",
    "What the reconciler found fallen between two hands and put right, by kind: a step or a task's message "
    "that got lost, a task, lease, job or tenant's entry that was on no list or a wrong one.",
    ["kind"],
)
TWINS = Counter("gopfarm_task_twins", "Slow tasks that were given to a second worker.")

WEBHOOK_DELIVERIES = Counter(
    "gopfarm_webhook_deliveries",
    "Tries of this scheduler to deliver a webhook, by outcome: delivered, retry or dead.",
    ["outcome"],
)
WEBHOOKS_WAITING = Gauge("gopfarm_webhooks_waiting", "Webhooks of the farm that are still to be delivered.")
WEBHOOKS_DEAD = Gauge("gopfarm_webhooks_dead", "Webhooks of the farm that were given up and can be replayed.")
WEBHOOKS_OLDEST_SECONDS = Gauge(
    "gopfarm_webhooks_oldest_waiting_seconds", "Time since the oldest event that a webhook still waits for."
)

HTTP_REQUESTS = Counter(
    "gopfarm_http_requests", "Requests that the HTTP API has answered.", ["method", "route", "status"]
)
HTTP_SECONDS = Histogram(
    "gopfarm_http_request_seconds",
    "Time from a request to the end of its answer.",
    ["method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


def count_result(kind: str, outcome: str, result: TaskResult) -> None:
    """Count a task that was finished."""
    TASKS.labels(kind, outcome).inc()
    TASK_SECONDS.labels(kind).observe(result.wall_seconds)
    TASK_CPU_SECONDS.labels(kind).inc(result.cpu_seconds)
    TASK_MEMORY.labels(kind).observe(result.peak_memory)
    SOURCE_BYTES.labels(kind).inc(result.source_bytes_read)
    FRAMES_DECODED.labels(kind).inc(result.frames_decoded)
    FRAMES_DAMAGED.labels(kind).inc(result.frames_damaged)
    sizes = (segment.size for rendition in result.renditions for segment in rendition.segments)
    STORED_BYTES.labels(kind).inc(sum(sizes))


def serve_metrics(port: int) -> None:
    """Answer Prometheus on a TCP port, in a background thread, until the process ends.

    Raises:
        ServiceError: The port cannot be listened on.
    """
    try:
        start_http_server(port)
    except OSError as error:
        raise ServiceError(f"metrics cannot be served on port {port}: {error.strerror}") from None
