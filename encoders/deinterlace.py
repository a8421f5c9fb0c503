"""From fields to frames: bwdif over a run of frames, one frame out for each one in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av.error
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.frame import VideoFrame

from gopfarm.facts import Scan

#: bwdif's words for which field is first and which frames are touched.
_OPTIONS: dict[Scan, str] = {
    "top": "parity=tff:deint=all",
    "bottom": "parity=bff:deint=all",
    "mixed": "parity=auto:deint=interlaced",
}


def deinterlaced(frames: Iterable[VideoFrame], scan: Scan) -> Iterator[VideoFrame]:
    """Yield each frame made whole from its two fields, at its own time.

    The frames before and after are looked at, so one more frame is read than is given. Where pictures change
    their size or format, a new run begins.
    """
    graph: Graph | None = None
    shape: tuple[int, int, str] | None = None
    for frame in frames:
        found = (frame.width, frame.height, frame.format.name)
        if graph is None or found != shape:
            if graph is not None:
                yield from _flushed(graph)
            graph, shape = _graph(frame, scan), found
        graph.push(frame)
        yield from _drained(graph)
    if graph is not None:
        yield from _flushed(graph)


def _graph(frame: VideoFrame, scan: Scan) -> Graph:
    graph = Graph()
    graph.threads = 1
    time_base = frame.time_base or Fraction(1, 90_000)
    last: FilterContext = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=time_base
    )
    for following in (
        graph.add("bwdif", f"mode=send_frame:{_OPTIONS[scan]}"),
        graph.add("settb", f"expr={time_base}"),  # bwdif counts in halves of it
        graph.add("buffersink"),
    ):
        last.link_to(following)
        last = following
    graph.configure()
    return graph


def _flushed(graph: Graph) -> Iterator[VideoFrame]:
    graph.push(None)
    yield from _drained(graph)


def _drained(graph: Graph) -> Iterator[VideoFrame]:
    while True:
        try:
            frame = graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        assert isinstance(frame, VideoFrame)
        yield frame
