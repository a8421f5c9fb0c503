"""A published stream, as far as it could be read: its playlists, and each with its media measured."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from verifier.findings import Scope
from verifier.media.model import Kind, SegmentMedia, TrackPart
from verifier.media.webvtt import SubtitleSegment
from verifier.playlists.model import MediaPlaylist, MediaTag, MultivariantPlaylist, Segment, Variant


@dataclass(frozen=True)
class MeasuredSegment:
    """A segment with what was found in it; ``media`` is None where it could not be read."""

    segment: Segment
    media: SegmentMedia | None
    subtitles: SubtitleSegment | None = None


@dataclass(frozen=True)
class Rendition:
    """A media playlist with its media.

    ``looked_into`` is False where the media is encrypted or missing as a whole. ``name`` is its address in
    relation to the multivariant playlist.
    """

    name: str
    playlist: MediaPlaylist
    segments: tuple[MeasuredSegment, ...]
    looked_into: bool
    encrypted: bool
    scope: Scope

    def parts(self, kind: Kind) -> list[tuple[Segment, TrackPart]]:
        """Return the first track of a kind in each segment that has one."""
        return [
            (measured.segment, part)
            for measured in self.segments
            if measured.media is not None and (part := measured.media.part(kind)) is not None
        ]

    def first(self, kind: Kind) -> TrackPart | None:
        """Return the first track of a kind in the first segment that has one."""
        return next((part for _, part in self.parts(kind)), None)

    @property
    def kind(self) -> Kind:
        """Return what the rendition is timed by: its picture where it has one."""
        kinds: tuple[Kind, ...] = ("video", "audio", "text")
        return next((kind for kind in kinds if self.first(kind) is not None), "other")

    @property
    def sizes(self) -> list[int] | None:
        """Bytes of all segments, or None where one could not be read."""
        sizes = [measured.media.size for measured in self.segments if measured.media is not None]
        return sizes if len(sizes) == len(self.segments) and sizes else None

    def span(self, kind: Kind) -> tuple[Fraction, Fraction] | None:
        """Return when the first frame of a kind is shown, and when the last one ends; None with breaks."""
        parts = self.parts(kind)
        if not parts or any(segment.discontinuity for segment, _ in parts[1:]):
            return None
        return parts[0][1].start, parts[-1][1].end


@dataclass(frozen=True)
class VariantStream:
    """A variant with its rendition; ``variant`` is None for a media playlist that was named directly."""

    variant: Variant | None
    rendition: Rendition

    @property
    def at(self) -> str:
        """Return how findings in the multivariant playlist call it."""
        return self.variant.at if self.variant is not None else ""


@dataclass(frozen=True)
class GroupMember:
    """A rendition of a group, with its EXT-X-MEDIA tag."""

    tag: MediaTag
    rendition: Rendition


@dataclass(frozen=True)
class Stream:
    """Everything that was read. ``master`` is None where a media playlist was named directly."""

    master: MultivariantPlaylist | None
    scope: Scope
    variants: tuple[VariantStream, ...]
    iframes: tuple[VariantStream, ...]
    members: tuple[GroupMember, ...]

    @property
    def renditions(self) -> tuple[Rendition, ...]:
        """All renditions, each once."""
        streams = [one.rendition for one in (*self.variants, *self.iframes)]
        members = [member.rendition for member in self.members]
        return tuple({rendition.name: rendition for rendition in (*streams, *members)}.values())

    def group(self, kind: str, variant: VariantStream) -> tuple[GroupMember, ...]:
        """Return the members, with playlists of their own, of the group of a kind that a variant names."""
        name = variant.variant.attributes.get(kind) if variant.variant is not None else None
        return tuple(member for member in self.members if (member.tag.type, member.tag.group) == (kind, name))

    def sound(self) -> Rendition | None:
        """Return the rendition of sound that plays unless a viewer chooses: the default, or the first."""
        sounds = [member for member in self.members if member.rendition.first("audio") is not None]
        chosen = next((member for member in sounds if member.tag.attributes.yes("DEFAULT")), None)
        chosen = chosen or (sounds[0] if sounds else None)
        if chosen is not None:
            return chosen.rendition
        return next((one.rendition for one in self.variants if one.rendition.first("audio")), None)

    def pictures(self) -> tuple[VariantStream, ...]:
        """Return the variants that have pictures, each rendition once: variants may share one."""
        found = {one.rendition.name: one for one in reversed(self.variants) if one.rendition.first("video")}
        return tuple(reversed(found.values()))
