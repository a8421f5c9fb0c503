"""Rules about renditions of subtitles in WebVTT (RFC 8216 section 3.5)."""

from __future__ import annotations

from fractions import Fraction

from verifier import rulebook
from verifier.media.webvtt import Cue
from verifier.stream import MeasuredSegment, Rendition, Stream

#: Seconds by which cues may be off their segments: WebVTT counts thousandths, and edges lie on frames.
_TOLERANCE = Fraction(1, 20)

#: Seconds by which subtitles may be shorter or longer than the picture.
_LENGTH_TOLERANCE = Fraction(1, 2)


def judge_subtitles(stream: Stream) -> None:
    """Report what is wrong with renditions of subtitles."""
    timing = next(iter(stream.pictures()), None)
    reference = timing.rendition if timing is not None else stream.sound()
    for member in stream.members:
        if member.tag.type == "SUBTITLES" and any(one.subtitles for one in member.rendition.segments):
            _judge_one(member.rendition, reference)


def _judge_one(rendition: Rendition, reference: Rendition | None) -> None:
    unmapped = [one for one in rendition.segments if one.subtitles is not None and not one.subtitles.mapped]
    if unmapped:
        rendition.scope.add(
            rulebook.TIMESTAMP_MAP,
            f"{len(unmapped)} of {len(rendition.segments)} segments have no X-TIMESTAMP-MAP",
            unmapped[0].segment.at,
        )
    kind = reference.kind if reference is not None else "other"
    part = reference.first(kind) if reference is not None else None
    if reference is None or part is None:
        return
    if reference.playlist.ended and rendition.playlist.ended:
        off = rendition.playlist.duration - reference.playlist.duration
        if abs(off) > _LENGTH_TOLERANCE:
            rendition.scope.add(
                rulebook.SUBTITLES_WHOLE,
                f"it lasts {float(rendition.playlist.duration):.3f} s, {reference.name} "
                f"{float(reference.playlist.duration):.3f} s",
            )
        _judge_cues(rendition, part.start)


def _judge_cues(rendition: Rendition, start: Fraction) -> None:
    """Compare cues with the time of their segments. ``start`` is that of the first segment."""
    spans: list[tuple[MeasuredSegment, Fraction, Fraction]] = []
    at = start
    for one in rendition.segments:
        spans.append((one, at, at + one.segment.duration))
        at += one.segment.duration
    everywhere: dict[Cue, set[int]] = {}
    for one, begin, end in spans:
        for cue in one.subtitles.cues if one.subtitles is not None else ():
            everywhere.setdefault(cue, set()).add(one.segment.index)
            if cue.end <= begin - _TOLERANCE or cue.start >= end + _TOLERANCE:
                rendition.scope.add(
                    rulebook.CUES_INSIDE,
                    f"a cue, {_shown(cue, start)}, lies outside "
                    f"of the segment, {float(begin - start):.3f} s to {float(end - start):.3f} s",
                    one.segment.at,
                )
    for cue, segments in everywhere.items():
        for one, begin, end in spans:
            shown = cue.start < end - _TOLERANCE and cue.end > begin + _TOLERANCE
            if shown and one.subtitles is not None and one.segment.index not in segments:
                rendition.scope.add(
                    rulebook.CUES_REPEATED,
                    f"a cue, {_shown(cue, start)}, is missing",
                    one.segment.at,
                )


def _shown(cue: Cue, start: Fraction) -> str:
    return f"{float(cue.start - start):.3f} s to {float(cue.end - start):.3f} s"
