"""What a worker counts of its own work. Its children export nothing: their parent counts them."""

from __future__ import annotations

from gopfarm.metrics.catalogue import Role, counter, gauge, histogram
from gopfarm.metrics.labels import (
    CHILD_END,
    ENCODER,
    QUEUE,
    RENDITION,
    TASK_KIND,
    TASK_OUTCOME,
    TENANT_CLASS,
)

_ROLE = (Role.WORKER,)
_BUSY = "Are slots busy or idle?"
_HEALTHY = "Do tasks fail, and why?"
_FAST = "How fast is encoding?"
_COST = "What does it cost, and for whom?"

SLOTS = gauge("gopfarm_slots", "Tasks that this worker runs at a time.", _BUSY, _ROLE, QUEUE)
SLOTS_BUSY = gauge("gopfarm_slots_busy", "Slots that run a task now.", _BUSY, _ROLE, QUEUE)
ACCEPTING = gauge(
    "gopfarm_worker_accepting",
    "Whether this worker takes tasks (1), or does not, as it stops or wants room for scratch (0).",
    _BUSY,
    _ROLE,
)
SCRATCH_FREE = gauge(
    "gopfarm_scratch_free_bytes",
    "Bytes that are free where tasks write segments before upload.",
    "Is there room on the scratch disk?",
    _ROLE,
)
TASKS = counter(
    "gopfarm_tasks_total",
    "Runs of tasks that have ended here.",
    _HEALTHY,
    _ROLE,
    TASK_KIND,
    TASK_OUTCOME,
    from_zero=True,
)
CHILDREN_ENDED = counter(
    "gopfarm_children_ended_total",
    "Child processes that have ended: those of tasks, and in schedulers of probes.",
    "Do encoders or decoders crash?",
    (Role.WORKER, Role.SCHEDULER),
    CHILD_END,
    from_zero=True,
)
CHILD_CPU_SECONDS = counter(
    "gopfarm_child_cpu_seconds_total",
    "Processor time of child processes. What is not of those that ended `ok` was spent for nothing.",
    _COST,
    (Role.WORKER, Role.SCHEDULER),
    CHILD_END,
    from_zero=True,
)
TASK_SECONDS = histogram(
    "gopfarm_task_duration_seconds",
    "Time that finished tasks took in their child process.",
    _FAST,
    _ROLE,
    (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800),
    TASK_KIND,
)
TASK_REALTIME_FACTOR = histogram(
    "gopfarm_task_realtime_factor",
    "Seconds of film for each second that a finished task took.",
    _FAST,
    _ROLE,
    (0.03, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 500),
    TASK_KIND,
)
TASK_MEMORY = histogram(
    "gopfarm_task_peak_memory_bytes",
    "Most memory that the child process of a finished task had.",
    "How much memory does a slot need?",
    _ROLE,
    tuple(mebibytes * 2**20 for mebibytes in (128, 192, 256, 350, 500, 700, 900, 1300, 2000, 4000)),
    TASK_KIND,
)
TASK_CPU_SECONDS = counter(
    "gopfarm_task_cpu_seconds_total",
    "Processor time of finished tasks.",
    _COST,
    _ROLE,
    TASK_KIND,
    TENANT_CLASS,
)
SOURCE_BYTES = counter(
    "gopfarm_source_read_bytes_total",
    "Bytes of sources that finished tasks have read over a network.",
    _COST,
    _ROLE,
    TASK_KIND,
    TENANT_CLASS,
)
STORED_BYTES = counter(
    "gopfarm_stored_bytes_total",
    "Bytes of media that finished tasks have stored: segments, init segments and whole subtitle files.",
    _COST,
    _ROLE,
    TASK_KIND,
    TENANT_CLASS,
)
FRAMES_DECODED = counter(
    "gopfarm_frames_decoded_total", "Frames that finished tasks have decoded.", _FAST, _ROLE, TASK_KIND
)
FRAMES_DAMAGED = counter(
    "gopfarm_frames_damaged_total",
    "Packets of sources that could not be decoded.",
    "Are sources damaged?",
    _ROLE,
    TASK_KIND,
)
FRAMES_ENCODED = counter(
    "gopfarm_frames_encoded_total",
    "Frames of video that finished tasks have encoded.",
    _FAST,
    _ROLE,
    RENDITION,
    ENCODER,
)
ENCODE_SECONDS = counter(
    "gopfarm_encode_seconds_total",
    "Time that finished tasks have spent in encoding and packaging video: frames by this are frames per "
    "second of one slot. Decoding and scaling, which renditions share, are not in it.",
    _FAST,
    _ROLE,
    RENDITION,
    ENCODER,
)
