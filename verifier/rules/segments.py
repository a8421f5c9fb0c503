"""Rules about the media of one rendition: its pictures, its clock, and the durations that are stated."""

from __future__ import annotations

import itertools
from fractions import Fraction

from verifier import rulebook
from verifier.media.model import Kind, TrackPart
from verifier.playlists.model import Segment
from verifier.stream import Rendition

#: Seconds that clocks may be off where ticks do not divide: two ticks of MPEG-TS and of most files.
CLOCK_TOLERANCE = Fraction(1, 1000)

#: Seconds between IDR pictures, and by which media may outlast the target duration, that Apple allows.
_IDR_SECONDS = 2
_OVERLONG_SECONDS = Fraction(1, 2)

#: High Profile and Level 5.2 of H.264.
_HIGHEST_PROFILE, _HIGHEST_LEVEL = 100, 52

_FASTEST = 60

_KINDS: tuple[Kind, ...] = ("video", "audio")


def judge_rendition(rendition: Rendition, independent: bool) -> None:
    """Report what is wrong within a rendition. ``independent``: EXT-X-INDEPENDENT-SEGMENTS holds for it."""
    for kind in _KINDS:
        parts = rendition.parts(kind)
        _judge_order(rendition, parts)
        _judge_joints(rendition, parts, kind)
        _judge_sameness(rendition, parts)
    _judge_counters(rendition)
    video = rendition.parts("video")
    if video and not rendition.playlist.iframes_only:
        _judge_keys(rendition, video, independent)
        _judge_pictures(rendition, video[0][1])
    if not rendition.playlist.iframes_only:
        _judge_durations(rendition)


def _judge_order(rendition: Rendition, parts: list[tuple[Segment, TrackPart]]) -> None:
    for segment, part in parts:
        if part.problem:
            rendition.scope.add(rulebook.INCREASING, f"{part.config.kind}: {part.problem}", segment.at)


def _judge_joints(rendition: Rendition, parts: list[tuple[Segment, TrackPart]], kind: Kind) -> None:
    """Compare the end of each segment with the start of the next one."""
    if rendition.playlist.iframes_only:
        return
    for (before, one), (after, other) in itertools.pairwise(parts):
        if after.discontinuity or after.index != before.index + 1 or one.timescale != other.timescale:
            continue
        off = Fraction(other.first_dts - one.end_dts, one.timescale)
        frame = max(Fraction(one.shortest, one.timescale), CLOCK_TOLERANCE)
        if abs(off) <= min(CLOCK_TOLERANCE, frame / 2):
            continue
        fragmented = any(
            measured.media is not None and measured.media.format == "fmp4" for measured in rendition.segments
        )
        rule = rulebook.TFDT_CONTINUOUS if fragmented else rulebook.CONTINUOUS
        what = "gap" if off > 0 else "overlap"
        # Without a stated duration, the last frame of MPEG-TS lasts as long as the others, more or less.
        if not fragmented and abs(off) < frame / 2:
            continue
        rendition.scope.add(
            rule, f"{kind}: {what} of {abs(float(off)) * 1000:.1f} ms after the segment before", after.at
        )


def _judge_sameness(rendition: Rendition, parts: list[tuple[Segment, TrackPart]]) -> None:
    """Report where the coding changes without a discontinuity."""
    for (_, one), (after, other) in itertools.pairwise(parts):
        if after.discontinuity or one.config.parameters == other.config.parameters:
            continue
        if after.init is not None and one.config.coding == other.config.coding:
            changed = "the init segment changes"
        else:
            changed = f"{one.config.codec} {one.config.width}x{one.config.height} becomes "
            changed += f"{other.config.codec} {other.config.width}x{other.config.height}"
            if one.config.kind == "audio":
                changed = f"{one.config.parameters} becomes {other.config.parameters}"
        rendition.scope.add(rulebook.PARAMETERS, f"without EXT-X-DISCONTINUITY, {changed}", after.at)
    tracks = [
        (measured.segment, sorted(part.config.kind for part in measured.media.parts))
        for measured in rendition.segments
        if measured.media is not None and measured.media.parts
    ]
    for (_, before), (after, kinds) in itertools.pairwise(tracks):
        if before != kinds and not after.discontinuity:
            rendition.scope.add(
                rulebook.PARAMETERS,
                f"without EXT-X-DISCONTINUITY, tracks {', '.join(before)} become {', '.join(kinds)}",
                after.at,
            )


