"""From a source to the frames of a chunk: seek, decode, deinterlace, and put each frame on the grid.

The law of the farm: the frames that this module gives for a chunk depend on absolute time alone, never on
where the chunk was cut.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from math import floor
from typing import TypeAlias

import av.error
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from encoders.clock import on_one_clock
from encoders.decode import DecodeCounts, decode
from encoders.deinterlace import deinterlaced
from encoders.media import only, packets
from encoders.order import in_order
from gopfarm.errors import EncodeError
from gopfarm.facts import Keyframe
from gopfarm.plan import Normaliser
from gopfarm.timeline import FIELD_CONTEXT, slot_of

#: Seconds before the wanted keyframe at which seeking is tried: containers without an index land late.
_SEEK_MARGINS = (Fraction(0), Fraction(2), Fraction(10), Fraction(60))

#: A frame with the grid slot that it falls into.
_Placed: TypeAlias = tuple[int, VideoFrame]


def grid_frames(
    container: InputContainer,
    picture: Normaliser,
    seek: Keyframe,
    start: int,
    end: int,
    counts: DecodeCounts,
) -> Iterator[_Placed]:
    """Yield (slot, frame) for every slot from ``start`` to ``end``, in order.

    A slot that no frame falls into repeats the frame before (the very same object); of several frames in one
    slot the last is shown.

    Args:
        container: The source, just opened.
        picture: How its frames become grid frames.
        seek: Where decoding starts.
        start: First slot.
        end: First slot after the last one.
        counts: Told what decoding meets.

    Raises:
        EncodeError: Not one frame of the chunk could be decoded.
    """
    stream = next((stream for stream in container.streams if stream.index == picture.stream), None)
    if not isinstance(stream, VideoStream):
        raise EncodeError(f"stream {picture.stream} is not video any more")
    counts.since = picture.origin_pts + floor(start / (picture.grid_rate * picture.time_base))
    held: VideoFrame | None = None
    slot = start
    for at, frame in _placed(shown_frames(container, stream, picture, seek, counts), picture, start):
        while slot < min(at, end):
            yield slot, held or frame
            slot += 1
        held = frame
        if at >= end:
            return
    if held is None:
        raise EncodeError(f"no frame could be decoded for slots {start} to {end}")
    for rest in range(slot, end):
        yield rest, held


def shown_frames(
    container: InputContainer,
    stream: VideoStream,
    picture: Normaliser,
    seek: Keyframe,
    counts: DecodeCounts,
) -> Iterator[VideoFrame]:
    """Yield the decoded frames from a keyframe on, in the order and at the times at which they are shown."""
    only(container, [stream])
    stream.codec_context.thread_count = 1
    if picture.order:
        return in_order(decode(packets(container, [stream]), VideoFrame, counts), picture.order)
    frames = decode(_packets(container, stream, seek, picture), VideoFrame, counts)
    return (frame for frame in frames if frame.pts is not None)


def _placed(frames: Iterable[VideoFrame], picture: Normaliser, start: int) -> Iterator[_Placed]:
    """Find the slot of each frame, and deinterlace those of the chunk with what that takes around them."""

    def slot(frame: VideoFrame) -> int:
        assert frame.pts is not None
        return slot_at(frame.pts, picture)

    if picture.scan != "progressive":
        frames = deinterlaced(_from_just_before(frames, start, slot), picture.scan)
    return ((slot(frame), frame) for frame in frames)


def slot_at(pts: int, picture: Normaliser) -> int:
    """Return the slot that a frame shown at ``pts`` falls into, as ``gopfarm.timeline.slot_of``.

    Of a rate that is decimated, the frame shown at the very time of a slot is the last one in it.
    """
    rate = picture.grid_rate * picture.decimation
    return -(-slot_of(pts, picture.origin_pts, picture.time_base, rate) // picture.decimation)


def _from_just_before(
    frames: Iterable[VideoFrame], start: int, slot: Callable[[VideoFrame], int]
) -> Iterator[VideoFrame]:
    """Leave out the frames before ``start``, but for the last ones: those that its first frame may need."""
    before: deque[VideoFrame] = deque(maxlen=FIELD_CONTEXT)
    reached = False
    for frame in frames:
        reached = reached or slot(frame) >= start
        if not reached:
            before.append(frame)
            continue
        yield from before
        before.clear()
        yield frame
    yield from before


def _packets(
    container: InputContainer, stream: VideoStream, seek: Keyframe, picture: Normaliser
) -> Iterator[Packet[VideoStream]]:
    """Yield packets in decoding order from the keyframe ``seek``, or from an earlier one, on."""
    if seek.position == 0:
        yield from on_one_clock(packets(container, [stream]), picture.clock)
        return
    for target, is_position in _targets(stream, seek):
        try:
            container.seek(target, stream=stream, backward=True, unsupported_byte_offset=is_position)
        except av.error.FFmpegError:
            continue
        found = on_one_clock(packets(container, [stream]), picture.clock)
        for packet in found:
            if packet.size and (packet.is_keyframe or packet.pts == seek.pts):
                if packet.pts is not None and packet.pts > seek.pts:
                    break  # landed too late: try further back
                yield packet
                yield from found
                return
    time = float(seek.pts * picture.time_base)
    raise EncodeError(f"the source cannot be read from {time:.3f} s on")


def _targets(stream: VideoStream, seek: Keyframe) -> Iterator[tuple[int, bool]]:
    """Yield what to seek, best first: (time in the stream's time base or byte, whether a byte)."""
    if seek.position is not None:
        yield seek.position, True
        return
    if "mov" in stream.container.format.name:
        # Its index has the times of decoding, moved by as much as pictures are reordered: by the time of
        # showing it may land a whole GOP early. Too late is noticed at no cost.
        yield 2 * seek.pts - seek.dts, False
    # Some demuxers look for the time of showing and some for that of decoding: by the latter, MP4 lands a
    # whole GOP early.
    yield seek.pts, False
    for margin in _SEEK_MARGINS:
        yield seek.dts - int(margin / (stream.time_base or Fraction(1))), False
    yield 0, True
