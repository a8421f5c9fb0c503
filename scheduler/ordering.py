"""In which order the tasks of a job are given out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gopfarm.plan import Task, VideoTask


def ranks(tasks: Sequence[Task], seconds: Mapping[str, float], progressive: bool) -> dict[str, int]:
    """Return the rank of each task by its id: 0 is given out first.

    The longest go first, so that the slots end with short ones and nearly together: a list schedule in that
    order takes at most 4/3 of the shortest possible time (Graham, 1969). For progressive publishing they go
    by time, chunk by chunk all its renditions. Sound and subtitles, of which every segment needs a part, come
    after the first chunk: it is short, and with a single slot would wait for the sound of the whole film.

    Args:
        tasks: The tasks of a job.
        seconds: What each is expected to take, by its id.
        progressive: Whether the stream is published while it grows.
    """

    def longest_first(task: Task) -> tuple[float, float, str]:
        return (-seconds[task.id], _start(task), task.id)

    def as_shown(task: Task) -> tuple[float, bool, float, str]:
        return (_start(task), not isinstance(task, VideoTask), -seconds[task.id], task.id)

    ordered = sorted(tasks, key=as_shown if progressive else longest_first)
    return {task.id: rank for rank, task in enumerate(ordered)}


def _start(task: Task) -> float:
    """Return the first slot of a chunk; 0 for what spans the whole film."""
    return task.start if isinstance(task, VideoTask) else 0
