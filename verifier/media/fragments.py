"""Media segments of fragmented MP4: movie fragments and their samples (ISO/IEC 14496-12, 8.8)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from verifier import rulebook
from verifier.findings import Rule
from verifier.media.boxes import Box, boxes, first, inside, number
from verifier.media.entries import avc_sets, nal_length_size
from verifier.media.h264 import PictureScan, find_captions, length_prefixed
from verifier.media.init import InitSegment, InitTrack
from verifier.media.model import Captions, SegmentMedia, TrackConfig, TrackPart, order_problem

_BASE_OFFSET, _DESCRIPTION, _DURATION, _SIZE, _FLAGS = 0x1, 0x2, 0x8, 0x10, 0x20
_RUN_OFFSET, _RUN_FIRST_FLAGS = 0x1, 0x4
_RUN_DURATION, _RUN_SIZE, _RUN_FLAGS, _RUN_COMPOSITION = 0x100, 0x200, 0x400, 0x800

#: sample_is_non_sync_sample of sample flags (8.8.3.1).
_NON_SYNC = 0x10000

#: HEVC: IDR_W_RADL to CRA_NUT are where decoding can start, and prefix SEI messages (ITU-T H.265, table 7-1).
_HEVC_KEYS = frozenset({16, 17, 18, 19, 20, 21})
_HEVC_SEI = 39


@dataclass
class _Samples:
    """The samples of a track, in decoding order."""

    dts: list[int] = field(default_factory=list)
    pts: list[int] = field(default_factory=list)
    durations: list[int] = field(default_factory=list)
    sync: list[bool] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)
    clock: int | None = None


def read_fragments(data: bytes, init: InitSegment) -> SegmentMedia:
    """Look into a media segment with the init segment that applies to it."""
    problems: list[tuple[Rule, str]] = []
    tracks: dict[int, _Samples] = {}
    try:
        for box in boxes(data):
            if box.kind == b"moof":
                for traf in inside(data, box):
                    if traf.kind == b"traf":
                        _read_traf(data, box, traf, init, tracks, problems)
    except (ValueError, IndexError) as error:
        problems.append((rulebook.READABLE, str(error)))
    if not tracks and not problems:
        problems.append((rulebook.READABLE, "it holds no movie fragment"))
    parts = []
    for track_id, samples in tracks.items():
        if samples.dts:
            parts.append(_part(data, track_id, init.tracks[track_id], samples, problems))
    return SegmentMedia("fmp4", len(data), tuple(parts), tuple(problems))


def _read_traf(
    data: bytes,
    moof: Box,
    traf: Box,
    init: InitSegment,
    tracks: dict[int, _Samples],
    problems: list[tuple[Rule, str]],
) -> None:
    header, time = first(data, traf, b"tfhd"), first(data, traf, b"tfdt")
    if header is None:
        raise ValueError("a track fragment has no tfhd")
    flags, track_id = number(data, header.at + 1, 3), number(data, header.at + 4, 4)
    if track_id not in init.tracks:
        problems.append((rulebook.MP4_INIT, f"the init segment has no track {track_id}"))
        return
    defaults = init.tracks[track_id].defaults
    at = header.at + 8
    base, duration, size, sample_flags = moof.start, defaults.duration, defaults.size, defaults.flags
    if flags & _BASE_OFFSET:
        base, at = number(data, at, 8), at + 8
    at += 4 if flags & _DESCRIPTION else 0
    if flags & _DURATION:
        duration, at = number(data, at, 4), at + 4
    if flags & _SIZE:
        size, at = number(data, at, 4), at + 4
    if flags & _FLAGS:
        sample_flags = number(data, at, 4)
    samples = tracks.setdefault(track_id, _Samples())
    if time is None:
        problems.append((rulebook.MP4_TFDT, f"track {track_id} has a fragment without tfdt"))
        samples.clock = samples.clock or 0
    else:
        samples.clock = number(data, time.at + 4, 8 if data[time.at] == 1 else 4)
    position = base
    for run in inside(data, traf):
        if run.kind == b"trun":
            position = _read_run(data, run, base, position, (duration, size, sample_flags), samples)


def _read_run(
    data: bytes, run: Box, base: int, position: int, defaults: tuple[int, int, int], samples: _Samples
) -> int:
    """Add the samples of a track run; return the position behind the last one."""
    version, flags = data[run.at], number(data, run.at + 1, 3)
    many, at = number(data, run.at + 4, 4), run.at + 8
    if flags & _RUN_OFFSET:
        number(data, at, 4)
        position, at = base + int.from_bytes(data[at : at + 4], "big", signed=True), at + 4
    first_flags = None
    if flags & _RUN_FIRST_FLAGS:
        first_flags, at = number(data, at, 4), at + 4
    clock = samples.clock or 0
    for index in range(many):
        duration, size, sample_flags = defaults
        if flags & _RUN_DURATION:
            duration, at = number(data, at, 4), at + 4
        if flags & _RUN_SIZE:
            size, at = number(data, at, 4), at + 4
        if flags & _RUN_FLAGS:
            sample_flags, at = number(data, at, 4), at + 4
        elif index == 0 and first_flags is not None:
            sample_flags = first_flags
        composition = 0
        if flags & _RUN_COMPOSITION:
            number(data, at, 4)
            composition = int.from_bytes(data[at : at + 4], "big", signed=version > 0)
            at += 4
        if position + size > len(data):
            raise ValueError(f"it is cut off: {position + size - len(data)} bytes of samples are missing")
        samples.dts.append(clock)
        samples.pts.append(clock + composition)
        samples.durations.append(duration)
        samples.sync.append(not sample_flags & _NON_SYNC)
        samples.spans.append((position, position + size))
        clock += duration
        position += size
    samples.clock = clock
    return position


def _part(
    data: bytes, track_id: int, track: InitTrack, samples: _Samples, problems: list[tuple[Rule, str]]
) -> TrackPart:
    config, dts, pts = track.config, samples.dts, samples.pts
    keys, captions, foreign = list(samples.sync), Captions.NONE, False
    if config.coding in ("h264", "hevc"):
        try:
            keys, captions, foreign = _look_at_pictures(data, config, samples)
        except ValueError as error:
            problems.append((rulebook.READABLE, str(error)))
    if foreign:
        problems.append((rulebook.PARAMETERS, "it holds parameter sets that its init segment does not have"))
    ends = [shown + duration for shown, duration in zip(pts, samples.durations, strict=True)]
    # Negative composition offsets are fine where the time line of a whole file is shifted back again.
    problem = order_problem(dts, pts)
    if "before it is decoded" in problem:
        problem = ""
    gaps = _gaps(pts) or samples.durations[:1]
    begin, stop = samples.spans[0]
    return TrackPart(
        track=track_id,
        config=config,
        timescale=track.timescale,
        shift=track.shift,
        count=len(dts),
        first_dts=dts[0],
        end_dts=dts[-1] + samples.durations[-1],
        first_pts=min(pts),
        end_pts=max(ends),
        shortest=min(gaps),
        longest=max(gaps),
        keys=tuple(shown for shown, key in zip(pts, keys, strict=True) if key)
        if config.kind == "video"
        else (),
        starts_with_key=keys[0],
        problem=problem,
        captions=captions,
        first_unit=data[begin:stop] if config.kind == "video" else b"",
    )


def _gaps(pts: list[int]) -> list[int]:
    shown = sorted(pts)
    return [after - before for before, after in itertools.pairwise(shown)]


def _look_at_pictures(
    data: bytes, config: TrackConfig, samples: _Samples
) -> tuple[list[bool], Captions, bool]:
    """Return which pictures are keys, what captions there are, and whether foreign parameter sets are."""
    size = nal_length_size(config)
    keys = []
    scan = PictureScan()
    for begin, stop in samples.spans:
        units = length_prefixed(data[begin:stop], size)
        keys.append(scan.take(units) if config.coding == "h264" else _hevc_key(units, scan))
    known = set(avc_sets(config.extradata)) if config.coding == "h264" and config.extradata else set()
    stored_there = config.codec.startswith("avc1")
    return keys, scan.captions, stored_there and not set(scan.sets) <= known


def _hevc_key(units: Iterator[bytes], scan: PictureScan) -> bool:
    key = False
    for unit in units:
        kind = unit[0] >> 1 & 63
        key |= kind in _HEVC_KEYS
        if kind == _HEVC_SEI and b"GA94" in unit:
            scan.captions = max(scan.captions, find_captions(unit[2:]))
    return key
