"""From a source to the frames of a chunk: seek, decode, and put each frame on the grid.

The law of the farm: the frames that this module gives for a chunk depend on absolute time alone, never on
where the chunk was cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av.error
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from encoders.decode import DecodeCounts, decode
from encoders.media import only, packets
from gopfarm.errors import EncodeError
from gopfarm.plan import Keyframe, Picture
from gopfarm.timeline import slot_of

#: Seconds before the wanted keyframe at which seeking is tried: containers without an index land late.
_SEEK_MARGINS = (Fraction(0), Fraction(2), Fraction(10), Fraction(60))


def grid_frames(
    container: InputContainer,
    picture: Picture,
    seek: Keyframe,
    start: int,
    end: int,
    counts: DecodeCounts,
) -> Iterator[tuple[int, VideoFrame]]:
    """Yield (slot, frame) for every slot from ``start`` to ``end``, in order.

    A slot that no frame falls into repeats the frame before (the very same object); of several frames in one
    slot the last is shown.

    Raises:
        EncodeError: Not one frame of the chunk could be decoded.
    """
    stream = next((stream for stream in container.streams if stream.index == picture.stream), None)
    if not isinstance(stream, VideoStream):
        raise EncodeError(f"stream {picture.stream} is not video any more")
    only(container, [stream])
    stream.codec_context.thread_count = 1
    held: VideoFrame | None = None
    slot = start
    for frame in decode(_packets(container, stream, seek), VideoFrame, counts):
        if frame.pts is None:
            continue
        at = slot_of(frame.pts, picture.origin_pts, picture.time_base, picture.grid_rate)
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


def _packets(container: InputContainer, stream: VideoStream, seek: Keyframe) -> Iterator[Packet[VideoStream]]:
    """Yield packets in decoding order from the keyframe ``seek``, or from an earlier one, on."""
    time_base = stream.time_base or Fraction(1)
    for margin in _SEEK_MARGINS:
        target = seek.dts - int(margin / time_base)
        try:
            container.seek(target, stream=stream, backward=True)
        except av.error.FFmpegError:
            continue
        found = packets(container, [stream])
        for packet in found:
            if packet.size and (packet.is_keyframe or packet.pts == seek.pts):
                if packet.pts is not None and packet.pts > seek.pts:
                    break  # landed too late: try further back
                yield packet
                yield from found
                return
    raise EncodeError(f"the source cannot be read from {float(seek.pts * time_base):.3f} s on")
