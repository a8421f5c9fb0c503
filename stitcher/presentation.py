"""What is published, as the playlist and manifest writers need it: renditions with their time and rates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, TypeVar

from gopfarm.plan import AudioRendition, Plan, SegmentPlan, SubtitleRendition, VideoRendition
from gopfarm.profile import SegmentFormat
from gopfarm.timeline import video_timescale
from stitcher.bandwidth import BitRates, bit_rates
from stitcher.check import RenditionDelivery
from stitcher.tracks import TrackLabel, label_subtitles, label_tracks

RenditionT = TypeVar("RenditionT", VideoRendition, AudioRendition, SubtitleRendition)


@dataclass(frozen=True)
class Stream(Generic[RenditionT]):
    """One rendition, delivered and measured.

    ``segments`` count units of ``unit`` seconds: one frame of the output grid, or one audio sample. Unit 0
    is presented at ``start`` seconds; both are whole numbers of ticks of ``timescale``.
    """

    rendition: RenditionT
    unit: Fraction
    start: Fraction
    timescale: int
    segments: tuple[SegmentPlan, ...]
    delivery: RenditionDelivery
    rates: BitRates

    @property
    def seconds(self) -> Fraction:
        """How long the segments last together."""
        return sum(segment.length for segment in self.segments) * self.unit

    @property
    def end(self) -> Fraction:
        """When the last segment ends on the published timeline, in seconds."""
        return self.start + self.segments[-1].end * self.unit

    @property
    def size(self) -> int:
        """Bytes of all segments, the init segment included."""
        return sum(file.size for file in self.delivery.files)


@dataclass(frozen=True)
class AudioStream(Stream[AudioRendition]):
    """An audio rendition with the label that viewers see."""

    label: TrackLabel


@dataclass(frozen=True)
class SubtitleStream(Stream[SubtitleRendition]):
    """A subtitle rendition with the label that viewers see. It is cut where the picture is."""

    label: TrackLabel


AnyStream = Stream[VideoRendition] | AudioStream | SubtitleStream


@dataclass(frozen=True)
class Presentation:
    """All renditions of a publication. ``target_duration`` is seconds, the same for all of them.

    ``captions`` are the closed captions inside every video rendition: ``CC1``, ``SERVICE1``.
    """

    format: SegmentFormat
    target_duration: int
    video: tuple[Stream[VideoRendition], ...]
    audio: tuple[AudioStream, ...]
    subtitles: tuple[SubtitleStream, ...] = ()
    captions: tuple[str, ...] = ()

    @property
    def streams(self) -> tuple[AnyStream, ...]:
        """Video, then audio, then subtitle renditions, in the plan's order."""
        return (*self.video, *self.audio, *self.subtitles)

    @property
    def seconds(self) -> Fraction:
        """When the last of picture and sound ends."""
        return max(stream.end for stream in self.streams if not isinstance(stream, SubtitleStream))


def present(
    plan: Plan, deliveries: Mapping[str, RenditionDelivery], declared: Mapping[str, BitRates] | None = None
) -> Presentation:
    """Join a plan with what ``check_results`` made of it, and measure every rendition.

    The durations are the planned ones, which ``check_results`` has proved equal to the delivered ones. Of
    renditions that are not all there yet, the rates are ``declared``, by name.
    """
    frame = 1 / plan.grid_rate

    def rates(name: str, segments: tuple[SegmentPlan, ...], unit: Fraction) -> BitRates:
        if declared is not None:
            return declared[name]
        return _rates(segments, deliveries[name], unit, plan.target_duration)

    video = tuple(
        Stream(
            rendition=rendition,
            unit=frame,
            start=plan.video_start,
            timescale=video_timescale(plan.grid_rate),
            segments=plan.video_segments,
            delivery=deliveries[rendition.name],
            rates=rates(rendition.name, plan.video_segments, frame),
        )
        for rendition in plan.video
    )
    audio = []
    # The surround version of a track bears its name: players must know that they are the same.
    plain = [rendition for rendition in plan.audio if not rendition.surround]
    labels = {rendition.stream: label for rendition, label in zip(plain, label_tracks(plain), strict=True)}
    for rendition, segments in zip(plan.audio, plan.audio_segments, strict=True):
        label = labels[rendition.stream]
        delivery, sample = deliveries[rendition.name], Fraction(1, rendition.sample_rate)
        audio.append(
            AudioStream(
                rendition=rendition,
                unit=sample,
                start=Fraction(0),
                timescale=rendition.sample_rate,
                segments=segments,
                delivery=delivery,
                rates=rates(rendition.name, segments, sample),
                label=label,
            )
        )
    return Presentation(
        format=plan.format,
        target_duration=plan.target_duration,
        video=video,
        audio=tuple(audio),
        subtitles=tuple(
            SubtitleStream(
                rendition=rendition,
                unit=plan.subtitle_unit,
                start=plan.video_start,
                timescale=plan.subtitle_unit.denominator,
                segments=plan.subtitle_segments,
                delivery=deliveries[rendition.name],
                rates=rates(rendition.name, plan.subtitle_segments, plan.subtitle_unit),
                label=label,
            )
            for rendition, label in zip(plan.subtitles, label_subtitles(plan.subtitles), strict=True)
        ),
        captions=plan.facts.video.captions if plan.facts.video else (),
    )


def _rates(
    segments: tuple[SegmentPlan, ...], delivery: RenditionDelivery, unit: Fraction, target_duration: int
) -> BitRates:
    sizes = [segment.size for segment in delivery.segments]
    return bit_rates(sizes, [segment.length * unit for segment in segments], target_duration)
