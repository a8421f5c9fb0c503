"""What a plan will cost, before it is run: a model fitted to measured encodes. Pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

from gopfarm.facts import SourceFacts
from gopfarm.plan import AudioRendition, AudioTask, Plan, SubtitleTask, Task, VideoTask
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

#: CPU seconds per second of a subtitle track, and bytes of its cues.
_SUBTITLE_SECONDS = 0.0002
_SUBTITLE_BYTES = 20

#: CPU seconds to start a task's process.
_START_SECONDS = 0.3

#: A task that takes so many times what is expected of it, and so many seconds more, hangs. The machine may be
#: slow and busy, and the source far away: it may also come in at as few bytes a second as this.
_PATIENCE = 40.0
_GRACE_SECONDS = 120.0
_SLOWEST_READ = 500_000

_MILLION = 1e6


@dataclass(frozen=True)
class Cost:
    """An estimate: CPU seconds of all tasks, and bytes stored at the planned average rates."""

    cpu_seconds: float
    stored_bytes: int


def estimate(plan: Plan) -> Cost:
    """Estimate what a plan costs on one CPU core of the reference machine. NVENC tasks count their decode."""
    facts = plan.facts
    cpu = sum(_video_seconds(task, facts) for task in plan.tasks if isinstance(task, VideoTask))
    durations = {track.stream: track.duration for track in facts.audio}
    heard = [(rendition, float(durations[rendition.stream])) for rendition in plan.audio]
    cpu += sum(_audio_seconds(rendition, seconds) for rendition, seconds in heard)
    texts = [task for task in plan.tasks if isinstance(task, SubtitleTask)]
    spoken = sum(float(task.duration) * len(task.renditions) for task in texts)
    cpu += spoken * _SUBTITLE_SECONDS + len(texts) * _START_SECONDS
    seconds = plan.grid_frames / plan.grid_rate if plan.video else 0
    stored = sum(rendition.bitrate * seconds for rendition in plan.video)
    heard_bits = sum(rendition.bitrate * seconds for rendition, seconds in heard)
    return Cost(round(cpu, 1), int((stored + heard_bits) / 8 + spoken * _SUBTITLE_BYTES))


def limit_seconds(task: Task, facts: SourceFacts) -> float:
    """Return the seconds after which a task is taken for hanging, in proportion to its work."""
    reading = facts.source.size / _SLOWEST_READ
    return round(_GRACE_SECONDS + _PATIENCE * expected_seconds(task, facts) + reading, 1)


def expected_seconds(task: Task, facts: SourceFacts) -> float:
    """Return the seconds that a task is expected to keep a slot busy, on the reference machine."""
    if isinstance(task, VideoTask):
        return _video_seconds(task, facts)
    if isinstance(task, AudioTask):
        return _audio_seconds(task.rendition, float(facts.duration))
    return _START_SECONDS + float(facts.duration) * (_AUDIO_SECONDS + _SUBTITLE_SECONDS)


def _audio_seconds(rendition: AudioRendition, seconds: float) -> float:
    passes = 1 if rendition.loudness is None else 2
    return _START_SECONDS + seconds * _AUDIO_SECONDS * passes


def _video_seconds(task: VideoTask, facts: SourceFacts) -> float:
    video = facts.video
    assert video is not None
    frames = task.end - task.start
    decoded = frames + max(0, task.start - task.seek.slot)
    cost = _START_SECONDS + decoded * video.width * video.height / _MILLION * _DECODE_SECONDS
    for rendition in task.renditions:
        if rendition.encoder == "libx264":
            pixels = frames * rendition.width * rendition.height / _MILLION
            cost += pixels * _ENCODE_SECONDS[rendition.preset]
    return cost
