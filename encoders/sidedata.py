"""What decoders attach to a frame besides its picture: display matrix, mastering display, captions."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from av.filter import Graph
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame

#: Numbers of libavutil's kinds of side data up to here, far more than there are.
_KINDS = 64

#: Kinds that libavutil has and PyAV does not know (Exif, the views of stereoscopic films, ...): one of them
#: on a frame, and PyAV refuses to show any.
_UNKNOWN = tuple(sorted(set(range(_KINDS)) - {kind.value for kind in Type}))


def side_data(frame: VideoFrame, kind: Type) -> bytes | None:
    """Return the raw bytes of a kind of side data, a C struct in the machine's byte order, or None."""
    found: Any
    try:
        found = frame.side_data
    except ValueError:
        found = without(frame, _UNKNOWN).side_data
    return bytes(found[kind]) if kind in found else None


def without(frame: VideoFrame, kinds: Iterable[Type | int]) -> VideoFrame:
    """Return the same picture without some kinds of side data; ``frame`` keeps them."""
    graph = Graph()
    last = graph.add_buffer(
        width=frame.width,
        height=frame.height,
        format=frame.format,
        time_base=frame.time_base or Fraction(1, 90_000),
    )
    for kind in kinds:
        number = kind.value if isinstance(kind, Type) else kind
        following = graph.add("sidedata", f"mode=delete:type={number}")
        last.link_to(following)
        last = following
    last.link_to(graph.add("buffersink"))
    graph.configure()
    graph.push(frame)
    return graph.vpull()
