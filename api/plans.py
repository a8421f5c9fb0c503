"""A plan as people look at it: the source, and the ladder without its thousands of segments."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gopfarm.plan import AudioRendition, Plan, Rendition, VideoRendition
from scheduler.finish import source_report


class RenditionView(BaseModel):
    """A rendition as it is planned. What does not apply to its kind is null."""

    name: str
    kind: Literal["video", "audio", "subtitles"]
    width: int | None = None
    height: int | None = None
    bitrate: int | None = Field(default=None, description="Bits per second, on average.")
    maxrate: int | None = Field(default=None, description="Bits per second, at most.")
    encoder: str | None = None
    preset: str | None = None
    language: str | None = None
    channels: int | None = None


class PlanView(BaseModel):
    """What a job's source is, and what is made of it."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "hash": "0a1b2c3d4e5f",
                "format": "cmaf",
                "encoder": "libx264",
                "frame_rate": 25.0,
                "duration_seconds": 5400.0,
                "target_duration": 6,
                "source": {"container": "mov", "size": 4294967296, "duration_seconds": 5400.0},
                "renditions": [
                    {
                        "name": "1080p",
                        "kind": "video",
                        "width": 1920,
                        "height": 1080,
                        "bitrate": 5000000,
                        "maxrate": 5350000,
                        "encoder": "libx264",
                        "preset": "medium",
                        "language": None,
                        "channels": None,
                    }
                ],
            }
        }
    )

    hash: str = Field(description="Names the folders of segments.")
    format: str = Field(description="Kind of segments: cmaf or ts.")
    encoder: str | None = Field(description="Encoder of the picture; null without one.")
    frame_rate: float = Field(description="Frames a second of the published picture.")
    duration_seconds: float = Field(description="Length of the source.")
    target_duration: int = Field(description="The longest segment, in whole seconds.")
    source: dict[str, Any] = Field(description="What the source is, as in `job.json`.")
    renditions: list[RenditionView] = Field(description="Video, then audio, then subtitles.")


def plan_view(plan: Plan) -> PlanView:
    """Return what people want to know of a plan."""
    return PlanView(
        hash=plan.hash,
        format=plan.format,
        encoder=plan.video[0].encoder if plan.video else None,
        frame_rate=round(float(plan.grid_rate), 3),
        duration_seconds=round(float(plan.facts.duration), 6),
        target_duration=plan.target_duration,
        source=source_report(plan),
        renditions=[_rendition(rendition) for rendition in plan.renditions],
    )


def _rendition(planned: Rendition) -> RenditionView:
    if isinstance(planned, VideoRendition):
        return RenditionView(
            name=planned.name,
            kind="video",
            width=planned.width,
            height=planned.height,
            bitrate=planned.bitrate,
            maxrate=planned.maxrate,
            encoder=planned.encoder,
            preset=planned.preset,
        )
    if isinstance(planned, AudioRendition):
        return RenditionView(
            name=planned.name,
            kind="audio",
            bitrate=planned.bitrate,
            language=planned.language,
            channels=planned.channels,
        )
    return RenditionView(name=planned.name, kind="subtitles", language=planned.language)
