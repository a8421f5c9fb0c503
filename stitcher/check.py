"""Verification of the whole: what the tasks delivered against the plan, before anything is published."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from gopfarm.errors import VerifyError
from gopfarm.plan import Plan, SegmentPlan
from gopfarm.profile import SegmentFormat
from gopfarm.results import Distortion, Loudness, RenditionResult, SegmentResult, TaskResult

#: File names within a rendition's folder; the playlists and the manifest's template rely on them.
INIT_FILE = "init.mp4"
WHOLE_FILE = "subtitles.vtt"

#: What segments are wrapped in: the job's format, or for subtitles WebVTT, whatever the format.
Packaging = SegmentFormat | Literal["webvtt"]
SEGMENT_SUFFIX: dict[Packaging, str] = {"cmaf": ".m4s", "ts": ".ts", "webvtt": ".vtt"}


@dataclass(frozen=True)
class RenditionDelivery:
    """One rendition, complete: each planned segment once, in playlist order, and the init segment of CMAF.

    ``whole`` is the file that holds all of a subtitle rendition once more; ``loudness`` is that of an audio
    rendition whose loudness was set, ``distortion`` that of video of which every task told it.
    """

    codec: str
    init: SegmentResult | None
    segments: tuple[SegmentResult, ...]
    whole: SegmentResult | None = None
    loudness: Loudness | None = None
    distortion: Distortion | None = None

    @property
    def files(self) -> tuple[SegmentResult, ...]:
        """Everything in the rendition's folder: init segment, segments, and the whole of subtitles."""
        before, after = ((file,) if file is not None else () for file in (self.init, self.whole))
        return (*before, *self.segments, *after)


def segment_file(number: int, packaging: Packaging) -> str:
    """Return the file name of segment ``number`` (0, 1, ...): ``00000.m4s``, ``00000.ts``, ``00000.vtt``."""
    return f"{number:05d}{SEGMENT_SUFFIX[packaging]}"


def check_results(plan: Plan, results: Iterable[TaskResult]) -> dict[str, RenditionDelivery]:
    """Merge the results of all tasks and prove that they are exactly what was planned.

    Tasks are idempotent, so a task may report more than once: its first result counts. ``length`` is compared
    in the plan's own units (frames of the output grid, or audio samples).

    Returns:
        The delivery of every planned rendition, by rendition name, in the plan's order (video, audio,
        subtitles).

    Raises:
        VerifyError: A segment is missing, delivered twice, not planned, empty, misnamed or of another length
            than planned; the codec or the decoder parameters change within a rendition; a CMAF rendition has
            not exactly one init segment, or another one has any; subtitles are not in one file as well; a
            task or rendition is unknown. The message is one line that names the rendition and the segment.
    """
    planned = _planned_segments(plan)
    parts: dict[str, list[RenditionResult]] = {name: [] for name in planned}
    for result in _first_of_each_task(plan, results):
        for part in result.renditions:
            if part.rendition not in parts:
                raise VerifyError(
                    f"task {result.task} delivered rendition {part.rendition}: it is not planned"
                )
            parts[part.rendition].append(part)
    subtitles = {rendition.name for rendition in plan.subtitles}
    return {
        name: _merge(name, "webvtt" if name in subtitles else plan.format, segments, parts[name])
        for name, segments in planned.items()
    }


def _planned_segments(plan: Plan) -> dict[str, tuple[SegmentPlan, ...]]:
    """Return the segments of every rendition by its name."""
    planned = {rendition.name: plan.video_segments for rendition in plan.video}
    for rendition, segments in zip(plan.audio, plan.audio_segments, strict=True):
        planned[rendition.name] = segments
    return planned | {rendition.name: plan.subtitle_segments for rendition in plan.subtitles}


def _first_of_each_task(plan: Plan, results: Iterable[TaskResult]) -> tuple[TaskResult, ...]:
    """Drop repeated reports of a task; refuse tasks that the plan does not know."""
    known = {task.id for task in plan.tasks}
    first: dict[str, TaskResult] = {}
    for result in results:
        if result.task not in known:
            raise VerifyError(f"task {result.task} reported a result: it is not part of plan {plan.hash}")
        first.setdefault(result.task, result)
    return tuple(first.values())


