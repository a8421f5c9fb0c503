"""Media playlists (RFC 8216 section 4.3.3): from lines to segments, and the rules on the way."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from gopfarm.timeline import round_half_up
from verifier import rulebook
from verifier.fetch import Span
from verifier.findings import Scope
from verifier.locations import Location, RefusedError, resolve
from verifier.playlists.model import InitSection, MediaPlaylist, Segment
from verifier.playlists.tags import check_kind, check_version, read_version
from verifier.playlists.text import Line, read_attributes

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:,.*)?")
_BYTERANGE = re.compile(r"([0-9]{1,20})(?:@([0-9]{1,20}))?")
_DIGITS = re.compile(r"[0-9]{1,20}")
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?")

#: What Apple recommends as target duration, and the fewest segments of a live playlist.
_TARGET_SECONDS = 6
_LIVE_SEGMENTS = 6


@dataclass
class _Pending:
    """Tags that wait for the address of their segment."""

    duration: Fraction | None = None
    span: Line | None = None
    discontinuity: bool = False
    gap: bool = False


@dataclass
class _State:
    """What holds from one line of a playlist to the next."""

    location: Location
    scope: Scope
    pending: _Pending = field(default_factory=_Pending)
    init: InitSection | None = None
    encrypted: bool = False
    segments: list[Segment] = field(default_factory=list)
    ends: dict[str, int] = field(default_factory=dict)


def read_media(lines: Sequence[Line], location: Location, scope: Scope) -> MediaPlaylist:
    """Read the lines of a media playlist and judge them."""
    check_kind(lines, False, scope)
    version = read_version(lines, scope)
    check_version(lines, version, scope)
    state = _State(location, scope)
    values: dict[str, str] = {}
    for line in lines:
        if line.tag:
            values.setdefault(line.tag, line.value)
            _take_tag(line, state)
        else:
            _take_address(line, state)
    if state.pending.duration is not None:
        scope.add(rulebook.EXTINF, "the last EXTINF has no address below it")
    playlist = MediaPlaylist(
        location=location,
        version=version,
        target=_target(values, scope),
        type=values.get("EXT-X-PLAYLIST-TYPE", ""),
        ended="EXT-X-ENDLIST" in values,
        independent="EXT-X-INDEPENDENT-SEGMENTS" in values,
        iframes_only="EXT-X-I-FRAMES-ONLY" in values,
        segments=tuple(state.segments),
    )
    _judge(playlist, values, scope)
    return playlist


def _take_tag(line: Line, state: _State) -> None:
    pending, scope = state.pending, state.scope
    match line.tag:
        case "EXTINF":
            found = _DURATION.fullmatch(line.value)
            if found is None:
                scope.add(rulebook.EXTINF, f"EXTINF:{line.value[:40]} is not a duration", line.at)
            elif pending.duration is not None:
                scope.add(rulebook.EXTINF, "a second EXTINF for the same segment", line.at)
            pending.duration = Fraction(found[1].rstrip(".")) if found else Fraction(0)
        case "EXT-X-BYTERANGE":
            pending.span = line
        case "EXT-X-DISCONTINUITY":
            pending.discontinuity = True
        case "EXT-X-GAP":
            pending.gap = True
        case "EXT-X-KEY":
            state.encrypted = _is_key(line, scope)
        case "EXT-X-MAP":
            state.init = _init(line, state)
        case "EXT-X-PROGRAM-DATE-TIME" if not _DATE.fullmatch(line.value):
            scope.add(rulebook.DATE, f"{line.value[:40]!r} is not a date and time", line.at)
        case "EXT-X-MEDIA-SEQUENCE" if state.segments or not _DIGITS.fullmatch(line.value):
            scope.add(rulebook.SEQUENCE, "it is not a number, or comes after the first segment", line.at)


def _is_key(line: Line, scope: Scope) -> bool:
    attributes = read_attributes(line, scope)
    method = attributes.get("METHOD")
    if not method or (method != "NONE" and "URI" not in attributes):
        scope.add(rulebook.KEY, "EXT-X-KEY lacks its METHOD or its URI", line.at)
    return method != "NONE"


def _init(line: Line, state: _State) -> InitSection | None:
    attributes = read_attributes(line, state.scope)
    if "URI" not in attributes:
        state.scope.add(rulebook.MAP, "EXT-X-MAP has no URI", line.at)
        return None
    span = None
    if "BYTERANGE" in attributes:
        found = _BYTERANGE.fullmatch(attributes["BYTERANGE"])
        if found is None:
            state.scope.add(rulebook.BYTERANGE, "BYTERANGE of EXT-X-MAP is malformed", line.at)
            return None
        span = Span(int(found[2] or 0), int(found[1]))
    location = _resolved(state, attributes["URI"], line)
    return InitSection(location, span) if location else None


def _take_address(line: Line, state: _State) -> None:
    pending, scope = state.pending, state.scope
    if pending.duration is None:
        scope.add(rulebook.EXTINF, f"no EXTINF before {line.value[:80]}", line.at)
    state.segments.append(
        Segment(
            index=len(state.segments),
            line=line.number,
            uri=line.value,
            location=_resolved(state, line.value, line),
            duration=pending.duration or Fraction(0),
            span=_span(line.value, state),
            init=state.init,
            discontinuity=pending.discontinuity,
            encrypted=state.encrypted,
            gap=pending.gap,
        )
    )
    state.pending = _Pending()


def _span(uri: str, state: _State) -> Span | None:
    line = state.pending.span
    if line is None:
        state.ends.pop(uri, None)
        return None
    found = _BYTERANGE.fullmatch(line.value)
    if found is None:
        state.scope.add(rulebook.BYTERANGE, f"EXT-X-BYTERANGE:{line.value[:40]} is malformed", line.at)
        return None
    before = state.segments[-1] if state.segments else None
    if found[2] is None and (before is None or before.uri != uri or uri not in state.ends):
        state.scope.add(rulebook.BYTERANGE, "no offset, and no range of the same file right before", line.at)
    offset = int(found[2]) if found[2] is not None else state.ends.get(uri, 0)
    state.ends[uri] = offset + int(found[1])
    return Span(offset, int(found[1]))


def _resolved(state: _State, uri: str, line: Line) -> Location | None:
    try:
        return resolve(state.location, uri)
    except RefusedError as error:
        state.scope.add(rulebook.ADDRESSES, str(error), line.at)
        return None


def _target(values: dict[str, str], scope: Scope) -> int | None:
    text = values.get("EXT-X-TARGETDURATION")
    if text is None or not _DIGITS.fullmatch(text):
        problem = (
            "EXT-X-TARGETDURATION is missing" if text is None else f"{text[:40]!r} is not a whole number"
        )
        scope.add(rulebook.TARGET, problem)
        return None
    return int(text)


def _judge(playlist: MediaPlaylist, values: dict[str, str], scope: Scope) -> None:
    """Report what is wrong with the playlist as a whole."""
    if playlist.target is not None:
        for segment in playlist.segments:
            if round_half_up(segment.duration) > playlist.target:
                message = f"EXTINF of {float(segment.duration):.3f} s, target duration {playlist.target} s"
                scope.add(rulebook.TARGET, message, segment.at)
    if playlist.type not in ("", "VOD", "EVENT"):
        scope.add(
            rulebook.PLAYLIST_TYPE, f"EXT-X-PLAYLIST-TYPE:{playlist.type[:40]} is neither VOD nor EVENT"
        )
    if not playlist.ended:
        if playlist.type == "VOD":
            scope.add(rulebook.PLAYLIST_TYPE, "PLAYLIST-TYPE:VOD without ENDLIST")
        elif not playlist.type:
            scope.add(rulebook.ENDED, "neither PLAYLIST-TYPE nor ENDLIST: players take it for live")
        _judge_live(playlist, values, scope)
    elif playlist.type != "VOD":
        scope.add(rulebook.TYPE_VOD, "it has ended, but does not say EXT-X-PLAYLIST-TYPE:VOD")
    if not playlist.segments and (playlist.ended or playlist.type == "VOD"):
        scope.add(rulebook.EMPTY, "it lists no segment")


def _judge_live(playlist: MediaPlaylist, values: dict[str, str], scope: Scope) -> None:
    if playlist.type in ("VOD", "EVENT"):
        return  # an EVENT may be a film on its way, which is shown at no time of day
    if "EXT-X-PROGRAM-DATE-TIME" not in values:
        scope.add(rulebook.LIVE_DATES, "EXT-X-PROGRAM-DATE-TIME is missing")
    if len(playlist.segments) < _LIVE_SEGMENTS and not playlist.type:
        scope.add(rulebook.LIVE_SEGMENTS, f"it lists {len(playlist.segments)} segments")


def judge_target(playlist: MediaPlaylist, scope: Scope) -> None:
    """Report a target duration of picture or sound other than the recommended one."""
    if playlist.target not in (None, _TARGET_SECONDS):
        scope.add(rulebook.SIX_SECONDS, f"the target duration is {playlist.target} s")
