"""Playlists as data, once their text has been read. Durations are exact seconds."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from verifier.fetch import Span
from verifier.locations import Location
from verifier.playlists.text import Attributes


@dataclass(frozen=True)
class InitSection:
    """What EXT-X-MAP names (RFC 8216 section 4.3.2.5)."""

    location: Location
    span: Span | None


@dataclass(frozen=True)
class Segment:
    """One media segment as its playlist describes it.

    ``index`` counts from 0 within the playlist. ``location`` is None where its address is not followed.
    ``discontinuity`` stands before it; ``gap`` says that it is meant to be missing (EXT-X-GAP).
    """

    index: int
    line: int
    uri: str
    location: Location | None
    duration: Fraction
    span: Span | None
    init: InitSection | None
    discontinuity: bool
    encrypted: bool
    gap: bool

    @property
    def at(self) -> str:
        """Return how findings call the segment."""
        return f"segment {self.index} ({self.uri.rpartition('/')[2].partition('?')[0]})"


@dataclass(frozen=True)
class MediaPlaylist:
    """A media playlist. ``target`` is seconds; ``type`` is VOD, EVENT or empty."""

    location: Location
    version: int
    target: int | None
    type: str
    ended: bool
    independent: bool
    iframes_only: bool
    segments: tuple[Segment, ...]

    @property
    def growing(self) -> bool:
        """Whether segments are still added at its end, and none taken away at its beginning."""
        return self.type == "EVENT" and not self.ended

    @property
    def duration(self) -> Fraction:
        """Seconds of all segments together."""
        return sum((segment.duration for segment in self.segments), Fraction(0))


@dataclass(frozen=True)
class Variant:
    """A variant stream: EXT-X-STREAM-INF and the address below it, or EXT-X-I-FRAME-STREAM-INF."""

    line: int
    uri: str
    attributes: Attributes
    iframes: bool = False

    @property
    def at(self) -> str:
        """Return how findings call the variant."""
        return f"line {self.line}"

    @property
    def codecs(self) -> tuple[str, ...]:
        """The entries of CODECS."""
        text = self.attributes.get("CODECS", "")
        return tuple(entry.strip() for entry in text.split(",") if entry.strip())

    @property
    def resolution(self) -> tuple[int, int] | None:
        """Width and height of RESOLUTION."""
        width, _, height = self.attributes.get("RESOLUTION", "").partition("x")
        return (int(width), int(height)) if width.isdecimal() and height.isdecimal() else None


@dataclass(frozen=True)
class MediaTag:
    """An EXT-X-MEDIA tag. ``uri`` is empty where the media is in the variants' own playlists."""

    line: int
    attributes: Attributes

    @property
    def at(self) -> str:
        """Return how findings call the tag."""
        return f"line {self.line}"

    @property
    def type(self) -> str:
        """AUDIO, VIDEO, SUBTITLES or CLOSED-CAPTIONS."""
        return self.attributes.get("TYPE", "")

    @property
    def group(self) -> str:
        """Its GROUP-ID."""
        return self.attributes.get("GROUP-ID", "")

    @property
    def name(self) -> str:
        """Its NAME."""
        return self.attributes.get("NAME", "")

    @property
    def uri(self) -> str:
        """Address of its playlist."""
        return self.attributes.get("URI", "")


@dataclass(frozen=True)
class MultivariantPlaylist:
    """A multivariant ("master") playlist."""

    location: Location
    version: int
    independent: bool
    variants: tuple[Variant, ...]
    iframe_variants: tuple[Variant, ...]
    media: tuple[MediaTag, ...]

    def group(self, kind: str, name: str) -> tuple[MediaTag, ...]:
        """Return the members of a group by TYPE and GROUP-ID."""
        return tuple(tag for tag in self.media if (tag.type, tag.group) == (kind, name))