def _merge(
    name: str,
    packaging: Packaging,
    planned: tuple[SegmentPlan, ...],
    parts: list[RenditionResult],
) -> RenditionDelivery:
    """Join what the tasks made of one rendition, checking each segment against its plan."""
    if not planned:
        raise VerifyError(f"{name}: no segment is planned")
    delivered: dict[int, SegmentResult] = {}
    for part in parts:
        for segment in part.segments:
            if segment.number in delivered:
                raise VerifyError(f"{name} segment {segment.number}: delivered twice")
            delivered[segment.number] = segment
    for segment_plan in planned:
        _check_segment(name, packaging, segment_plan, delivered.pop(segment_plan.number, None))
    if delivered:
        raise VerifyError(f"{name} segment {min(delivered)}: delivered but not planned")
    _check_uniform(name, parts)
    segments = sorted((segment for part in parts for segment in part.segments), key=lambda one: one.number)
    init, whole = _single_init(name, packaging, parts), _single_whole(name, packaging, parts)
    return RenditionDelivery(
        parts[0].codec, init, tuple(segments), whole, parts[0].loudness, _whole_distortion(parts)
    )


def _whole_distortion(parts: list[RenditionResult]) -> Distortion | None:
    """Return that of the whole rendition; None where a part has none, as from an encoder that tells none."""
    told = [part.distortion for part in parts if part.distortion is not None]
    return sum(told[1:], start=told[0]) if told and len(told) == len(parts) else None


def _check_segment(
    name: str,
    packaging: Packaging,
    planned: SegmentPlan,
    delivered: SegmentResult | None,
) -> None:
    where = f"{name} segment {planned.number}"
    if delivered is None:
        raise VerifyError(f"{where}: missing")
    if delivered.length != planned.length:
        raise VerifyError(
            f"{where}: {planned.length} frames or samples planned, {delivered.length} delivered"
        )
    if delivered.size <= 0:
        raise VerifyError(f"{where}: empty ({delivered.size} bytes)")
    if delivered.file != (expected := segment_file(planned.number, packaging)):
        raise VerifyError(f"{where}: named {delivered.file!r} instead of {expected!r}")


def _check_uniform(name: str, parts: list[RenditionResult]) -> None:
    """Refuse a rendition whose decoder configuration changes: one init segment must fit all of it."""
    first = parts[0]
    for part in parts[1:]:
        where = f"{name} segment {part.segments[0].number}" if part.segments else name
        if part.codec != first.codec:
            raise VerifyError(f"{where}: codec {part.codec}, the rendition began with {first.codec}")
        if part.parameters != first.parameters:
            raise VerifyError(f"{where}: decoder parameters differ from those the rendition began with")


def _single_whole(name: str, packaging: Packaging, parts: list[RenditionResult]) -> SegmentResult | None:
    """Return the one file that holds all of a subtitle rendition, or None for other renditions."""
    wholes = [part.whole for part in parts if part.whole is not None]
    expected = 1 if packaging == "webvtt" else 0
    if len(wholes) != expected or any(file.file != WHOLE_FILE or file.size <= 0 for file in wholes):
        found = ", ".join(f"{file.file} ({file.size} bytes)" for file in wholes) or "nothing"
        raise VerifyError(f"{name} as one file: {found} delivered, {expected} {WHOLE_FILE} expected")
    return wholes[0] if wholes else None


def _single_init(
    name: str,
    packaging: Packaging,
    parts: list[RenditionResult],
) -> SegmentResult | None:
    """Return the one init segment of a CMAF rendition, or None for MPEG-TS and WebVTT, which have none."""
    inits = [part.init for part in parts if part.init is not None]
    expected = 1 if packaging == "cmaf" else 0
    if len(inits) != expected:
        raise VerifyError(f"{name} init segment: {len(inits)} delivered, {expected} expected in {packaging}")
    if not inits:
        return None
    init = inits[0]
    if init.size <= 0:
        raise VerifyError(f"{name} init segment: empty ({init.size} bytes)")
    if init.file != INIT_FILE:
        raise VerifyError(f"{name} init segment: named {init.file!r} instead of {INIT_FILE!r}")
    return init
