"""The plan: how a source is cut and what becomes of it. Plain frozen data that goes through Redis as JSON.

Numbers that are times are exact: ``pts`` values count ``time_base`` seconds of the source, ``slot`` values
count frames of the output grid (see ``gopfarm.timeline``), ``samples`` count the audio rendition's rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from gopfarm.facts import (
    NO_CROP,
    UNSAID_COLOUR,
    ClockJump,
    Colour,
    Crop,
    Keyframe,
    Run,
    Scan,
    SourceFacts,
    SourceRef,
)
from gopfarm.profile import SegmentFormat

#: Raised by one whenever the same source and settings would give other bytes than the release before.
PLAN_VERSION = 4

#: RFC 6381 name of AAC-LC, which every audio rendition is.
AAC_LC = "mp4a.40.2"

#: Seconds that a task may take where nothing is known of its size.
LIMIT_SECONDS = 3600.0


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
    """One audio track as it will be encoded, always AAC-LC.

    ``channels`` is 1, 2, or 6 for a track that is also published in 5.1. ``loudness`` is the target in LUFS,
    None where loudness is left as it is.
    """

    name: str
    directory: str
    stream: int
    language: str
    title: str
    default: bool
    channels: int
    sample_rate: int
    bitrate: int
    loudness: float | None = None

    @property
    def surround(self) -> bool:
        """Whether it is the surround version of a track, which has one of at most two channels too."""
        return self.channels > 2


@dataclass(frozen=True)
class SubtitleRendition:
    """One subtitle track as it will be published, always WebVTT."""

    name: str
    directory: str
    stream: int
    language: str
    title: str
    default: bool
    forced: bool
    hearing_impaired: bool


@dataclass(frozen=True)
class Normaliser:
    """How source frames become grid frames: the same description in every task of a job.

    In the order of its steps: times are repaired (``clock``, ``order``) and put on the grid (``origin_pts``,
    ``grid_rate``); the picture is cropped, deinterlaced (``scan``), taken from ``colour`` to ``target``
    (tone-mapped where only the first is HDR), mirrored and turned. ``start`` is when slot 0 is shown on the
    published timeline, in seconds (a whole number of ticks): 0, unless the sound starts a little before the
    picture. ``captions`` says whether the frames' closed captions are kept. Of a constant rate that is too
    high one frame of every ``decimation`` is kept.
    """

    stream: int
    time_base: Fraction
    origin_pts: int
    grid_rate: Fraction
    rotation: int = 0
    colour: Colour = UNSAID_COLOUR
    target: Colour = UNSAID_COLOUR
    start: Fraction = Fraction(0)
    mirrored: bool = False
    crop: Crop = NO_CROP
    scan: Scan = "progressive"
    captions: bool = False
    clock: tuple[ClockJump, ...] = ()
    order: tuple[Run, ...] = ()
    decimation: int = 1


@dataclass(frozen=True)
class VideoTask:
    """One chunk for a group of renditions: decode once from ``seek``, keep the slots of ``segments``.

    ``sizes`` are width and height of all renditions of the plan, those of other groups too: each size is made
    from the next larger one, so that what a rendition looks like does not depend on how they are grouped.
    A task of any kind that takes longer than ``limit_seconds`` is taken for hanging. ``reads`` says between
    which bytes of the source most of what it reads lies, where that is known.
    """

    id: str
    source: SourceRef
    format: SegmentFormat
    picture: Normaliser
    seek: Keyframe
    segments: tuple[SegmentPlan, ...]
    renditions: tuple[VideoRendition, ...]
    sizes: tuple[tuple[int, int], ...] = ()
    kind: Literal["video"] = "video"
    limit_seconds: float = LIMIT_SECONDS
    reads: tuple[int, int] | None = None

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

    ``origin`` is the time on the source's clock, in seconds, that is time 0 of the published stream, and
    ``clock`` says where that clock was set anew.
    """

    id: str
    source: SourceRef
    format: SegmentFormat
    origin: Fraction
    segments: tuple[SegmentPlan, ...]
    rendition: AudioRendition
    clock: tuple[ClockJump, ...] = ()
    kind: Literal["audio"] = "audio"
    limit_seconds: float = LIMIT_SECONDS


@dataclass(frozen=True)
class SubtitleTask:
    """All subtitle tracks of a source that can become text: one pass over the source makes every rendition.

    ``origin`` is as in ``AudioTask``. ``segments`` count units of ``unit`` seconds, of which unit 0 is at
    ``start`` on the published timeline; that ends after ``duration`` seconds.
    """

    id: str
    source: SourceRef
    format: SegmentFormat
    origin: Fraction
    unit: Fraction
    start: Fraction
    duration: Fraction
    segments: tuple[SegmentPlan, ...]
    renditions: tuple[SubtitleRendition, ...]
    kind: Literal["subtitles"] = "subtitles"
    limit_seconds: float = LIMIT_SECONDS


Task = VideoTask | AudioTask | SubtitleTask

Rendition = VideoRendition | AudioRendition | SubtitleRendition


def renditions_of(task: Task) -> tuple[Rendition, ...]:
    """Return the renditions that a task makes a part of, or the whole."""
    return (task.rendition,) if isinstance(task, AudioTask) else task.renditions


def plan_hash_of(task: Task) -> str:
    """Return the hash of the plan that a task belongs to, which its folders are named by."""
    return renditions_of(task)[0].directory.rpartition("/")[2]


def span(task: Task) -> tuple[Fraction, Fraction]:
    """Return when a task's first segment begins and its last one ends, in seconds of the published stream."""
    if isinstance(task, VideoTask):
        start, unit = task.picture.start, 1 / task.picture.grid_rate
    elif isinstance(task, SubtitleTask):
        start, unit = task.start, task.unit
    else:
        start, unit = Fraction(0), Fraction(1, task.rendition.sample_rate)
    return start + task.segments[0].start * unit, start + task.segments[-1].end * unit


@dataclass(frozen=True)
class Plan:
    """Everything that will be encoded and published, decided before the first frame is decoded.

    ``video_start`` is when slot 0 is shown on the published timeline, in seconds (see ``Normaliser.start``).
    ``subtitle_segments`` are those of every subtitle rendition and count units of ``subtitle_unit`` seconds,
    which are the slots of the picture, or without one the samples of the first audio track. The job fails
    where more than the share ``max_damaged`` of a source's pictures or sound cannot be decoded.
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
    subtitles: tuple[SubtitleRendition, ...] = ()
    subtitle_segments: tuple[SegmentPlan, ...] = ()
    subtitle_unit: Fraction = Fraction(1)
    max_damaged: float = 1.0

    @property
    def renditions(self) -> tuple[Rendition, ...]:
        """Video, then audio, then subtitle renditions."""
        return (*self.video, *self.audio, *self.subtitles)

    @property
    def seconds(self) -> Fraction:
        """For how long the published stream plays: until the last of its segments ends."""
        return max((span(task)[1] for task in self.tasks), default=Fraction(0))
