"""Profiles: the renditions, sound and packaging a job asks for. Users write them as YAML or inline JSON."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, model_validator
from pydantic_core import CoreSchema, core_schema

_BITRATE = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([kKmM]?)(?:bit/s|bps)?\s*$")
_SCALE = {"": 1, "k": 1_000, "m": 1_000_000}

X264_PRESETS = (
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
)
Preset = Literal[
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"
]
EncoderChoice = Literal["auto", "libx264", "nvenc"]
SegmentFormat = Literal["cmaf", "ts"]

#: Names directly under the destination that are not renditions.
RESERVED_NAMES = frozenset({"master.m3u8", "manifest.mpd", "job.json"})

#: Peak and buffer, as shares of the average, where a rendition names none: the values that HLS guides use.
MAXRATE_SHARE = 1.07
BUFSIZE_SHARE = 1.5


def parse_bitrate(value: Any) -> Any:
    """Turn ``"2800k"``, ``"5M"`` or ``"128000"`` into bits per second; what is no text is left for pydantic.

    Raises:
        ValueError: It is a text that is none of these.
    """
    if not isinstance(value, str):
        return value
    if not (match := _BITRATE.match(value)):
        raise ValueError("should be bits per second, such as 128000, 2800k or 5M")
    return round(float(match[1]) * _SCALE[match[2].lower()])


class _OrText:
    """Lets a rate be given as a text too, in what is accepted and in the JSON Schema."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        number = handler(source)
        text = core_schema.str_schema(pattern=_BITRATE.pattern)
        return core_schema.no_info_before_validator_function(
            parse_bitrate, number, json_schema_input_schema=core_schema.union_schema([number, text])
        )


AudioBitrate = Annotated[int, Field(ge=16_000, le=512_000), _OrText()]
VideoBitrate = Annotated[int, Field(ge=10_000, le=200_000_000), _OrText()]
PeakBitrate = Annotated[int, Field(ge=10_000, le=400_000_000), _OrText()]
BufferBits = Annotated[int, Field(ge=10_000, le=800_000_000), _OrText()]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RenditionSpec(_Model):
    """One rung of the ladder: H.264 High at a size and a rate."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$",
        description="Folder under the destination, unique within the profile, such as 720p.",
    )
    height: int = Field(
        ge=16,
        le=8192,
        description="Lines of the short side: the height of a landscape picture, the width of a portrait "
        "one. Never enlarged beyond the source.",
    )
    bitrate: VideoBitrate = Field(description="Average video bits per second; 2800k and 5M are understood.")
    maxrate: PeakBitrate | None = Field(
        default=None, description="Peak bits per second; default 1.07 x bitrate."
    )
    bufsize: BufferBits | None = Field(default=None, description="VBV buffer in bits; default 1.5 x bitrate.")

    @property
    def peak(self) -> int:
        """Peak bits per second that the encoder keeps to."""
        return self.maxrate or round(self.bitrate * MAXRATE_SHARE)

    @property
    def buffer(self) -> int:
        """Size of the VBV buffer in bits."""
        return self.bufsize or round(self.bitrate * BUFSIZE_SHARE)

    @model_validator(mode="after")
    def _peak_not_below_average(self) -> RenditionSpec:
        if self.maxrate is not None and self.maxrate < self.bitrate:
            raise ValueError(f"maxrate {self.maxrate} is below bitrate {self.bitrate}")
        return self


class SurroundSpec(_Model):
    """The further 5.1 rendition of tracks that have as many channels."""

    bitrate: AudioBitrate = Field(default=384_000, description="Bits per second of a track; default 384k.")


class AudioSpec(_Model):
    """The sound of every audio rendition: AAC-LC."""

    bitrate: AudioBitrate = Field(default=128_000, description="Bits per second of a track; default 128k.")
    channels: Literal[1, 2] = Field(default=2, description="1 (mono) or 2 (stereo).")
    sample_rate: Literal[44_100, 48_000] = Field(default=48_000, description="Samples per second.")
    surround: SurroundSpec | None = Field(
        default=None, description="Also publish tracks of 5.1 and more in 5.1; default: in stereo alone."
    )
    loudness: float | None = Field(
        default=None,
        ge=-40.0,
        le=-5.0,
        description="Integrated loudness to bring every track to, in LUFS (EBU R128), such as -23, with true "
        "peaks below -1 dBTP; default: as in the source.",
    )


class Profile(_Model):
    """What to make of a source: the ladder, the sound, the packaging and the effort."""

    name: str = Field(default="custom", min_length=1, max_length=64, description="For people and reports.")
    renditions: tuple[RenditionSpec, ...] = Field(
        min_length=1,
        max_length=16,
        description="Rungs, best first. Those larger than the source are left out.",
    )
    audio: AudioSpec = Field(default_factory=AudioSpec, description="Settings of the audio renditions.")
    segment_seconds: float = Field(
        default=6.0,
        ge=1.0,
        le=20.0,
        description="Longest segment, in seconds; segments are equal within a chunk.",
    )
    format: SegmentFormat = Field(
        default="cmaf", description="cmaf: fragmented MP4, HLS and DASH. ts: MPEG-TS, HLS only."
    )
    encoder: EncoderChoice = Field(
        default="auto", description="auto: NVENC where a live worker has it, else libx264."
    )
    max_damaged: float = Field(
        default=0.01,
        ge=0.0,
        le=1.0,
        description="Share of a source's pictures that may fail to decode, and five times that share of its "
        "sound; with more the job fails.",
    )
    preset: Preset = Field(
        default="medium", description="x264 speed preset; NVENC uses the p1 to p7 preset of the same rank."
    )

    @model_validator(mode="after")
    def _names_are_unique(self) -> Profile:
        names = [rendition.name for rendition in self.renditions]
        if len(set(names)) != len(names):
            raise ValueError("rendition names must be unique")
        if any(name.startswith("audio-") for name in names):
            raise ValueError("rendition names must not start with 'audio-', which is the sound's own folder")
        if taken := sorted(set(names) & RESERVED_NAMES):
            raise ValueError(f"rendition names must not be those of published documents: {', '.join(taken)}")
        return self
