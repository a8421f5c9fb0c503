"""The report of a publication: what ``job.json`` says, and what the publisher gets back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic_core import to_json

from gopfarm.plan import AudioRendition, Plan, SubtitleRendition, VideoRendition
from gopfarm.results import Distortion, Loudness, SegmentResult
from stitcher.presentation import AnyStream, Presentation

REPORT = "job.json"


@dataclass(frozen=True)
class RenditionReport:
    """One published rendition: ``bytes`` of its media, bits per second as measured, ``seconds`` it plays.

    ``width`` and ``height`` are only for video; ``bytes`` counts the init segment and no playlists.
    """

    name: str
    width: int | None
    height: int | None
    bytes: int
    average_bitrate: int
    peak_bitrate: int
    seconds: float


@dataclass(frozen=True)
class Quality:
    """``psnr`` is that of luma, in dB, of the published pictures against what their encoder was given.

    So it tells what compression cost, in the rendition's own size, and not what scaling did.
    """

    psnr: float


@dataclass(frozen=True)
class LadderEntry:
    """One rendition in ``job.json``: as planned, as measured, and every file with its size and SHA-256.

    ``loudness`` is told of an audio rendition whose loudness was set, ``quality`` of video by an encoder that
    measures it.
    """

    planned: VideoRendition | AudioRendition | SubtitleRendition
    measured: RenditionReport
    codec: str
    init: SegmentResult | None
    segments: tuple[SegmentResult, ...]
    whole: SegmentResult | None
    loudness: Loudness | None
    quality: Quality | None


def rendition_report(stream: AnyStream) -> RenditionReport:
    """Return the figures of one rendition."""
    planned = stream.rendition
    size = (planned.width, planned.height) if isinstance(planned, VideoRendition) else None
    return RenditionReport(
        name=stream.rendition.name,
        width=size[0] if size else None,
        height=size[1] if size else None,
        bytes=stream.size,
        average_bitrate=stream.rates.average,
        peak_bitrate=stream.rates.peak,
        seconds=float(stream.seconds),
    )


def _quality(distortion: Distortion | None) -> Quality | None:
    return None if distortion is None else Quality(round(distortion.psnr, 2))


def job_json(plan: Plan, presentation: Presentation, report: Mapping[str, object]) -> bytes:
    """Return ``job.json``: the caller's report, to which ``plan``, ``format`` and ``ladder`` are added.

    ``report`` may hold anything that JSON can, dataclasses, pydantic models and fractions (written as
    ``"30000/1001"``). Of its keys, those three are overwritten.
    """
    ladder = [
        LadderEntry(
            planned=stream.rendition,
            measured=rendition_report(stream),
            codec=stream.delivery.codec,
            init=stream.delivery.init,
            segments=stream.delivery.segments,
            whole=stream.delivery.whole,
            loudness=stream.delivery.loudness,
            quality=_quality(stream.delivery.distortion),
        )
        for stream in presentation.streams
    ]
    document = {**report, "plan": plan.hash, "format": plan.format, "ladder": ladder}
    return to_json(document, indent=1, fallback=str) + b"\n"
