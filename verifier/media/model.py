"""What a segment turns out to hold, whatever its format: tracks with exact times in ticks."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from typing import Literal

from verifier.findings import Rule

Kind = Literal["video", "audio", "text", "other"]


class Captions(IntEnum):
    """What is known of closed captions in pictures. Padding is a caption channel without a character."""

    NONE = 0
    PADDING = 1
    TEXT = 2


@dataclass(frozen=True)
class TrackConfig:
    """How a track is coded, read from its sample entry or from the bitstream itself.

    ``codec`` is the RFC 6381 name, ``coding`` libavcodec's name (empty where neither is known), ``level`` is
    H.264's level_idc. ``transfer`` is the ITU-T H.273 code point (2: not said). ``parameters`` identifies the
    decoder configuration, ``extradata`` is that configuration as decoders take it.
    """

    kind: Kind
    codec: str
    coding: str
    width: int = 0
    height: int = 0
    aspect: Fraction = Fraction(1)
    transfer: int = 2
    progressive: bool = True
    profile: int = 0
    level: int = 0
    channels: int = 0
    sample_rate: int = 0
    parameters: str = ""
    extradata: bytes = b""


@dataclass(frozen=True)
class TrackPart:
    """One track within one segment. Times are ticks of ``timescale``; ``shift`` ticks are before time 0.

    Attributes:
        track: Track id of MP4, or PID of MPEG-TS.
        count: Frames.
        first_dts: Decoding time of the first frame; ``end_dts`` that of the first frame after the segment.
        first_pts: Presentation time of the frame shown first; ``end_pts`` the end of the one shown last.
        shortest: Least time between two frames shown; ``longest`` the most. Equal to the frame's duration
            where there is one frame only.
        keys: Presentation times of the pictures that decoding can start at.
        starts_with_key: The first frame in decoding order is such a picture.
        problem: What is wrong with the order of times, if anything.
        first_unit: The first coded picture, as its decoder takes it.
    """

    track: int
    config: TrackConfig
    timescale: int
    shift: int
    count: int
    first_dts: int
    end_dts: int
    first_pts: int
    end_pts: int
    shortest: int
    longest: int
    keys: tuple[int, ...]
    starts_with_key: bool
    problem: str = ""
    captions: Captions = Captions.NONE
    first_unit: bytes = b""

    def seconds(self, ticks: int) -> Fraction:
        """Return a time of the media's clock as presented, in seconds."""
        return Fraction(ticks - self.shift, self.timescale)

    @property
    def start(self) -> Fraction:
        """When the first frame is presented. What an edit list hides is not presented."""
        start = self.seconds(self.first_pts)
        return max(start, Fraction(0)) if self.shift > 0 else start

    @property
    def end(self) -> Fraction:
        """When the last frame's presentation ends."""
        return self.seconds(self.end_pts)

    @property
    def frame(self) -> Fraction:
        """The longest time between two frames, in seconds."""
        return Fraction(self.longest, self.timescale)


@dataclass(frozen=True)
class Counters:
    """Counters of one PID: of its first and last packet, and whether the first announces a jump."""

    first: int
    last: int
    announced: bool


@dataclass(frozen=True)
class SegmentMedia:
    """A segment looked into. ``problems`` are rules that it breaks on its own, with messages."""

    format: Literal["fmp4", "ts", "packed", "webvtt", "unknown"]
    size: int
    parts: tuple[TrackPart, ...] = ()
    problems: tuple[tuple[Rule, str], ...] = ()
    counters: tuple[tuple[int, Counters], ...] = ()

    def part(self, kind: Kind) -> TrackPart | None:
        """Return the first track of a kind."""
        return next((part for part in self.parts if part.config.kind == kind), None)


def order_problem(dts: list[int], pts: list[int]) -> str:
    """Say what is wrong with the times of frames in decoding order; empty if nothing is."""
    if any(after <= before for before, after in itertools.pairwise(dts)):
        return "decoding times do not increase"
    if len(set(pts)) != len(pts):
        return "two frames are shown at the same time"
    if any(shown < decoded for decoded, shown in zip(dts, pts, strict=True)):
        return "a frame is shown before it is decoded"
    return ""
