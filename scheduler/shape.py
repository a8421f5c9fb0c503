"""The shape of a job: how long its chunks are, and which renditions share a task. Pure functions.

Few long tasks cost least: a decode is shared by all renditions, and rate control is seldom begun anew. Many
small ones end sooner where slots stand idle. ``scheduler.shaping`` chooses between them.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from gopfarm.plan import VideoRendition

#: How long chunks may be, in seconds: long enough for rate control to settle, or short enough to share out.
CHUNK_SECONDS = (Fraction(30), Fraction(15), Fraction(8), Fraction(4))

#: For how many slots the chunks at the end of a film may be made smaller; 0: they are as long as all others.
TAILS = (0, 2, 8, 32)

#: No chunk is made shorter than this to balance the load: an encoder starts anew in each, and what it has
#: learnt of the film so far (its rate, its complexity) is lost.
SHORTEST_SECONDS = CHUNK_SECONDS[-1]


class Grouping(enum.StrEnum):
    """Which renditions of a chunk are made by one task, from one decode."""

    TOGETHER = "together"
    LARGEST_APART = "largest-apart"
    EACH_APART = "each-apart"


@dataclass(frozen=True)
class Shape:
    """How a job is split. Where the film is cut changes its bytes; how renditions are grouped does not.

    Chunks last about ``chunk_seconds``. Towards the end they shrink so that ``tail`` slots end together:
    each is a share of 1 / (2 x ``tail``) of what is left then, but no shorter than ``SHORTEST_SECONDS``. That
    is guided self-scheduling (Polychronopoulos and Kuck, 1987), half as fast because tasks differ.

    ``progressive``: the first chunk is about one segment long, so that viewers need not wait for more.
    """

    chunk_seconds: Fraction = CHUNK_SECONDS[0]
    tail: int = 0
    grouping: Grouping = Grouping.TOGETHER
    progressive: bool = False

    def wished_seconds(self, left: Fraction) -> Fraction:
        """Return how long the next chunk should be where ``left`` seconds of the film are to be cut."""
        if not self.tail:
            return self.chunk_seconds
        return min(self.chunk_seconds, max(SHORTEST_SECONDS, left / (2 * self.tail)))

    def groups(self, renditions: Sequence[VideoRendition]) -> tuple[tuple[VideoRendition, ...], ...]:
        """Return the renditions of each task of a chunk: runs of the ladder from the largest down."""
        ladder = by_size(renditions)
        edges = {
            Grouping.TOGETHER: [0, len(ladder)],
            Grouping.LARGEST_APART: [0, min(1, len(ladder)), len(ladder)],
            Grouping.EACH_APART: range(len(ladder) + 1),
        }[self.grouping]
        return tuple(ladder[start:end] for start, end in pairwise(edges) if start < end)


def by_size(renditions: Sequence[VideoRendition]) -> tuple[VideoRendition, ...]:
    """Return renditions in the order of their pictures' sizes, the largest first."""
    return tuple(sorted(renditions, key=lambda rendition: -rendition.width * rendition.height))


def cuts(progressive: bool = False) -> tuple[Shape, ...]:
    """Return a shape for each way to cut a film that the farm may choose, the longest chunks first.

    A job that is sent through again finds what it has stored only if it is cut in the same way.
    """
    return tuple(
        Shape(seconds, tail, progressive=progressive)
        for seconds in CHUNK_SECONDS
        for tail in TAILS
        if not tail or seconds > SHORTEST_SECONDS
    )
