"""What a source is: plain frozen data that probing finds and that goes through Redis as JSON.

Numbers that are times are exact: ``pts`` values count ``time_base`` seconds of the source, ``slot`` values
count frames of the output grid (see ``gopfarm.timeline``).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from gopfarm.timeline import decimation

#: How the lines of a picture were taken: all at once, or as two fields of which the top or the bottom one is
#: first; ``mixed`` is decided by each frame's own flag.
Scan = Literal["progressive", "top", "bottom", "mixed"]


@dataclass(frozen=True)
class SourceRef:
    """Which bytes are read: the address, and what tells that they have not changed since planning."""

    url: str
    size: int
    etag: str


@dataclass(frozen=True)
class Keyframe:
    """A place where decoding can start: presentation time, decoding time, and grid slot of a key picture.

    ``position`` is its byte in the file, for containers in which only that can be sought exactly, or 0 for
    the first packet of the stream, which is reached without seeking; else None. ``byte`` is where its packet
    lies, in any container, where that is known.
    """

    pts: int
    dts: int
    slot: int
    position: int | None = None
    byte: int | None = None


@dataclass(frozen=True)
class ClockJump:
    """Where a stream's clock was set anew: from byte ``position`` on, ``offset`` is added to its times."""

    position: int
    offset: int


@dataclass(frozen=True)
class Run:
    """Frames that are shown at equal distances: ``count`` of them, from ``start`` on, ``step`` apart."""

    start: int
    step: int
    count: int


@dataclass(frozen=True)
class Colour:
    """How numbers in a picture are to be read: code points of ITU-T H.273 (2 is "not said").

    ``peak`` is the brightest light of an HDR picture in cd/m2, as its metadata say; 0 where they do not.
    """

    primaries: int = 2
    transfer: int = 2
    matrix: int = 2
    full_range: bool = False
    peak: int = 0


@dataclass(frozen=True)
class Crop:
    """Lines and columns at the edges that the container says are not to be shown, in decoded samples."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0


UNSAID_COLOUR = Colour()
NO_CROP = Crop()


@dataclass(frozen=True)
class VideoFacts:
    """The video stream of a source.

    ``rotation`` (clockwise degrees, whole quarters) comes after ``mirrored`` (left to right). ``captions``
    are the CEA-608 channels and CEA-708 services found (``CC1``, ``SERVICE1``). ``order`` says when the
    frames are shown, in the order in which they leave the decoder, where their own times do not say it.
    """

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
    mirrored: bool = False
    crop: Crop = NO_CROP
    scan: Scan = "progressive"
    captions: tuple[str, ...] = ()
    clock: tuple[ClockJump, ...] = ()
    order: tuple[Run, ...] = ()

    @property
    def decimation(self) -> int:
        """How many source frames of a constant rate there are to a slot of the grid, at least 1."""
        return decimation(self.frame_rate, self.grid_rate, self.constant_rate)

    @property
    def display_size(self) -> tuple[int, int]:
        """Width and height in square pixels as a player would show them, rotation applied."""
        width = self.width - self.crop.left - self.crop.right
        height = self.height - self.crop.top - self.crop.bottom
        width = max(1, round(width * self.sample_aspect_ratio))
        return (height, width) if self.rotation % 180 else (width, height)

    @property
    def origin(self) -> Fraction:
        """Time of the first shown frame on the source's own clock, in seconds."""
        return self.origin_pts * self.time_base


@dataclass(frozen=True)
class AudioFacts:
    """One audio track of a source. ``start`` and ``duration`` are seconds on the source's own clock.

    Rate, channels and layout (as libavutil names it) are those of the first samples that are decoded.
    """

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
    clock: tuple[ClockJump, ...] = ()

    @property
    def surround(self) -> bool:
        """Whether it is at least 5.1 and says which channel is which, or has as many as are usual."""
        named = not self.layout.startswith("ambisonic") and not self.layout.endswith("channels")
        return self.channels >= 6 and (named or self.channels <= 8)


@dataclass(frozen=True)
class SubtitleFacts:
    """One subtitle track of a source. ``text`` says whether it can be published: pictures of text cannot."""

    stream: int
    codec: str
    language: str
    title: str
    default: bool
    forced: bool
    hearing_impaired: bool
    text: bool


@dataclass(frozen=True)
class IgnoredTrack:
    """A track of a source that is left out, and why, in words for the user."""

    stream: int
    codec: str
    reason: str


@dataclass(frozen=True)
class SourceFacts:
    """What a source is: the result of probing.

    ``digest`` identifies the content (packet index and samples of the bytes) wherever the file lies.
    ``ignored`` are the audio tracks that cannot be used.
    """

    source: SourceRef
    digest: str
    container: str
    duration: Fraction
    video: VideoFacts | None
    audio: tuple[AudioFacts, ...]
    subtitles: tuple[SubtitleFacts, ...] = ()
    ignored: tuple[IgnoredTrack, ...] = ()
