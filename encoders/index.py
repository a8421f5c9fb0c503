"""The packet index of a stream: when each packet is decoded and shown, without decoding any.

Where the container's index says everything (MP4, MOV), the payloads are not even read: the demuxer is given
zeros for them, so the cost is that of the index, over S3 as much as on disk.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from av.container import InputContainer
from av.stream import Stream

from encoders.media import only, packets

#: Codecs whose MP4 packets carry their times and key flags in the index alone; for others FFmpeg parses the
#: payload to fill them in, so it has to be read.
_INDEX_ONLY_CODECS = frozenset({"h264", "hevc", "prores", "dnxhd", "aac", "alac", "pcm_s16le", "pcm_s16be"})


@dataclass(frozen=True)
class PacketTimes:
    """One packet: times and duration in the stream's time base, size in bytes, and what is known of it."""

    pts: int
    dts: int
    duration: int
    size: int
    key: bool
    shown: bool


class SkeletonReader(io.RawIOBase):
    """A source whose bytes can be swapped for zeros once the container's index is in memory."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._size = source.seek(0, io.SEEK_END)
        self._at = 0
        self.blank = False

    def readable(self) -> bool:  # noqa: D102
        return True

    def seekable(self) -> bool:  # noqa: D102
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:  # noqa: D102
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = base + offset
        return self._at

    def tell(self) -> int:  # noqa: D102
        return self._at

    def readinto(self, buffer: Any) -> int:  # noqa: D102
        count = min(len(buffer), max(0, self._size - self._at))
        if self.blank:
            buffer[:count] = bytes(count)
        else:
            self._source.seek(self._at)
            count = self._source.readinto(memoryview(buffer)[:count])  # type: ignore[attr-defined]
        self._at += count
        return count


def index_is_complete(container: InputContainer, streams: Iterable[Stream], fragmented: bool) -> bool:
    """Tell whether the container's own index lists every packet of the streams, times and flags included."""
    return (
        "mov" in container.format.name
        and not fragmented
        and all(stream.codec_context.name in _INDEX_ONLY_CODECS for stream in streams)
    )


def indexed_end(streams: Iterable[Stream]) -> int:
    """Return the first byte after the last indexed packet: a shorter file is truncated."""
    return max((entry.pos + entry.size for stream in streams for entry in stream.index_entries), default=0)


def scan(
    container: InputContainer,
    streams: Sequence[Stream],
    digest: Callable[[bytes | memoryview], object],
    payloads: bool,
) -> dict[int, list[PacketTimes]]:
    """Read the times of all packets of some streams, in decoding order, by stream index.

    Packets without a presentation time are given their decoding time, and the other way round. Key flags are
    those of the container's index where it has them: FFmpeg's own come from the payload. ``digest`` is fed a
    line for each packet (times, size, flags) and, where payloads are read, with these too, so that its hash
    identifies the coded streams.
    """
    only(container, streams)
    indexed = {stream.index: _key_positions(stream) for stream in streams if "mov" in container.format.name}
    found: dict[int, list[PacketTimes]] = {stream.index: [] for stream in streams}
    for packet in packets(container, streams):
        pts = packet.pts if packet.pts is not None else packet.dts
        if packet.size == 0 or pts is None:
            continue
        dts = packet.dts if packet.dts is not None else pts
        positions = indexed.get(packet.stream_index)
        key = packet.pos in positions if positions else packet.is_keyframe
        found[packet.stream_index].append(
            PacketTimes(pts, dts, packet.duration or 0, packet.size, key, not packet.is_discard)
        )
        if payloads:
            digest(memoryview(packet))
        digest(b"%d %d %d %d %d\n" % (packet.stream_index, pts, dts, packet.size, key))
    return found


def _key_positions(stream: Stream) -> frozenset[int]:
    """Return the byte positions of the packets that the container's index calls keyframes."""
    return frozenset(entry.pos for entry in stream.index_entries if entry.is_keyframe)


#: How the content digest samples a file: so many blocks, spread evenly, of so many bytes.
_DIGEST_BLOCKS = 16
_DIGEST_BLOCK_BYTES = 16 * 1024


def sample_bytes(source: BinaryIO, size: int) -> bytes:
    """Hash blocks spread over the file: with the packet index, this tells one content from another."""
    digest = hashlib.sha256(b"%d\n" % size)
    span = max(0, size - _DIGEST_BLOCK_BYTES)
    for block in range(_DIGEST_BLOCKS):
        source.seek(span * block // (_DIGEST_BLOCKS - 1))
        digest.update(source.read(_DIGEST_BLOCK_BYTES))
    return digest.digest()
