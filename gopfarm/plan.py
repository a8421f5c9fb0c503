"""The plan: how a source is cut and what becomes of it. Plain frozen data that goes through Redis as JSON.

Numbers that are times are exact: ``pts`` values count ``time_base`` seconds of the source, ``slot`` values
count frames of the output grid (see ``gopfarm.timeline``), ``samples`` count the audio rendition's rate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, TypeVar

from pydantic import TypeAdapter

from gopfarm.profile import SegmentFormat

#: Raised by one whenever the same source and settings would give other bytes than the release before.
PLAN_VERSION = 1


@dataclass(frozen=True)
class SourceRef:
    """Which bytes are read: the address, and what tells that they have not changed since planning."""

    url: str
    size: int
    etag: str


@dataclass(frozen=True)
class Keyframe:
    """A place where decoding can start: presentation time, decoding time, and grid slot of a key picture."""

    pts: int
    dts: int
    slot: int


@dataclass(frozen=True)
class Colour:
    """How numbers in a picture are to be read: code points of ITU-T H.273 (2 is "not said")."""

    primaries: int
    transfer: int
    matrix: int
    full_range: bool


@dataclass(frozen=True)
class VideoFacts:
    """The video stream of a source, as far as packets and headers tell."""

    stream: int
    codec: str
    width: int
    height: int
    pixel_format: str
    colour: Colour
    sample_aspect_ratio: Fraction
    rotation: int
    time_base: Fraction
    frame_rate: Fraction
    constant_rate: bool
    frame_count: int
    origin_pts: int
    grid_rate: Fraction
    grid_frames: int
    keyframes: tuple[Keyframe, ...]

    @property
    def display_size(self) -> tuple[int, int]:
        """Width and height in square pixels as a player would show them, rotation applied."""
        width, height = round(self.width * self.sample_aspect_ratio), self.height
        return (height, width) if self.rotation % 180 else (width, height)

    @property
    def origin(self) -> Fraction:
        """Time of the first shown frame on the source's own clock, in seconds."""
        return self.origin_pts * self.time_base


@dataclass(frozen=True)
class AudioFacts:
    """One audio track of a source. ``start`` and ``duration`` are seconds on the source's own clock."""

    stream: int
    codec: str
    sample_rate: int
    channels: int
    layout: str
    language: str
    title: str
    default: bool
    start: Fraction
    duration: Fraction


@dataclass(frozen=True)
class SourceFacts:
    """What a source is: the result of probing.

    ``digest`` identifies the content (packet index and samples of the bytes) wherever the file lies.
    """

    source: SourceRef
    digest: str
    container: str
    duration: Fraction
    video: VideoFacts | None
    audio: tuple[AudioFacts, ...]


@dataclass(frozen=True)
class SegmentPlan:
    """One segment: its number in the playlist, and the span it covers (grid slots, or audio samples)."""

    number: int
    start: int
    length: int

    @property
    def end(self) -> int:
        """First slot or sample after the segment."""
        return self.start + self.length


@dataclass(frozen=True)
class VideoRendition:
    """One rung as it will be encoded. ``width`` and ``height`` are even; rates are bits (per second)."""

    name: str
    directory: str
    width: int
    height: int
    encoder: str
    preset: str
    bitrate: int
    maxrate: int
    bufsize: int


@dataclass(frozen=True)
class AudioRendition:
    """One audio track as it will be encoded, always AAC-LC."""

    name: str
    directory: str
    stream: int
    language: str
    title: str
    default: bool
    channels: int
    sample_rate: int
    bitrate: int


@dataclass(frozen=True)
class Picture:
    """How source frames become grid frames: the same description in every task of a job.

    ``start`` is when slot 0 is shown on the published timeline, in seconds (a whole number of ticks): 0,
    unless the sound starts a little before the picture.
    """

    stream: int
    time_base: Fraction
    origin_pts: int
    grid_rate: Fraction
    rotation: int
    colour: Colour
    start: Fraction = Fraction(0)


