"""What a source may claim: limits that no real film reaches, and that a few hostile bytes would pass by far.

They are far beyond what is filmed (8K, a day long), and near enough that memory and time stay bounded. Time
and memory of a child are bounded besides; here a source is refused early, and told why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import count
from typing import Any, Final, TypeVar

from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from gopfarm.errors import SourceError

#: Pixels of one side. 8K is 7680 wide, pictures all around (VR) reach 16384; headers can say 65535 and more.
MOST_SIDE: Final = 16384

#: Pixels of a picture: 8192 x 8192, twice those of 8K. One takes 200 MB with 10 bits, a decoder holds many.
MOST_PIXELS: Final = 8192 * 8192

#: Streams of all kinds. A film with 50 languages in sound and subtitles has a hundred, a whole DVB
#: transponder a few hundred; each costs a decoder.
MOST_STREAMS: Final = 512

#: Packets of one reading of a file: a day of pictures at 60 a second and one track of AAC are 9.2 million.
#: Each that probing remembers takes 200 bytes.
MOST_PACKETS: Final = 16_000_000

#: Seconds that a track lasts, a day: a few bytes can ask for years, and silence or a still picture is encoded
#: like any other.
MOST_SECONDS: Final = 24 * 3600

#: Samples a second of sound. 768 kHz is the fastest that is recorded; beyond, resampling takes ages.
MOST_SAMPLE_RATE: Final = 768_000

#: Samples of one frame of sound. Monkey's Audio has the longest, 1.2 million.
MOST_FRAME_SAMPLES: Final = 4_000_000

#: Bytes of tags, names and comments of a file and its streams: they are kept with the job.
MOST_METADATA: Final = 4 * 1024 * 1024

#: Bytes of fonts, pictures and parameter sets that a container carries along: dozens of whole fonts come to a
#: fifth of it.
MOST_ATTACHED: Final = 512 * 1024 * 1024

#: Bytes of the description that probing gives. A day with a keyframe each half second takes 12 MB.
MOST_FACTS: Final = 32 * 1024 * 1024

#: What libavformat and its decoders are told: they refuse by themselves what is larger, also in the middle.
STREAM_OPTIONS: Final = {"max_pixels": str(MOST_PIXELS), "max_samples": str(MOST_FRAME_SAMPLES)}
CONTAINER_OPTIONS: Final = {"max_streams": str(MOST_STREAMS)}

T = TypeVar("T")


def check_container(container: InputContainer, name: str) -> None:
    """Look at what a freshly opened file claims, and have its decoders refuse what is beyond the limits.

    Raises:
        SourceError: It claims too much.
    """
    streams = container.streams
    if len(streams) > MOST_STREAMS:
        raise SourceError(f"{name}: it has {len(streams)} streams, more than {MOST_STREAMS}")
    tags = _length(container.metadata) + sum(_length(stream.metadata) for stream in streams)
    if tags > MOST_METADATA:
        raise SourceError(f"{name}: it has {tags // 1_000_000} MB of tags, more than can be meant")
    contexts = [stream.codec_context for stream in streams if stream.codec_context is not None]
    attached = sum(len(context.extradata or b"") for context in contexts)
    if attached > MOST_ATTACHED:
        raise SourceError(f"{name}: {attached // 1_000_000} MB are attached to it, more than can be meant")
    for context in contexts:
        if isinstance(context, VideoCodecContext):
            context.options = {**context.options, "max_pixels": STREAM_OPTIONS["max_pixels"]}
        else:
            context.options = {**context.options, "max_samples": STREAM_OPTIONS["max_samples"]}


def check_picture(stream: VideoStream, name: str) -> None:
    """Raise ``SourceError`` where a track's pictures are larger than any camera's."""
    width, height = stream.width, stream.height
    if max(width, height) > MOST_SIDE or width * height > MOST_PIXELS:
        raise SourceError(f"{name}: its picture is {width}x{height}, larger than can be decoded")


def check_length(seconds: Fraction, name: str) -> None:
    """Raise ``SourceError`` where a track claims to last longer than the farm believes."""
    if seconds > MOST_SECONDS:
        raise SourceError(f"{name}: its clock spans more than {MOST_SECONDS // 3600} hours")


def check_facts(document: bytes, name: str) -> bytes:
    """Return what describes a source, if that is of a size that can be kept with a job.

    Raises:
        SourceError: It is not.
    """
    if len(document) > MOST_FACTS:
        raise SourceError(f"{name}: its timing is too irregular to be described")
    return document


def bounded(packets: Iterable[T]) -> Iterator[T]:
    """Pass on the packets of a file; empty ones count too.

    Raises:
        SourceError: There is no end to them.
    """
    for number, packet in zip(count(1), packets, strict=False):
        if number > MOST_PACKETS:
            raise SourceError(f"the source has more than {MOST_PACKETS // 1_000_000} million packets")
        yield packet


def _length(tags: dict[str, Any]) -> int:
    return sum(len(key) + len(str(value)) for key, value in tags.items())
