"""Scaling: one decoded frame in, one frame per rendition out, each size made from the next larger one."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from av.filter import Graph
from av.filter.context import FilterContext
from av.video.frame import VideoFrame

from gopfarm.plan import Picture, VideoRendition

#: Every rendition is 8-bit 4:2:0, the only format that H.264 High players must take.
PIXEL_FORMAT = "yuv420p"

#: Bicubic is sharp enough after which x264, not the scaler, decides the quality; Lanczos costs a third more.
_SCALER = "bicubic"

_TRANSPOSE = {90: ("transpose", "clock"), 180: ("hflip", ""), 270: ("transpose", "cclock")}


class Cascade:
    """A chain of scale filters over decreasing sizes, rebuilt when the source's frames change their shape.

    Args:
        renditions: Any order; ``scale`` answers in this order.
        picture: How a player would show the decoded picture: rotation, and the range of its values.
    """

    def __init__(self, renditions: Sequence[VideoRendition], picture: Picture) -> None:
        self._renditions = tuple(renditions)
        self._rotation = picture.rotation
        self._full_range = picture.colour.full_range
        self._shape: tuple[int, int, str] | None = None
        self._graph: Graph | None = None
        self._sinks: list[FilterContext] = []

    def scale(self, frame: VideoFrame) -> list[VideoFrame]:
        """Return ``frame`` in the size of each rendition, 8-bit 4:2:0."""
        shape = (frame.width, frame.height, frame.format.name)
        if shape != self._shape or self._graph is None:
            self._build(frame)
            self._shape = shape
        assert self._graph is not None
        self._graph.push(frame)
        frames = []
        for sink in self._sinks:
            scaled = sink.pull()
            assert isinstance(scaled, VideoFrame)
            frames.append(scaled)
        return frames

    def _build(self, frame: VideoFrame) -> None:
        graph = Graph()
        graph.threads = 1
        last: FilterContext = graph.add_buffer(
            width=frame.width,
            height=frame.height,
            format=frame.format,
            time_base=frame.time_base or Fraction(1, 90_000),
        )
        size = (frame.width, frame.height)
        if self._rotation:
            name, argument = _TRANSPOSE[self._rotation]
            last = _after(last, graph.add(name, argument) if argument else graph.add(name))
            if self._rotation == 180:
                last = _after(last, graph.add("vflip"))
            else:
                size = size[1], size[0]
        sizes = sorted({(r.width, r.height) for r in self._renditions}, key=lambda s: -s[0] * s[1])
        ends: dict[tuple[int, int], list[FilterContext]] = {}
        for position, target in enumerate(sizes):
            to_limited = self._full_range and position == 0
            if target != size or to_limited:
                levels = ":in_range=full:out_range=limited" if to_limited else ""
                last = _after(last, graph.add("scale", f"{target[0]}:{target[1]}:flags={_SCALER}{levels}"))
                size = target
            last = _after(last, graph.add("format", f"pix_fmts={PIXEL_FORMAT}"))
            last = _after(last, graph.add("setsar", "1"))
            users = sum((r.width, r.height) == target for r in self._renditions)
            outputs = users + (position + 1 < len(sizes))
            split = _after(last, graph.add("split", str(outputs)))
            ends[target] = []
            for output in range(users):
                sink = graph.add("buffersink")
                split.link_to(sink, output)
                ends[target].append(sink)
            if outputs > users:
                last = graph.add("null")
                split.link_to(last, users)
        graph.configure()
        self._graph = graph
        self._sinks = [ends[(r.width, r.height)].pop(0) for r in self._renditions]


def _after(last: FilterContext, following: FilterContext) -> FilterContext:
    last.link_to(following)
    return following
