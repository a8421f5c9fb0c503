"""Scaling: one decoded frame in, one frame per rendition out, each size made from the next larger one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

from av.filter import Graph
from av.filter.context import FilterContext
from av.video.frame import VideoFrame

from encoders.steps import SCALER, Shape, Step, colour_read, needs_table, picture_steps
from encoders.tonemap import write_table
from gopfarm.plan import Normaliser, VideoRendition


class Cascade:
    """A chain of scale filters over decreasing sizes, rebuilt when the source's frames change their shape.

    What else a picture needs (cropping, colours, turning) is done once, at the largest size. The chain goes
    through all of ``sizes`` that are larger than those wanted, so that a rendition's pictures are the same
    whichever others are made along with it.

    Args:
        renditions: Any order; ``scale`` answers in this order.
        picture: What is to be done to the pictures.
        scratch: An existing folder for passing files, by default the system's.
        sizes: Width and height of every rendition of the job; those of ``renditions`` need not be named.
    """

    def __init__(
        self,
        renditions: Sequence[VideoRendition],
        picture: Normaliser,
        scratch: Path | None = None,
        sizes: Collection[tuple[int, int]] = (),
    ) -> None:
        self._renditions = tuple(renditions)
        self._sizes = _chain(self._renditions, sizes)
        self._picture = picture
        self._scratch = scratch
        self._shape: Shape | None = None
        self._graph = Graph()
        self._sinks: list[FilterContext] = []

    def scale(self, frame: VideoFrame) -> list[VideoFrame]:
        """Return ``frame`` in the size of each rendition, 8-bit 4:2:0, in the colours of the target."""
        shape = Shape.of(frame)
        if shape != self._shape:
            self._build(shape, frame.time_base or Fraction(1, 90_000))
            self._shape = shape
        self._graph.push(frame)
        frames = []
        for sink in self._sinks:
            scaled = sink.pull()
            assert isinstance(scaled, VideoFrame)
            frames.append(scaled)
        return frames

    def _build(self, shape: Shape, time_base: Fraction) -> None:
        graph = Graph()
        graph.threads = 1
        sizes = self._sizes
        last = graph.add(
            "buffer",
            video_size=f"{shape.width}x{shape.height}",
            pix_fmt=shape.format,
            time_base=str(time_base),
        )
        # lut3d reads its table when it is added; the file is not needed afterwards.
        with TemporaryDirectory(dir=self._scratch) as folder:
            table = None
            if needs_table(shape, self._picture):
                table = Path(folder, "table.cube")
                write_table(colour_read(shape, self._picture.colour), table)
            for step in picture_steps(shape, self._picture, sizes[0], table):
                last = _add(graph, last, step)
        ends: dict[tuple[int, int], list[FilterContext]] = {}
        for position, size in enumerate(sizes):
            if position:
                step = "scale", {"w": str(size[0]), "h": str(size[1]), "flags": SCALER}
                last = _add(graph, _add(graph, last, step), ("setsar", {"sar": "1"}))
            users = sum((r.width, r.height) == size for r in self._renditions)
            if not users:
                continue
            outputs = users + (position + 1 < len(sizes))
            split = _add(graph, last, ("split", {"outputs": str(outputs)}))
            ends[size] = []
            for output in range(users):
                sink = graph.add("buffersink")
                split.link_to(sink, output)
                ends[size].append(sink)
            if outputs > users:
                last = graph.add("null")
                split.link_to(last, users)
        graph.configure()
        self._graph = graph
        self._sinks = [ends[(r.width, r.height)].pop(0) for r in self._renditions]


def _chain(renditions: Sequence[VideoRendition], sizes: Collection[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the sizes to go through, the largest first, down to the smallest that is wanted."""

    def rank(size: tuple[int, int]) -> tuple[int, int, int]:
        return -size[0] * size[1], *size

    wanted = {(rendition.width, rendition.height) for rendition in renditions}
    smallest = max(map(rank, wanted))
    return sorted((size for size in {*wanted, *sizes} if rank(size) <= smallest), key=rank)


def _add(graph: Graph, last: FilterContext, step: Step) -> FilterContext:
    name, options = step
    following = graph.add(name, **options)
    last.link_to(following)
    return following