def _judge_counters(rendition: Rendition) -> None:
    """Compare continuity counters across joints of MPEG-TS segments."""
    announced = 0
    segments = [measured for measured in rendition.segments if measured.media is not None]
    for one, other in itertools.pairwise(segments):
        assert one.media is not None
        assert other.media is not None
        if other.segment.discontinuity:
            continue
        before = dict(one.media.counters)
        for pid, counters in other.media.counters:
            if pid in before and counters.first != (before[pid].last + 1) & 15:
                announced += 1
                break
    if announced:
        rendition.scope.add(
            rulebook.COUNTERS_RESTART, f"continuity counters start anew at {announced} segments"
        )


def _judge_keys(rendition: Rendition, parts: list[tuple[Segment, TrackPart]], independent: bool) -> None:
    previous: Fraction | None = None
    widest, at = Fraction(0), parts[0][0]
    for segment, part in parts:
        if not part.starts_with_key:
            rendition.scope.add(rulebook.IDR_FIRST, "it does not start with an IDR picture", segment.at)
            if independent:
                rendition.scope.add(
                    rulebook.INDEPENDENT_TRUE, "segments are said to be independent, it is not", segment.at
                )
        if segment.discontinuity:
            previous = None
        for key in sorted(part.keys):
            time = part.seconds(key)
            if previous is not None and time - previous > widest:
                widest, at = time - previous, segment
            previous = time
        if previous is not None and part.end - previous > widest:
            widest, at = part.end - previous, segment
    frame = max(part.frame for _, part in parts)
    if widest > _IDR_SECONDS + frame:
        rendition.scope.add(
            rulebook.IDR_SPACING, f"IDR pictures are up to {float(widest):.2f} s apart", at.at
        )


def _judge_pictures(rendition: Rendition, part: TrackPart) -> None:
    config = part.config
    if not config.progressive:
        rendition.scope.add(rulebook.INTERLACED, "the video may be interlaced (frame_mbs_only_flag is 0)")
    if config.coding == "h264" and (config.profile > _HIGHEST_PROFILE or config.level > _HIGHEST_LEVEL):
        rendition.scope.add(
            rulebook.PROFILE, f"profile {config.profile}, level {config.level / 10:.1f} ({config.codec})"
        )
    rate = frame_rate(rendition)
    if rate is not None and rate > _FASTEST * Fraction(1001, 1000):
        rendition.scope.add(rulebook.FAST, f"{float(rate):.2f} frames a second")


def frame_rate(rendition: Rendition) -> Fraction | None:
    """Return the frames a second of a rendition's pictures on average, leaving gaps between segments out."""
    parts = [part for _, part in rendition.parts("video")]
    seconds = sum((Fraction(part.end_pts - part.first_pts, part.timescale) for part in parts), Fraction(0))
    return sum(part.count for part in parts) / seconds if seconds > 0 else None


def fastest_rate(rendition: Rendition) -> Fraction | None:
    """Return the frames a second where frames follow each other fastest."""
    parts = [part for _, part in rendition.parts("video") if part.count > 1 and part.shortest > 0]
    return max((Fraction(part.timescale, part.shortest) for part in parts), default=None)


def _judge_durations(rendition: Rendition) -> None:
    """Compare EXTINF, one by one and as a running sum, with the media (Apple 8.1)."""
    kind = rendition.kind
    if kind not in ("video", "audio"):
        return
    runs: list[list[tuple[Segment, TrackPart]]] = []
    for segment, part in rendition.parts(kind):
        joined = runs and runs[-1][-1][0].index + 1 == segment.index and not segment.discontinuity
        if joined:
            runs[-1].append((segment, part))
        else:
            runs.append([(segment, part)])
    for run in runs:
        _judge_run(rendition, run)


def _judge_run(rendition: Rendition, run: list[tuple[Segment, TrackPart]]) -> None:
    frame = max(part.frame for _, part in run) + CLOCK_TOLERANCE
    starts = [part.start for _, part in run]
    ends = [*starts[1:], run[-1][1].end]
    off = lowest = highest = Fraction(0)
    told = False
    target = rendition.playlist.target
    for (segment, _), start, end in zip(run, starts, ends, strict=True):
        actual = end - start
        if abs(actual - segment.duration) > frame:
            told = True
            rendition.scope.add(
                rulebook.DURATIONS,
                f"EXTINF says {float(segment.duration):.3f} s, the media lasts {float(actual):.3f} s",
                segment.at,
            )
        if target is not None and actual > target + _OVERLONG_SECONDS + CLOCK_TOLERANCE:
            rendition.scope.add(
                rulebook.OVERLONG,
                f"the media lasts {float(actual):.3f} s, the target duration is {target} s",
                segment.at,
            )
        off += actual - segment.duration
        lowest, highest = min(lowest, off), max(highest, off)
    if not told and highest - lowest > frame:
        rendition.scope.add(
            rulebook.DURATIONS,
            f"the sum of EXTINF drifts {float(highest - lowest) * 1000:.0f} ms away from the media",
        )
