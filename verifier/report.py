"""The result of a check: findings, and facts about what was measured."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from gopfarm.facts import SourceFacts
from verifier.findings import Finding, count
from verifier.rules.rates import measure_rates, measure_variant
from verifier.rules.segments import frame_rate
from verifier.stream import Rendition, Stream, VariantStream


@dataclass(frozen=True)
class RenditionFacts:
    """One media playlist as measured. Times are seconds, rates bits per second; None where not measured.

    Of one that is ``growing``, everything is as it was so far.
    """

    name: str
    kind: str
    codecs: tuple[str, ...]
    resolution: str | None
    frame_rate: float | None
    channels: int | None
    segments: int
    growing: bool
    bytes: int
    stated_seconds: float
    start: float | None
    end: float | None
    frames: int | None
    target_duration: int | None
    peak: int | None
    average: int | None


@dataclass(frozen=True)
class VariantFacts:
    """A variant with its groups: stated and measured bit rates."""

    name: str
    bandwidth: int | None
    measured_peak: int | None
    average_bandwidth: int | None
    measured_average: int | None


@dataclass(frozen=True)
class SourceSummary:
    """What the stream was compared with."""

    duration: float
    frames: int | None
    frame_rate: str | None
    size: str | None
    audio_tracks: int


@dataclass(frozen=True)
class Report:
    """What a check found. ``ok`` means that there is no error; ``strict`` that there is no warning either."""

    address: str
    findings: tuple[Finding, ...]
    renditions: tuple[RenditionFacts, ...]
    variants: tuple[VariantFacts, ...]
    source: SourceSummary | None

    @property
    def errors(self) -> int:
        """Number of errors."""
        return count(self.findings, "error")

    @property
    def warnings(self) -> int:
        """Number of warnings."""
        return count(self.findings, "warning")

    def ok(self, strict: bool = False) -> bool:
        """Tell whether the stream passes; ``strict`` takes warnings for errors."""
        return not self.errors and not (strict and self.warnings)

    def document(self, strict: bool = False) -> dict[str, Any]:
        """Return the report as plain JSON."""
        return {
            "ok": self.ok(strict),
            "master": self.address,
            "errors": self.errors,
            "warnings": self.warnings,
            "findings": [asdict(finding) for finding in self.findings],
            "facts": {
                "variants": [asdict(variant) for variant in self.variants],
                "renditions": [asdict(rendition) for rendition in self.renditions],
                "source": asdict(self.source) if self.source is not None else None,
            },
        }


def make_report(
    address: str, findings: tuple[Finding, ...], stream: Stream, source: SourceFacts | None
) -> Report:
    """Sum up a check."""
    return Report(
        address=address,
        findings=findings,
        renditions=tuple(_rendition_facts(rendition) for rendition in stream.renditions),
        variants=tuple(_variant_facts(stream, one) for one in stream.variants if one.variant is not None),
        source=_source_summary(source) if source is not None else None,
    )


def _rendition_facts(rendition: Rendition) -> RenditionFacts:
    kind = rendition.kind
    video, audio = rendition.first("video"), rendition.first("audio")
    rates, rate, span = measure_rates(rendition), frame_rate(rendition), rendition.span(kind)
    codecs = [part.config.codec for part in (video, audio) if part is not None]
    return RenditionFacts(
        name=rendition.name,
        kind="subtitles" if any(one.subtitles for one in rendition.segments) else kind,
        codecs=tuple(codecs),
        resolution=f"{video.config.width}x{video.config.height}" if video is not None else None,
        frame_rate=round(float(rate), 3) if rate is not None else None,
        channels=audio.config.channels if audio is not None else None,
        segments=len(rendition.segments),
        growing=rendition.playlist.growing,
        bytes=sum(one.media.size for one in rendition.segments if one.media is not None),
        stated_seconds=round(float(rendition.playlist.duration), 6),
        start=round(float(span[0]), 6) if span is not None else None,
        end=round(float(span[1]), 6) if span is not None else None,
        frames=sum(part.count for _, part in rendition.parts("video")) if video is not None else None,
        target_duration=rendition.playlist.target,
        peak=round(rates.peak) if rates is not None else None,
        average=round(rates.average) if rates is not None else None,
    )


def _variant_facts(stream: Stream, one: VariantStream) -> VariantFacts:
    assert one.variant is not None
    rates = measure_variant(stream, one)
    return VariantFacts(
        name=one.rendition.name,
        bandwidth=one.variant.attributes.integer("BANDWIDTH"),
        measured_peak=round(rates.peak) if rates is not None else None,
        average_bandwidth=one.variant.attributes.integer("AVERAGE-BANDWIDTH"),
        measured_average=round(rates.average) if rates is not None else None,
    )


def _source_summary(facts: SourceFacts) -> SourceSummary:
    video = facts.video
    return SourceSummary(
        duration=round(float(facts.duration), 6),
        frames=video.grid_frames if video is not None else None,
        frame_rate=str(video.grid_rate) if video is not None else None,
        size=f"{video.display_size[0]}x{video.display_size[1]}" if video is not None else None,
        audio_tracks=len(facts.audio),
    )
