"""A look at a film's pictures in a few places: are they where the index says, and how were they taken?"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO

import av.error
from av.container import InputContainer
from av.packet import Packet
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from encoders.captions import channels_of
from encoders.decode import DecodeCounts, decode
from encoders.fields import FieldVotes
from encoders.frames import shown_frames, slot_at
from encoders.media import only, open_media, packets
from encoders.sidedata import side_data
from gopfarm.errors import EncodeError
from gopfarm.facts import Keyframe
from gopfarm.plan import Normaliser

#: Frames that are looked at in each place, and places besides the start.
_FRAMES = 8
_PLACES = 3

#: Frames that are decoded at most to get to those.
_MOST_DECODED = 150


@dataclass
class Looks:
    """What was seen.

    ``start`` are the times of the first frames decoded, ``agree`` whether the frames found elsewhere are
    those that were expected there.
    """

    start: list[int] = field(default_factory=list)
    agree: bool = True
    fields: FieldVotes = field(default_factory=FieldVotes)
    captions: frozenset[str] = frozenset()


def look(
    source: BinaryIO, name: str, picture: Normaliser, keyframes: Sequence[Keyframe], shown: Sequence[int]
) -> Looks:
    """Decode a few frames at the start of a film and in some places further on.

    Args:
        source: The open file.
        name: How error messages call it.
        picture: How its frames are to be read, as far as that is known.
        keyframes: Where decoding can start.
        shown: The times at which frames are expected, ascending.
    """
    looks = Looks()
    for place in _places(keyframes, picture):
        with open_media(source, name) as container:
            frames = list(_frames_at(container, picture, place))
        looks.fields.add(frames)
        looks.captions |= channels_of(_captions(frames))
        times = [frame.pts for frame in frames if frame.pts is not None]
        if place is keyframes[0]:
            looks.start = times
        elif not times or times != _expected(shown, picture, place, len(times)):
            looks.agree = False
    return looks


def decoded_packets(source: BinaryIO, name: str, stream_index: int) -> list[int]:
    """Decode a whole video stream; return for each frame that comes out the number of its packet."""
    with open_media(source, name) as container:
        stream = container.streams[stream_index]
        assert isinstance(stream, VideoStream)
        only(container, [stream])
        stream.codec_context.thread_count = 1
        stream.codec_context.copy_opaque = True
        frames = decode(_numbered(container, stream), VideoFrame, DecodeCounts())
        return [frame.opaque for frame in frames if isinstance(frame.opaque, int)]


def _numbered(container: InputContainer, stream: VideoStream) -> Iterator[Packet[VideoStream]]:
    number = 0
    for packet in packets(container, [stream]):
        if packet.size:
            packet.opaque = number
            number += 1
        yield packet


def _places(keyframes: Sequence[Keyframe], picture: Normaliser) -> list[Keyframe]:
    """Choose where to look: at the start, and at keyframes spread evenly over the film."""
    further = keyframes[1:]
    # Where a GOP is closed, the frames wanted are the first that are decoded.
    further = [keyframe for keyframe in further if slot_at(keyframe.pts, picture) == keyframe.slot] or further
    spread = (len(further) * (2 * place + 1) // (2 * _PLACES) for place in range(_PLACES))
    return [keyframes[0], *(further[at] for at in sorted(set(spread)) if further)]


def _frames_at(container: InputContainer, picture: Normaliser, place: Keyframe) -> Iterator[VideoFrame]:
    """Yield the first frames that are shown from a keyframe on."""
    stream = container.streams[picture.stream]
    assert isinstance(stream, VideoStream)
    found = 0
    frames = shown_frames(container, stream, picture, place, DecodeCounts())
    try:
        for frame in islice(frames, _MOST_DECODED):
            assert frame.pts is not None
            if slot_at(frame.pts, picture) < place.slot:
                continue
            yield frame
            found += 1
            if found == _FRAMES:
                return
    except (av.error.FFmpegError, EncodeError):
        return


def _expected(shown: Sequence[int], picture: Normaliser, place: Keyframe, count: int) -> list[int]:
    first = bisect_left(shown, place.slot, key=lambda time: slot_at(time, picture))
    return list(shown[first : first + count])


def _captions(frames: Iterable[VideoFrame]) -> Iterator[bytes]:
    for frame in frames:
        data = side_data(frame, Type.A53_CC)
        if data is not None:
            yield bytes(data)
