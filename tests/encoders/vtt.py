"""Reading WebVTT back with nothing of ours: as much of W3C WebVTT section 6 as the tests need."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

_TIMES = re.compile(r"(\d{2,}):(\d\d):(\d\d)\.(\d{3}) --> (\d{2,}):(\d\d):(\d\d)\.(\d{3})(?: (.*))?")
_TAG = re.compile(r"</?[a-z.]*[^>]*>")


@dataclass(frozen=True)
class Shown:
    """A cue as a player sees it: milliseconds, cue text, settings, identifier."""

    start: int
    end: int
    payload: str
    settings: str
    identifier: str

    @property
    def text(self) -> str:
        """What a viewer reads."""
        return html.unescape(_TAG.sub("", self.payload))


@dataclass(frozen=True)
class Parsed:
    """A file: the lines of its header below the first, and its cues."""

    header: list[str]
    cues: list[Shown]


def parse(document: str) -> Parsed:
    """Parse a file; whatever is not a cue where one should be is a failure."""
    lines = document.split("\n")
    assert lines[0] == "WEBVTT"
    blocks: list[list[str]] = [[]]
    for line in lines:
        if line:
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    cues = []
    for block in filter(None, blocks[1:]):
        identifier = "" if "-->" in block[0] else block.pop(0)
        found = _TIMES.fullmatch(block[0])
        assert found is not None, block
        numbers = [int(number) for number in found.groups()[:8]]
        start, end = (
            ((hours * 60 + minutes) * 60 + seconds) * 1000 + millis
            for hours, minutes, seconds, millis in (numbers[:4], numbers[4:])
        )
        assert start < end
        assert all("-->" not in line for line in block[1:])
        cues.append(Shown(start, end, "\n".join(block[1:]), found[9] or "", identifier))
    assert [cue.start for cue in cues] == sorted(cue.start for cue in cues)
    return Parsed(blocks[0][1:], cues)
