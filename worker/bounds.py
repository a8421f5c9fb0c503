"""What a task can need, and how messages call it: worked out from the plan, before any child is trusted."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from gopfarm.child.limits import Limits
from gopfarm.plan import AudioTask, Task, VideoTask, span

#: Encoders may miss their rate: a task may write so many times what its rates come to,
_RATE_FACTOR: Final = 4

#: and so much more for each file, for headers and for what short segments cost.
_BYTES_PER_FILE: Final = 256 * 1024

#: and so much for the tables that filters read (tone-mapping writes one, of a few MB).
_TABLES_BYTES: Final = 32 * 1024 * 1024

#: Bytes of text that a second of subtitles can sensibly have, for each track.
_TEXT_BYTES_PER_SECOND: Final = 16 * 1024

#: Encoders that run on the GPU.
_GPU_ENDING: Final = "_nvenc"


def limits_of(task: Task, base: Limits) -> Limits:
    """Return what the child that runs a task may use.

    Args:
        task: The task.
        base: What any child may use.
    """
    gpu = isinstance(task, VideoTask) and any(
        rendition.encoder.endswith(_GPU_ENDING) for rendition in task.renditions
    )
    return base.lasting(task.limit_seconds).writing(_most_bytes(task)).with_gpu(gpu)


def _most_bytes(task: Task) -> int:
    if isinstance(task, VideoTask):
        rate, count = sum(rendition.maxrate for rendition in task.renditions), len(task.renditions)
    elif isinstance(task, AudioTask):
        rate, count = task.rendition.bitrate, 1
    else:
        rate, count = _TEXT_BYTES_PER_SECOND * 8 * len(task.renditions), len(task.renditions)
    start, end = span(task)
    files = count * (len(task.segments) + 1)
    return int((end - start) * rate / 8 * _RATE_FACTOR) + files * _BYTES_PER_FILE + _TABLES_BYTES


def described(task: Task) -> str:
    """Say which task it is, as in "video-00003 (segments 12 to 16, 1:02 to 1:32 of the stream)"."""
    first, last = task.segments[0].number, task.segments[-1].number
    segments = f"segments {first} to {last}" if last > first else f"segment {first}"
    start, end = span(task)
    return f"{task.id} ({segments}, {_clock(start)} to {_clock(end)} of the stream)"


def _clock(seconds: Fraction) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
