"""Rules about renditions against each other: the same times, the same edges, sound with its picture."""

from __future__ import annotations

from fractions import Fraction

from verifier import rulebook
from verifier.media.model import Kind
from verifier.playlists.media import judge_target
from verifier.rules.segments import CLOCK_TOLERANCE
from verifier.stream import Rendition, Stream

#: Sound and picture that start further apart than this many seconds make players stall or lose their sync.
_FAR_APART = Fraction(1, 2)


def judge_alignment(stream: Stream) -> None:
    """Report renditions that do not fit together."""
    _judge_playlists(stream)
    pictures = [one.rendition for one in stream.pictures()]
    for other in pictures[1:]:
        _judge_same_content(pictures[0], other)
        _judge_edges(pictures[0], other)
    sounds = {
        member.rendition.name: member.rendition for member in stream.members if member.tag.type == "AUDIO"
    }
    for sound in sounds.values():
        if pictures and sound.first("audio") is not None and sound.name != pictures[0].name:
            _judge_pair(pictures[0], "video", sound, "the picture")
            _judge_sound_edges(pictures[0], sound)
    for picture in pictures:
        if picture.first("audio") is not None:
            _judge_pair(picture, "video", picture, "the picture")
    if not pictures:
        names = {one.rendition.name: one.rendition for one in stream.variants} | sounds
        heard = [rendition for rendition in names.values() if rendition.first("audio") is not None]
        for other in heard[1:]:
            _judge_pair(heard[0], "audio", other, "")


def _judge_playlists(stream: Stream) -> None:
    renditions = [one.rendition for one in stream.variants]
    renditions += [member.rendition for member in stream.members if member.tag.type in ("AUDIO", "VIDEO")]
    if not renditions:
        return
    first = renditions[0]
    judge_target(first.playlist, first.scope)
    seen = {first.name}
    for rendition in renditions[1:]:
        if rendition.name in seen:
            continue
        seen.add(rendition.name)
        if rendition.playlist.target != first.playlist.target:
            rendition.scope.add(
                rulebook.SAME_TARGET,
                f"the target duration is {rendition.playlist.target} s, that of {first.name} is "
                f"{first.playlist.target} s",
            )
        if _breaks(rendition) != _breaks(first):
            rendition.scope.add(
                rulebook.SAME_BREAKS,
                f"it has {_breaks(rendition)} discontinuities, {first.name} has {_breaks(first)}",
            )
    for rendition in stream.renditions:
        if rendition.playlist.type != first.playlist.type:
            rendition.scope.add(
                rulebook.SAME_TYPE,
                f"its type is {rendition.playlist.type or 'not stated'}, that of {first.name} is "
                f"{first.playlist.type or 'not stated'}",
            )


def _breaks(rendition: Rendition) -> int:
    return sum(segment.discontinuity for segment in rendition.playlist.segments[1:])


def _judge_same_content(first: Rendition, other: Rendition) -> None:
    """Compare when the pictures of two variants start and end."""
    one, two = first.span("video"), other.span("video")
    if one is None or two is None or not first.playlist.ended or not other.playlist.ended:
        return
    frame = max(part.frame for part in (first.first("video"), other.first("video")) if part is not None)
    for what, here, there in (("starts", two[0], one[0]), ("ends", two[1], one[1])):
        if abs(here - there) > frame / 2 + CLOCK_TOLERANCE:
            other.scope.add(
                rulebook.SAME_START,
                f"its video {what} at {float(here):.3f} s, that of {first.name} at {float(there):.3f} s",
            )


def _edges(rendition: Rendition, kind: Kind) -> list[Fraction]:
    """Return when the segments of a rendition start, and when the last one ends."""
    parts = rendition.parts(kind)
    return [part.start for _, part in parts] + [parts[-1][1].end]


def _judge_edges(first: Rendition, other: Rendition) -> None:
    if not first.playlist.ended or not other.playlist.ended:
        return
    mine, theirs = _edges(first, "video"), _edges(other, "video")
    part = first.first("video")
    frame = part.frame / 2 if part is not None else Fraction(0)
    odd = [edge for edge in theirs if min(abs(edge - known) for known in mine) > frame]
    if odd or len(mine) != len(theirs):
        first_odd = f", the first at {float(odd[0]):.3f} s" if odd else ""
        other.scope.add(
            rulebook.SAME_EDGES,
            f"{len(odd)} of {len(theirs)} segment edges are not those of {first.name}{first_odd}",
        )


def _judge_pair(first: Rendition, kind: Kind, sound: Rendition, than: str) -> None:
    """Compare when a rendition of sound starts and ends with picture, or with other sound."""
    one, two = first.span(kind), sound.span("audio")
    mine, audio = first.first(kind), sound.first("audio")
    if one is None or two is None or mine is None or audio is None:
        return
    frame = max(mine.frame, audio.frame) + CLOCK_TOLERANCE
    than = than or f"that of {first.name}"
    start, end = two[0] - one[0], two[1] - one[1]
    if abs(start) > _FAR_APART + CLOCK_TOLERANCE:
        sound.scope.add(rulebook.SYNC, f"the sound starts {float(start) * 1000:+.0f} ms after {than}")
    elif abs(start) > frame:
        sound.scope.add(rulebook.VOD_START, f"the sound starts {float(start) * 1000:+.0f} ms after {than}")
    if not first.playlist.ended or not sound.playlist.ended:
        return
    if abs(end) > (sound.playlist.target or 0):
        sound.scope.add(rulebook.FAR_ENDS, f"the sound ends {float(end):+.3f} s after {than}")
    elif abs(end) > frame:
        sound.scope.add(rulebook.SAME_LENGTH, f"the sound ends {float(end) * 1000:+.0f} ms after {than}")


def _judge_sound_edges(picture: Rendition, sound: Rendition) -> None:
    """Compare the inner edges of the sound's segments with those of the picture's."""
    if not picture.playlist.ended or not sound.playlist.ended:
        return
    mine, theirs = _edges(picture, "video"), _edges(sound, "audio")[1:-1]
    part = sound.first("audio")
    frame = part.frame + CLOCK_TOLERANCE if part is not None else Fraction(0)
    odd = [edge for edge in theirs if min(abs(edge - known) for known in mine) > frame and edge < mine[-1]]
    if odd:
        sound.scope.add(
            rulebook.SOUND_EDGES,
            f"{len(odd)} of {len(theirs)} inner edges are not those of {picture.name}, "
            f"the first at {float(odd[0]):.3f} s",
        )
