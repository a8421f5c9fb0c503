"""Which tags belong into which kind of playlist, and the protocol version that they require."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from verifier import rulebook
from verifier.findings import Scope
from verifier.playlists.text import Line

#: Tags about a segment (RFC 8216 section 4.3.2; EXT-X-GAP, -BITRATE and -PART are of its successor).
SEGMENT_TAGS = frozenset(
    {
        *("EXTINF", "EXT-X-BYTERANGE", "EXT-X-DISCONTINUITY", "EXT-X-KEY", "EXT-X-MAP"),
        *("EXT-X-PROGRAM-DATE-TIME", "EXT-X-DATERANGE", "EXT-X-GAP", "EXT-X-BITRATE", "EXT-X-PART"),
    }
)

#: Tags about a whole media playlist, which appear once (section 4.3.3).
MEDIA_TAGS = frozenset(
    {
        *("EXT-X-TARGETDURATION", "EXT-X-MEDIA-SEQUENCE", "EXT-X-DISCONTINUITY-SEQUENCE", "EXT-X-ENDLIST"),
        *("EXT-X-PLAYLIST-TYPE", "EXT-X-I-FRAMES-ONLY", "EXT-X-PART-INF", "EXT-X-SERVER-CONTROL"),
    }
)

#: Tags of multivariant playlists (section 4.3.4).
MULTIVARIANT_TAGS = frozenset(
    {
        *("EXT-X-MEDIA", "EXT-X-STREAM-INF", "EXT-X-I-FRAME-STREAM-INF", "EXT-X-SESSION-DATA"),
        *("EXT-X-SESSION-KEY", "EXT-X-CONTENT-STEERING"),
    }
)

_DIGITS = re.compile(r"[0-9]{1,20}")


def is_multivariant(lines: Sequence[Line]) -> bool:
    """Tell which kind of playlist this is: one with any tag of section 4.3.4 is multivariant."""
    return any(line.tag in MULTIVARIANT_TAGS for line in lines)


def check_kind(lines: Sequence[Line], multivariant: bool, scope: Scope) -> None:
    """Report tags of the other kind, and tags that appear twice though they may not."""
    foreign = SEGMENT_TAGS | MEDIA_TAGS if multivariant else MULTIVARIANT_TAGS
    for line in lines:
        if line.tag in foreign:
            kind = "multivariant" if multivariant else "media"
            scope.add(rulebook.ONE_KIND, f"{line.tag} does not belong into a {kind} playlist", line.at)
    once = MEDIA_TAGS | {"EXT-X-INDEPENDENT-SEGMENTS", "EXT-X-START"}
    for tag, number in Counter(line.tag for line in lines if line.tag in once).items():
        if number > 1:
            scope.add(
                rulebook.TARGET if tag == "EXT-X-TARGETDURATION" else rulebook.ONCE, f"{tag} appears twice"
            )


def read_version(lines: Sequence[Line], scope: Scope) -> int:
    """Return the protocol version: 1 where none is stated (section 4.3.1.2)."""
    found = [line for line in lines if line.tag == "EXT-X-VERSION"]
    for line in found[1:]:
        scope.add(rulebook.VERSION, "EXT-X-VERSION again", line.at)
    if not found:
        return 1
    if not _DIGITS.fullmatch(found[0].value):
        scope.add(rulebook.VERSION, f"EXT-X-VERSION:{found[0].value[:40]} is not a number", found[0].at)
        return 1
    return int(found[0].value)


def check_version(lines: Sequence[Line], stated: int, scope: Scope) -> None:
    """Compare the stated version with what is used (section 7, and 8 to 12 of its successor)."""
    iframes_only = any(line.tag == "EXT-X-I-FRAMES-ONLY" for line in lines)
    required = max(
        ((_required(line, iframes_only), line) for line in lines), key=lambda one: one[0][0], default=None
    )
    if required is not None and required[0][0] > stated:
        (version, what), line = required
        scope.add(rulebook.COMPATIBLE, f"{what} requires version {version}, stated is {stated}", line.at)


def _required(line: Line, iframes_only: bool) -> tuple[int, str]:
    """Return the lowest version that may hold a line, and what in it requires that."""
    value = line.value
    match line.tag:
        case "EXTINF" if "." in value.partition(",")[0]:
            return 3, "EXTINF with decimals"
        case "EXT-X-BYTERANGE" | "EXT-X-I-FRAMES-ONLY":
            return 4, line.tag
        case "EXT-X-MAP":
            return (5, "EXT-X-MAP") if iframes_only else (6, "EXT-X-MAP outside of an I-frame playlist")
        case "EXT-X-KEY" if "KEYFORMAT" in value:
            return 5, "KEYFORMAT"
        case "EXT-X-KEY" if re.search(r"(^|,)IV=", value):
            return 2, "IV"
        case "EXT-X-MEDIA" if 'INSTREAM-ID="SERVICE' in value:
            return 7, "a SERVICE of INSTREAM-ID"
        case "EXT-X-DEFINE":
            return (11, "QUERYPARAM") if "QUERYPARAM=" in value else (8, "EXT-X-DEFINE")
        case "EXT-X-SKIP":
            return 9, "EXT-X-SKIP"
        case "EXT-X-STREAM-INF" | "EXT-X-I-FRAME-STREAM-INF" if re.search(r"(^|,)REQ-", value):
            return 12, "an attribute that begins with REQ-"
    return 1, line.tag
