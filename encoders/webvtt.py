"""WebVTT as text (W3C WebVTT, RFC 8216 section 3.5): cues, segments of them, and files. Pure functions."""

from __future__ import annotations

import re
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

#: Cue settings that mean the same in any file (W3C WebVTT section 4.4). Regions are left out: what defines
#: them stands in the header of the source's own file.
_SETTING = re.compile(r"(?:vertical|line|position|size|align):[-\w.%,]+")

#: Timestamps inside a cue count on the clock of the file that it came from, which is not ours.
_INNER_TIME = re.compile(r"<[\d:.]+>")

#: How blocks begin that are no cues.
_OTHER_BLOCK = re.compile(r"(?:NOTE|STYLE|REGION|WEBVTT)\b")

#: What a payload cannot hold: line ends other than LF, and controls that no renderer has a use for.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LINE_END = re.compile(r"\r\n?")

_BOX_HEADER = struct.Struct(">I4s")


@dataclass(frozen=True)
class Cue:
    """One cue: ``start`` and ``end`` in milliseconds of the published timeline, ``end`` after ``start``.

    ``payload`` is WebVTT cue text, already escaped: lines that are not empty, without ``-->``. ``settings``
    and ``identifier`` are one line each, and may be empty.
    """

    start: int
    end: int
    payload: str
    settings: str = ""
    identifier: str = ""


def escape(text: str) -> str:
    """Return plain text as cue text (W3C WebVTT section 4.2.2), where ``&``, ``<`` and ``>`` are markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def clean_payload(payload: str) -> str:
    """Make the cue text of a WebVTT source fit to be written again; markup stays as it is.

    An empty line would end the cue and ``-->`` would make a line its times, so neither may be left.
    """
    text = _INNER_TIME.sub("", _CONTROLS.sub("", _LINE_END.sub("\n", payload)))
    lines = (line.strip() for line in text.replace("-->", "--&gt;").split("\n"))
    return "\n".join(line for line in lines if line)


def clean_settings(settings: str) -> str:
    """Return the cue settings of a WebVTT source that can be kept, in their order."""
    return " ".join(word for word in settings.split() if _SETTING.fullmatch(word))


def clean_identifier(identifier: str) -> str:
    """Return a cue's identifier as one line without ``-->`` (W3C WebVTT section 4.1).

    One that reads like the start of a comment, style sheet or region is left out.
    """
    name = " ".join(_CONTROLS.sub("", identifier).replace("-->", "").split())
    return "" if _OTHER_BLOCK.match(name) else name


def timestamp(milliseconds: int) -> str:
    """Return a time as WebVTT writes it: ``00:00:01.500``, with more digits of hours where it takes them."""
    seconds, millis = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}.{millis:03d}"


def document(cues: Iterable[Cue], mpegts: int | None = None) -> str:
    """Write a WebVTT file.

    Args:
        cues: In the order of their starts; none at all gives a file of the header alone.
        mpegts: What 0 of the cues' clock is on the clock of the media segments, in ticks of 90 kHz
            (RFC 8216 section 3.5). None is for files that are read without any.
    """
    header = ["WEBVTT"]
    if mpegts is not None:
        header.append(f"X-TIMESTAMP-MAP=LOCAL:{timestamp(0)},MPEGTS:{mpegts}")
    blocks = ["\n".join(header)]
    for cue in cues:
        times = f"{timestamp(cue.start)} --> {timestamp(cue.end)}"
        lines = [cue.identifier, f"{times} {cue.settings}".rstrip(), cue.payload]
        blocks.append("\n".join(line for line in lines if line))
    # The empty line at the end keeps cues whole where a tool puts files behind each other.
    return "\n\n".join(blocks) + "\n\n"


def timeline_of(cues: Iterable[Cue], end: int) -> list[Cue]:
    """Return the cues that are shown between 0 and ``end`` milliseconds, cut to it, in order of their starts.

    Cues that start together stay in their order. Identifiers must be unique in a file (W3C WebVTT section
    4.1), and some players drop what bears a known one: repeated ones are taken off.
    """
    shown, names = [], set()
    for cue in sorted(cues, key=lambda cue: cue.start):
        kept = replace(cue, start=max(0, cue.start), end=min(end, cue.end))
        if kept.start >= kept.end or not kept.payload:
            continue
        if kept.identifier in names:
            kept = replace(kept, identifier="")
        names.add(kept.identifier)
        shown.append(kept)
    return shown


def segmented(cues: Sequence[Cue], edges: Sequence[Fraction], most: int) -> list[list[Cue]]:
    """Deal cues out to segments: each to every segment that it overlaps, with its full times (RFC 8216, 3.5).

    Args:
        cues: In the order of their starts, in which each segment has them too.
        edges: Seconds at which segments start, and the end of the last one. What lies before the first edge
            belongs to the first segment, what lies after the last edge to the last one.
        most: Characters that the segments may hold together.

    Raises:
        ValueError: They would hold more.
    """
    inner = [edge * 1000 for edge in edges[1:-1]]
    segments: list[list[Cue]] = [[] for _ in pairwise(edges)]
    held = 0
    for cue in cues:
        first, last = bisect_right(inner, cue.start), bisect_left(inner, cue.end)
        held += (last - first + 1) * len(cue.payload)
        if held > most:
            raise ValueError(f"repeated in every segment, they are more than {most} characters")
        for number in range(first, last + 1):
            segments[number].append(cue)
    return segments


def boxed_cues(sample: bytes) -> Iterator[tuple[str, str, str]]:
    """Yield (payload, settings, identifier) of the cues in a sample of an MP4 file (ISO/IEC 14496-30, 7.4).

    Raises:
        ValueError: The boxes of the sample do not fit it.
    """
    for kind, content in _boxes(sample):
        if kind == b"vttc":
            parts = {part: text.decode(errors="replace") for part, text in _boxes(content)}
            yield parts.get(b"payl", ""), parts.get(b"sttg", ""), parts.get(b"iden", "")


def holds_boxed_cues(sample: bytes) -> bool:
    """Tell whether a sample of an MP4 track is one of WebVTT cues, or of a time without any."""
    return sample[4:8] in (b"vttc", b"vtte", b"vtta")


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(data):
        if at + 8 > len(data):
            raise ValueError("a box is cut off")
        size, kind = _BOX_HEADER.unpack_from(data, at)
        if size < 8 or at + size > len(data):
            raise ValueError(f"a box of {size} bytes does not fit")
        yield kind, data[at + 8 : at + size]
        at += size
