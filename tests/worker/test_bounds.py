from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

from gopfarm.child.limits import Limits
from gopfarm.plan import AudioTask, VideoTask, span
from tests.encoders.clips import Clips, plan_of
from worker.bounds import described, limits_of

BASE = Limits(memory_bytes=1 << 30)


def video_and_audio(clip: Clips) -> tuple[VideoTask, AudioTask]:
    tasks = plan_of(clip("closed.mp4")).tasks
    video = next(task for task in tasks if isinstance(task, VideoTask))
    audio = next(task for task in tasks if isinstance(task, AudioTask))
    return video, audio


def test_a_task_is_described_by_its_segments_and_its_time(clip: Clips) -> None:
    video, _ = video_and_audio(clip)
    moved = tuple(
        replace(segment, number=segment.number + 12, start=segment.start + 62 * 25)
        for segment in video.segments
    )
    task = replace(video, segments=moved, picture=replace(video.picture, grid_rate=Fraction(25)))
    assert re.fullmatch(
        r"video-\d+ \(segments? 12( to \d+)?, 1:02 to 1:\d\d of the stream\)", described(task)
    )


def test_what_a_task_may_write_grows_with_rate_and_length(clip: Clips) -> None:
    video, audio = video_and_audio(clip)
    start, end = span(video)
    rates = sum(rendition.maxrate for rendition in video.renditions)
    planned = (end - start) * rates / 8
    assert planned * 2 < limits_of(video, BASE).output_bytes < planned * 4 + 128 * 2**20
    one = replace(video, renditions=video.renditions[:1])
    assert limits_of(one, BASE).output_bytes <= limits_of(video, BASE).output_bytes
    assert limits_of(audio, BASE).output_bytes > 0


def test_processor_time_is_bounded_by_the_limit_of_the_task(clip: Clips) -> None:
    video, _ = video_and_audio(clip)
    assert limits_of(replace(video, limit_seconds=100), BASE).cpu_seconds == 200


def test_only_tasks_for_the_gpu_may_use_it(clip: Clips) -> None:
    video, audio = video_and_audio(clip)
    nvenc = tuple(replace(rendition, encoder="h264_nvenc") for rendition in video.renditions)
    assert limits_of(replace(video, renditions=nvenc), BASE).gpu
    assert not limits_of(video, BASE).gpu
    assert not limits_of(audio, BASE).gpu
