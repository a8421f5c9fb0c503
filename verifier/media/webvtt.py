"""WebVTT segments (RFC 8216 section 3.5, and the WebVTT standard of W3C)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from verifier import rulebook
from verifier.findings import Rule

#: Ticks per second of the clock that X-TIMESTAMP-MAP refers to.
CLOCK = 90_000

_TIME = r"(?:(\d{2,}):)?([0-5]\d):([0-5]\d)\.(\d{3})"
_TIMING = re.compile(rf"{_TIME}[ \t]+-->[ \t]+{_TIME}(?:[ \t].*)?")
_CLOCK_TIME = re.compile(_TIME)


@dataclass(frozen=True)
class Cue:
    """A cue: its display time in seconds of the media's clock, and what it shows."""

    start: Fraction
    end: Fraction
    text: str


@dataclass(frozen=True)
class SubtitleSegment:
    """A WebVTT segment. Cue times are mapped to the clock of sound and picture."""

    cues: tuple[Cue, ...]
    mapped: bool
    problems: tuple[tuple[Rule, str], ...]


def looks_like_webvtt(data: bytes) -> bool:
    """Tell whether bytes begin with the header of WebVTT."""
    return data.removeprefix(b"\xef\xbb\xbf").startswith(b"WEBVTT")


def read_webvtt(data: bytes) -> SubtitleSegment:
    """Read a segment. Its problems name rules that it breaks on its own."""
    problems: list[tuple[Rule, str]] = []
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        problems.append((rulebook.WEBVTT, "it is not UTF-8"))
        text = data.decode("utf-8", "replace")
    blocks = re.split(r"\n{2,}", re.sub(r"\r\n?", "\n", text).strip("\n"))
    header = blocks[0].split("\n")
    if not re.fullmatch(r"WEBVTT([ \t].*)?", header[0]):
        problems.append((rulebook.WEBVTT, "it does not start with WEBVTT"))
    offset = _offset(header[1:], problems)
    mapped = any(line.startswith("X-TIMESTAMP-MAP") for line in header)
    cues = []
    last = None
    for block in blocks[1:]:
        lines = block.split("\n")
        if re.match(r"(NOTE|STYLE|REGION)([ \t]|$)", lines[0]):
            continue
        at = next((index for index, line in enumerate(lines[:2]) if "-->" in line), None)
        if at is None:
            if any(lines):
                problems.append((rulebook.WEBVTT, f"{lines[0][:40]!r} is no cue"))
            continue
        times = _TIMING.fullmatch(lines[at].strip())
        if times is None:
            problems.append((rulebook.WEBVTT, f"{lines[at][:60]!r} is not a cue timing"))
            continue
        start, end = _seconds(times.groups()[:4]), _seconds(times.groups()[4:])
        if end <= start or (last is not None and start < last):
            problems.append(
                (rulebook.WEBVTT, f"{lines[at][:60]!r} ends before it starts, or cues go backwards")
            )
        last = start
        cues.append(Cue(start + offset, end + offset, "\n".join(lines[at + 1 :])))
    return SubtitleSegment(tuple(cues), mapped, tuple(problems))


def _offset(header: list[str], problems: list[tuple[Rule, str]]) -> Fraction:
    """Return what X-TIMESTAMP-MAP adds to cue times, in seconds."""
    for line in header:
        if not line.startswith("X-TIMESTAMP-MAP"):
            continue
        parts = dict(part.strip().partition(":")[::2] for part in line.partition("=")[2].split(","))
        local = _CLOCK_TIME.fullmatch(parts.get("LOCAL", ""))
        if local is None or not parts.get("MPEGTS", "").isdecimal():
            problems.append((rulebook.TIMESTAMP_MAP, f"{line[:60]!r} is malformed"))
            return Fraction(0)
        return Fraction(int(parts["MPEGTS"]), CLOCK) - _seconds(local.groups())
    return Fraction(0)


def _seconds(parts: tuple[str | None, ...]) -> Fraction:
    hours, minutes, seconds, thousandths = (int(part or 0) for part in parts)
    return 3600 * hours + 60 * minutes + seconds + Fraction(thousandths, 1000)