@dataclass(frozen=True)
class VideoTask:
    """One chunk for a group of renditions: decode once from ``seek``, keep the slots of ``segments``."""

    id: str
    source: SourceRef
    format: SegmentFormat
    picture: Picture
    seek: Keyframe
    segments: tuple[SegmentPlan, ...]
    renditions: tuple[VideoRendition, ...]
    kind: Literal["video"] = "video"

    @property
    def start(self) -> int:
        """First slot of the chunk."""
        return self.segments[0].start

    @property
    def end(self) -> int:
        """First slot after the chunk."""
        return self.segments[-1].end


@dataclass(frozen=True)
class AudioTask:
    """One whole audio track: continuous from the first to the last segment.

    ``origin`` is the time on the source's clock, in seconds, that is time 0 of the published stream.
    """

    id: str
    source: SourceRef
    format: SegmentFormat
    origin: Fraction
    segments: tuple[SegmentPlan, ...]
    rendition: AudioRendition
    kind: Literal["audio"] = "audio"


Task = VideoTask | AudioTask


@dataclass(frozen=True)
class Plan:
    """Everything that will be encoded and published, decided before the first frame is decoded.

    ``video_start`` is when slot 0 is shown on the published timeline, in seconds (see ``Picture.start``).
    """

    hash: str
    facts: SourceFacts
    format: SegmentFormat
    grid_rate: Fraction
    grid_frames: int
    target_duration: int
    video: tuple[VideoRendition, ...]
    video_start: Fraction
    video_segments: tuple[SegmentPlan, ...]
    audio: tuple[AudioRendition, ...]
    audio_segments: tuple[tuple[SegmentPlan, ...], ...]
    tasks: tuple[Task, ...]


@dataclass(frozen=True)
class SegmentResult:
    """A finished segment. ``length`` is frames for video, samples for audio; ``sha256`` is hexadecimal."""

    number: int
    file: str
    size: int
    sha256: str
    length: int


@dataclass(frozen=True)
class RenditionResult:
    """What one task made of one rendition.

    ``codec`` is the RFC 6381 string read from the bitstream; ``parameters`` is a SHA-256 over the decoder
    configuration (CMAF init segment, or SPS and PPS), equal in every chunk of a rendition; ``init`` is the
    init segment's own result where this task made it (the task with the first segment, CMAF only).
    """

    rendition: str
    codec: str
    parameters: str
    init: SegmentResult | None
    segments: tuple[SegmentResult, ...]


@dataclass(frozen=True)
class TaskResult:
    """The outcome of a task, with its cost. Times are seconds, memory is bytes."""

    task: str
    renditions: tuple[RenditionResult, ...]
    frames_decoded: int
    frames_damaged: int
    wall_seconds: float
    cpu_seconds: float
    peak_memory: int


T = TypeVar("T")


_adapters: dict[Any, TypeAdapter[Any]] = {}


def _adapter(cls: Any) -> TypeAdapter[Any]:
    """Return the validator of a class, built once: building costs milliseconds, using it microseconds."""
    if cls not in _adapters:
        _adapters[cls] = TypeAdapter(cls)
    return _adapters[cls]


def to_json(value: object) -> bytes:
    """Serialise one of this module's values; fractions become ``"30000/1001"``."""
    return bytes(_adapter(type(value)).dump_json(value))


def from_json(cls: type[T], document: str | bytes) -> T:
    """Read back what ``to_json`` wrote."""
    value: T = _adapter(cls).validate_json(document)
    return value


def task_from_json(document: str | bytes) -> Task:
    """Read back a task of either kind."""
    task: Task = _adapter(Task).validate_json(document)
    return task


def fingerprint(parts: Iterable[object]) -> str:
    """Hash values of this module into the 12 hexadecimal digits that name published folders."""
    digest = hashlib.sha256(f"gopfarm plan {PLAN_VERSION}\n".encode())
    for part in parts:
        digest.update(to_json(part))
        digest.update(b"\n")
    return digest.hexdigest()[:12]
