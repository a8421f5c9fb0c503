"""Init segments of fragmented MP4 (RFC 8216 section 3.3, ISO/IEC 14496-12)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from verifier import rulebook
from verifier.findings import Rule
from verifier.media.boxes import Box, boxes, first, inside, number
from verifier.media.entries import PROTECTED, read_entry
from verifier.media.model import TrackConfig


@dataclass(frozen=True)
class Defaults:
    """What samples are where their fragment does not say: duration in ticks, size in bytes, flags (trex)."""

    duration: int = 0
    size: int = 0
    flags: int = 0


@dataclass(frozen=True)
class InitTrack:
    """A track as the init segment describes it. ``shift`` is what its edit list takes off, in ticks."""

    config: TrackConfig
    timescale: int
    shift: int
    defaults: Defaults


@dataclass(frozen=True)
class InitSegment:
    """An init segment: tracks by id. ``encrypted`` says that samples need a key."""

    tracks: dict[int, InitTrack]
    encrypted: bool
    problems: tuple[tuple[Rule, str], ...]


def read_init(data: bytes) -> InitSegment:
    """Read an init segment. What is wrong with it is among its problems."""
    problems: list[tuple[Rule, str]] = []
    tracks: dict[int, InitTrack] = {}
    encrypted = False
    try:
        top = list(boxes(data))
        kinds = [box.kind for box in top]
        if b"ftyp" not in kinds or b"moov" not in kinds or kinds.index(b"ftyp") > kinds.index(b"moov"):
            raise ValueError("it is not ftyp followed by moov")
        moov = next(box for box in top if box.kind == b"moov")
        if first(data, moov, b"mvex") is None:
            problems.append((rulebook.MP4_INIT, "moov has no mvex"))
        defaults = _defaults(data, moov)
        scale = _timescale(data, first(data, moov, b"mvhd"))
        for box in inside(data, moov):
            if box.kind == b"trak":
                track_id, track, protected = _track(data, box, scale, defaults)
                tracks[track_id] = track
                encrypted |= protected
    except (ValueError, IndexError, KeyError) as error:
        problems.append((rulebook.MP4_INIT, str(error)))
    return InitSegment(tracks, encrypted, tuple(problems))


def _defaults(data: bytes, moov: Box) -> dict[int, Defaults]:
    found = {}
    mvex = first(data, moov, b"mvex")
    for box in inside(data, mvex) if mvex else ():
        if box.kind == b"trex":
            track, _, duration, size, flags = (number(data, box.at + 4 + 4 * i, 4) for i in range(5))
            found[track] = Defaults(duration, size, flags)
    return found


def _timescale(data: bytes, header: Box | None) -> int:
    """Return the ticks per second of an mvhd or mdhd box."""
    if header is None:
        raise ValueError("a header box is missing")
    scale = number(data, header.at + (20 if data[header.at] == 1 else 12), 4)
    if scale == 0:
        raise ValueError("a time scale is 0")
    return scale


def _track(
    data: bytes, trak: Box, movie_scale: int, defaults: dict[int, Defaults]
) -> tuple[int, InitTrack, bool]:
    header, stsd = first(data, trak, b"tkhd"), first(data, trak, b"mdia", b"minf", b"stbl", b"stsd")
    if header is None or stsd is None:
        raise ValueError("a track has no tkhd or stsd")
    track_id = number(data, header.at + (20 if data[header.at] == 1 else 12), 4)
    timescale = _timescale(data, first(data, trak, b"mdia", b"mdhd"))
    entry = next(iter(inside(data, stsd)), None)
    if entry is None:
        raise ValueError("a track has no sample entry")
    protected = entry.kind in PROTECTED
    config = (
        TrackConfig("video" if entry.kind == b"encv" else "audio", "", "")
        if protected
        else read_entry(data, entry)
    )
    shift = _shift(data, trak, timescale, movie_scale)
    return track_id, InitTrack(config, timescale, shift, defaults.get(track_id, Defaults())), protected


def _shift(data: bytes, trak: Box, timescale: int, movie_scale: int) -> int:
    """Return the media time that is presented at time 0, in ticks: negative where an empty edit delays it."""
    elst = first(data, trak, b"edts", b"elst")
    if elst is None:
        return 0
    wide = data[elst.at] == 1
    each, size = (20, 8) if wide else (12, 4)
    delay = Fraction(0)
    for index in range(number(data, elst.at + 4, 4)):
        at = elst.at + 8 + each * index
        duration = number(data, at, size)
        number(data, at + size, size)
        media_time = int.from_bytes(data[at + size : at + 2 * size], "big", signed=True)
        if media_time >= 0:
            return media_time - round(delay * timescale)
        delay += Fraction(duration, movie_scale)
    return 0
