"""Counting what a task has delivered."""

from __future__ import annotations

import math

from gopfarm.metrics import working
from gopfarm.metrics.labels import rendition_class
from gopfarm.plan import Task, VideoTask, span
from gopfarm.results import RenditionResult, TaskResult


def count_result(task: Task, outcome: str, result: TaskResult, tenant_class: str) -> None:
    """Count a task that was finished here, whatever it was worth to the job in the end.

    A child made the result, and media may have taken it over: numbers that cannot be are counted as 0.
    """
    kind, seconds = task.kind, _amount(result.wall_seconds)
    working.TASKS.labels(kind, outcome).inc()
    working.TASK_SECONDS.labels(kind).observe(seconds)
    if seconds:
        start, end = span(task)
        working.TASK_REALTIME_FACTOR.labels(kind).observe(float(end - start) / seconds)
    working.TASK_MEMORY.labels(kind).observe(_amount(result.peak_memory))
    working.TASK_CPU_SECONDS.labels(kind, tenant_class).inc(_amount(result.cpu_seconds))
    working.SOURCE_BYTES.labels(kind, tenant_class).inc(_amount(result.source_bytes_read))
    working.STORED_BYTES.labels(kind, tenant_class).inc(sum(map(_stored, result.renditions)))
    working.FRAMES_DECODED.labels(kind).inc(_amount(result.frames_decoded))
    working.FRAMES_DAMAGED.labels(kind).inc(_amount(result.frames_damaged))
    if isinstance(task, VideoTask):
        _count_renditions(task, result)


def _count_renditions(task: VideoTask, result: TaskResult) -> None:
    planned = {rendition.name: rendition for rendition in task.renditions}
    for made in result.renditions:
        rendition = planned.get(made.rendition)
        if rendition is not None:
            labels = rendition_class(rendition.width, rendition.height), rendition.encoder
            frames = sum(_amount(segment.length) for segment in made.segments)
            working.FRAMES_ENCODED.labels(*labels).inc(frames)
            working.ENCODE_SECONDS.labels(*labels).inc(_amount(made.encode_seconds))


def _stored(made: RenditionResult) -> float:
    files = [*made.segments, *(file for file in (made.init, made.whole) if file is not None)]
    return sum(_amount(file.size) for file in files)


def _amount(value: float) -> float:
    return value if math.isfinite(value) and value > 0 else 0
