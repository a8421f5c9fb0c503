"""Small plans, and the results that honest workers would report for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from hashlib import sha256
from itertools import accumulate
from math import ceil
from pathlib import Path
from typing import Any

from gopfarm.facts import Colour, Keyframe, SourceFacts, SourceRef
from gopfarm.plan import (
    AudioRendition,
    AudioTask,
    Normaliser,
    Plan,
    SegmentPlan,
    SubtitleRendition,
    SubtitleTask,
    Task,
    VideoRendition,
    VideoTask,
    renditions_of,
)
from gopfarm.profile import SegmentFormat
from gopfarm.results import RenditionResult, SegmentResult, TaskResult
from gopfarm.storage.file import FileDestination
from stitcher.check import check_results
from stitcher.presentation import Presentation, present

SOURCE = SourceRef("file:///films/film.mp4", 1_000_000, "etag")
CODECS = {"720p": "avc1.64001f", "360p": "avc1.64001e"}
AAC = "mp4a.40.2"


def segments(*lengths: int, start: int = 0) -> tuple[SegmentPlan, ...]:
    """Segments of the given lengths, one after the other."""
    edges = accumulate(lengths, initial=start)
    return tuple(
        SegmentPlan(n, at, length) for n, (at, length) in enumerate(zip(edges, lengths, strict=False))
    )


def video(name: str = "720p", width: int = 1280, height: int = 720) -> VideoRendition:
    """One rung."""
    return VideoRendition(
        name, f"{name}/0a1b2c3d4e5f", width, height, "libx264", "medium", 2_800_000, 2_996_000, 4_200_000
    )


LADDER = (video(), video("360p", 640, 360))


def audio(
    language: str = "en", title: str = "", default: bool = False, number: int = 0, sample_rate: int = 48_000
) -> AudioRendition:
    """One track."""
    name = f"audio-{number}"
    return AudioRendition(
        name, f"{name}/0a1b2c3d4e5f", number + 1, language, title, default, 2, sample_rate, 128_000
    )


def words(
    language: str = "eng",
    title: str = "",
    default: bool = False,
    forced: bool = False,
    impaired: bool = False,
    number: int = 0,
) -> SubtitleRendition:
    """One subtitle track."""
    name = f"subtitles-{number}"
    return SubtitleRendition(
        name, f"{name}/0a1b2c3d4e5f", number + 5, language, title, default, forced, impaired
    )


def make_plan(
    *,
    segment_format: SegmentFormat = "cmaf",
    rate: Fraction = Fraction(30000, 1001),
    ladder: Sequence[VideoRendition] = LADDER,
    lengths: Sequence[int] = (180, 180, 180, 91),
    tracks: Sequence[AudioRendition] = (audio(),),
    audio_lengths: Sequence[int] = (288_768, 287_744, 288_768, 145_408),
    audio_start: int = 0,
    subtitles: Sequence[SubtitleRendition] = (),
) -> Plan:
    """A plan of two video chunks (the first two segments, and the rest) and one task for each track."""
    frames = segments(*lengths) if ladder else ()
    samples = segments(*audio_lengths, start=audio_start)
    chunks = [chunk for chunk in (frames[:2], frames[2:]) if chunk]
    picture = Normaliser(0, Fraction(1, 90_000), 0, rate, 0, Colour(1, 1, 1, False), Colour(1, 1, 1, False))
    tasks: list[Task] = [
        VideoTask(
            f"v{n}", SOURCE, segment_format, picture, Keyframe(0, 0, chunk[0].start), chunk, tuple(ladder)
        )
        for n, chunk in enumerate(chunks)
    ]
    tasks += [
        AudioTask(f"a{n}", SOURCE, segment_format, Fraction(0), samples, track)
        for n, track in enumerate(tracks)
    ]
    lines, unit = (frames, 1 / rate) if ladder else (samples, Fraction(1, 48_000))
    if subtitles:
        clock = (Fraction(0), unit, Fraction(0), Fraction(21))
        tasks.append(SubtitleTask("s0", SOURCE, segment_format, *clock, lines, tuple(subtitles)))
    spans = [segment.length / rate for segment in frames]
    spans += [Fraction(segment.length, track.sample_rate) for track in tracks for segment in samples]
    return Plan(
        hash="0a1b2c3d4e5f",
        facts=SourceFacts(SOURCE, "digest", "mp4", Fraction(21), None, ()),
        format=segment_format,
        grid_rate=rate,
        grid_frames=sum(lengths) if ladder else 0,
        target_duration=ceil(max(spans) - Fraction(1, 2)),
        video=tuple(ladder),
        video_start=Fraction(0),
        video_segments=frames,
        audio=tuple(tracks),
        audio_segments=tuple(samples for _ in tracks),
        tasks=tuple(tasks),
        subtitles=tuple(subtitles),
        subtitle_segments=lines if subtitles else (),
        subtitle_unit=unit,
    )


def content(folder: str, file: str) -> bytes:
    """The bytes of a pretended segment: different for each, and longer for larger pictures."""
    size = 4_000 if folder.startswith("720p") else 1_500
    return (f"{folder}/{file} ".encode() * 400)[: size + 7 * sum(file.encode())]


def honest_results(plan: Plan) -> list[TaskResult]:
    """What the workers report when nothing goes wrong."""
    return [
        TaskResult(
            task=task.id,
            renditions=tuple(
                _rendition_result(plan, task.segments, rendition) for rendition in renditions_of(task)
            ),
            frames_decoded=0,
            frames_damaged=0,
            wall_seconds=1.0,
            cpu_seconds=1.0,
            peak_memory=1,
        )
        for task in plan.tasks
    ]


def _rendition_result(
    plan: Plan,
    planned: tuple[SegmentPlan, ...],
    rendition: VideoRendition | AudioRendition | SubtitleRendition,
) -> RenditionResult:
    def result(file: str, number: int, length: int) -> SegmentResult:
        data = content(rendition.directory, file)
        return SegmentResult(number, file, len(data), sha256(data).hexdigest(), length)

    text = isinstance(rendition, SubtitleRendition)
    suffix = ".vtt" if text else ".m4s" if plan.format == "cmaf" else ".ts"
    with_init = plan.format == "cmaf" and planned[0].number == 0 and not text
    return RenditionResult(
        rendition=rendition.name,
        codec="wvtt" if text else CODECS.get(rendition.name, AAC),
        parameters=f"parameters of {rendition.name}",
        init=result("init.mp4", 0, 0) if with_init else None,
        segments=tuple(result(f"{one.number:05d}{suffix}", one.number, one.length) for one in planned),
        whole=result("subtitles.vtt", 0, 0) if text else None,
    )


def presentation_of(plan: Plan) -> Presentation:
    """The presentation that honest workers make of a plan."""
    return present(plan, check_results(plan, honest_results(plan)))


def change_rendition(
    results: Iterable[TaskResult], task: str, name: str, /, **changes: Any
) -> list[TaskResult]:
    """The results, with fields of one rendition of one task replaced."""
    return [
        replace(
            result,
            renditions=tuple(
                replace(part, **changes) if part.rendition == name else part for part in result.renditions
            ),
        )
        if result.task == task
        else result
        for result in results
    ]


class Folder(FileDestination):
    """A destination in a real folder that remembers the order of writing."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.root = root
        self.written: list[str] = []

    def put_bytes(self, key: str, data: bytes, growing: bool = False) -> None:
        self.written.append(key)
        super().put_bytes(key, data, growing)

    def lay(self, key: str, data: bytes) -> None:
        """Put something there without it counting as written by the publication."""
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def lay_segments(self, plan: Plan) -> None:
        """Upload what the workers of a plan upload."""
        renditions = [*plan.video, *plan.audio, *plan.subtitles]
        directories = {rendition.name: rendition.directory for rendition in renditions}
        for result in honest_results(plan):
            for part in result.renditions:
                folder = directories[part.rendition]
                for file in filter(None, (*part.segments, part.init, part.whole)):
                    self.lay(f"{folder}/{file.file}", content(folder, file.file))
