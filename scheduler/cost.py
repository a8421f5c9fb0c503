"""What a plan will cost, before it is run: a model fitted to measured encodes. Pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

from gopfarm.plan import Plan, VideoTask
from gopfarm.profile import X264_PRESETS

#: CPU seconds per million pixels encoded by x264 with one thread, by preset. Measured for veryfast and medium
#: on natural 1080p scenes in the standard ladder (see docs/benchmarks.md); the others follow from the usual
#: distances between presets. Another machine is faster or slower by one factor.
_ENCODE_SECONDS = dict(
    zip(X264_PRESETS, (0.006, 0.009, 0.016, 0.026, 0.033, 0.038, 0.065, 0.115, 0.21), strict=True)
)

#: CPU seconds per million source pixels to decode and scale, and per second of sound.
_DECODE_SECONDS = 0.005
_AUDIO_SECONDS = 0.008

#: CPU seconds to start a task's process.
_START_SECONDS = 0.3

_MILLION = 1e6


@dataclass(frozen=True)
class Cost:
    """An estimate: CPU seconds of all tasks, and bytes stored at the planned average rates."""

    cpu_seconds: float
    stored_bytes: int


def estimate(plan: Plan) -> Cost:
    """Estimate what a plan costs on one CPU core of the reference machine. NVENC tasks count their decode."""
    facts = plan.facts
    cpu = sum(_task_seconds(task, plan) for task in plan.tasks if isinstance(task, VideoTask))
    cpu += sum(float(track.duration) * _AUDIO_SECONDS + _START_SECONDS for track in facts.audio)
    seconds = plan.grid_frames / plan.grid_rate if plan.video else 0
    stored = sum(rendition.bitrate * seconds for rendition in plan.video)
    stored += sum(
        rendition.bitrate * track.duration for rendition, track in zip(plan.audio, facts.audio, strict=True)
    )
    return Cost(round(cpu, 1), int(stored / 8))


def _task_seconds(task: VideoTask, plan: Plan) -> float:
    video = plan.facts.video
    assert video is not None
    frames = task.end - task.start
    decoded = frames + max(0, task.start - task.seek.slot)
    cost = _START_SECONDS + decoded * video.width * video.height / _MILLION * _DECODE_SECONDS
    for rendition in task.renditions:
        if rendition.encoder == "libx264":
            pixels = frames * rendition.width * rendition.height / _MILLION
            cost += pixels * _ENCODE_SECONDS[rendition.preset]
    return cost
