"""Running a task: from an open source and a scratch folder to segment files. Pure work, no farm around it."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TypeVar

import av.error
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame

from encoders.aac import encode_track
from encoders.audio import track_samples
from encoders.cascade import Cascade
from encoders.decode import DecodeCounts, timed
from encoders.frames import grid_frames
from encoders.loudness import amplified, measure
from encoders.media import open_media
from encoders.package import PACKAGERS, Packager, TrackHeader
from encoders.pcm import Samples
from encoders.sidedata import without
from encoders.subtitles import run_subtitles
from encoders.video import RenditionEncoder
from gopfarm.errors import EncodeError
from gopfarm.plan import AudioTask, SubtitleTask, Task, VideoRendition, VideoTask
from gopfarm.results import RenditionResult, SegmentResult, TaskResult
from gopfarm.stopwatch import Stopwatch

#: Told (rendition, file) when a file is whole in the scratch folder ``<scratch>/<rendition>/``.
OnFile = Callable[[str, SegmentResult], None]

#: Told the frames (video) or samples (audio) that are done so far.
OnProgress = Callable[[int], None]

#: Pictures that one encoder takes before the next one's turn comes: so it finds its own data in the caches of
#: the processor, which the largest rendition empties with each picture. They take so many bytes at most, of
#: which a pixel in 8-bit 4:2:0 is one and a half.
_BATCH = 16
_BATCH_BYTES = 96 << 20
_PIXEL_BYTES = 1.5

T = TypeVar("T")

#: Linux counts peak memory in KiB.
_RSS_UNIT = 1024


def run_task(
    task: Task, source: BinaryIO, scratch: Path, on_file: OnFile, on_progress: OnProgress
) -> TaskResult:
    """Encode a task.

    Running it again writes the same bytes.

    Raises:
        SourceError: The source cannot be opened.
        EncodeError: It could not be decoded or encoded as planned.
    """
    started, cpu_before = time.monotonic(), _cpu_seconds()
    counts = DecodeCounts()
    try:
        if isinstance(task, VideoTask):
            renditions = _run_video(task, source, scratch, on_file, on_progress, counts)
        elif isinstance(task, SubtitleTask):
            renditions = run_subtitles(task, source, scratch, on_file, on_progress, counts)
        else:
            renditions = (_run_audio(task, source, scratch, on_file, on_progress, counts),)
    except av.error.FFmpegError as error:
        raise EncodeError(f"{task.id}: {error.strerror}") from error
    return TaskResult(
        task=task.id,
        renditions=renditions,
        frames_decoded=counts.frames,
        frames_damaged=counts.damaged,
        frames_concealed=counts.concealed,
        decode_seconds=counts.clock.seconds,
        wall_seconds=time.monotonic() - started,
        cpu_seconds=_cpu_seconds() - cpu_before,
        peak_memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT,
    )


def _run_video(
    task: VideoTask,
    source: BinaryIO,
    scratch: Path,
    on_file: OnFile,
    on_progress: OnProgress,
    counts: DecodeCounts,
) -> tuple[RenditionResult, ...]:
    picture = task.picture
    packagers = [_packager(task, rendition.name, scratch, on_file) for rendition in task.renditions]
    encoders = [
        RenditionEncoder(rendition, picture, task.segments, packager)
        for rendition, packager in zip(task.renditions, packagers, strict=True)
    ]
    cascade = Cascade(task.renditions, picture, scratch, task.sizes)
    clocks = [Stopwatch() for _ in encoders]
    with open_media(source, task.source.url) as container:
        frames = grid_frames(container, picture, task.seek, task.start, task.end, counts)
        pictures = _scaled(frames, cascade, picture.captions)
        for batch in timed(_batches(pictures, _batch_size(task.renditions)), counts.clock):
            for place, encoder in enumerate(encoders):
                with clocks[place]:
                    for slot, images in batch:
                        encoder.encode(images[place], slot)
            on_progress(batch[-1][0] + 1 - task.start)
    results = []
    for encoder, packager, clock in zip(encoders, packagers, clocks, strict=True):
        with clock:
            header = encoder.finish()
        results.append(
            replace(
                _result(encoder.rendition.name, header, packager),
                distortion=encoder.distortion,
                encode_seconds=clock.seconds,
            )
        )
    return tuple(results)


def _scaled(
    frames: Iterable[tuple[int, VideoFrame]], cascade: Cascade, captions: bool
) -> Iterator[tuple[int, list[VideoFrame]]]:
    """Yield (slot, the picture in each size); one that is shown again is scaled once."""
    shown: VideoFrame | None = None
    images: list[VideoFrame] = []
    for slot, frame in frames:
        if frame is not shown:
            shown, images = frame, cascade.scale(frame)
        elif captions:
            # A picture that is shown again says nothing again.
            images = [without(image, [Type.A53_CC]) for image in images]
        yield slot, images


def _batch_size(renditions: Sequence[VideoRendition]) -> int:
    """Return how many pictures an encoder is given at a time."""
    if len(renditions) == 1:
        return 1
    pixels = sum(rendition.width * rendition.height for rendition in renditions)
    return max(1, min(_BATCH, int(_BATCH_BYTES / (_PIXEL_BYTES * pixels))))


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the items in lists of ``size``, the last one of what is left."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def _run_audio(
    task: AudioTask,
    source: BinaryIO,
    scratch: Path,
    on_file: OnFile,
    on_progress: OnProgress,
    counts: DecodeCounts,
) -> RenditionResult:
    rendition = task.rendition
    packager = _packager(task, rendition.name, scratch, on_file)
    loudness = None
    if rendition.loudness is not None:
        with open_media(source, task.source.url) as container:
            samples = _with_sign_of_life(track_samples(container, task, DecodeCounts()), on_progress)
            loudness = measure(samples, rendition.channels, rendition.sample_rate, rendition.loudness)
    with open_media(source, task.source.url) as container:
        samples = track_samples(container, task, counts)
        if loudness is not None and loudness.gain:
            samples = amplified(samples, loudness.gain)
        header = encode_track(timed(samples, counts.clock), rendition, task.segments, packager, on_progress)
    return replace(_result(rendition.name, header, packager), loudness=loudness)


def _with_sign_of_life(blocks: Iterable[Samples], on_progress: OnProgress) -> Iterator[Samples]:
    """Say that work goes on, though nothing is done yet."""
    for block in blocks:
        on_progress(0)
        yield block


def _packager(task: VideoTask | AudioTask, name: str, scratch: Path, on_file: OnFile) -> Packager:
    return PACKAGERS[task.format](scratch / name, lambda file: on_file(name, file))


def _result(name: str, header: TrackHeader, packager: Packager) -> RenditionResult:
    return RenditionResult(
        rendition=name,
        codec=header.codec,
        parameters=header.parameters,
        init=packager.init,
        segments=tuple(packager.segments),
    )


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
