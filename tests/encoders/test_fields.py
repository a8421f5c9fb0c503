"""Interlaced or not: by what moves, whatever the flags say."""

from __future__ import annotations

import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from encoders.fields import FieldVotes
from gopfarm.facts import Scan

HEIGHT, WIDTH = 288, 352


def moments(count: int) -> list[NDArray[np.uint8]]:
    """Soft waves that move sideways, two columns from one moment to the next."""
    down, across = np.mgrid[:HEIGHT, : WIDTH + 2 * count]
    waves = 128 + 50 * np.sin(across / 9) + 40 * np.sin((across + down / 3) / 6)
    return [waves[:, 2 * number : 2 * number + WIDTH].astype(np.uint8) for number in range(count)]


def frames(scan: Scan, count: int = 12) -> list[VideoFrame]:
    """Woven from moments: of one moment each, or of two that follow each other."""
    seen = moments(2 * count)
    woven = []
    for first, second in zip(seen[::2], seen[1::2], strict=True):
        picture = first.copy()
        if scan != "progressive":
            later = slice(1, None, 2) if scan == "top" else slice(0, None, 2)
            picture[later] = second[later]
        woven.append(VideoFrame.from_ndarray(picture, format="gray"))
    return woven


def votes(scan: Scan) -> FieldVotes:
    found = FieldVotes()
    found.add(frames(scan))
    return found


@pytest.mark.parametrize("scan", ["top", "bottom", "progressive"])
def test_moving_pictures_show_how_they_were_taken(scan: Scan) -> None:
    assert votes(scan).verdict("progressive") == scan


@pytest.mark.parametrize("scan", ["top", "bottom"])
def test_wrong_flags_are_overruled(scan: Scan) -> None:
    flagged = votes(scan)
    flagged.flagged = flagged.frames
    assert flagged.verdict("bottom" if scan == "top" else "top") == scan
    progressive = votes("progressive")
    progressive.flagged = progressive.frames
    assert progressive.verdict("top") == "progressive"


def test_where_nothing_moves_the_flags_decide() -> None:
    still = FieldVotes()
    still.add([frames("progressive")[0]] * 12)
    assert still.verdict("progressive") == "progressive"
    still.flagged = still.frames
    assert still.verdict("bottom") == "bottom"
    assert still.verdict("progressive") == "mixed", "the frames say so, and none says which field is first"
    still.flagged = 5
    assert still.verdict("top") == "mixed"


def test_low_pictures_are_never_taken_for_interlaced_against_their_flags() -> None:
    low = votes("top")
    low.lines = 96
    assert low.verdict("progressive") == "progressive"
