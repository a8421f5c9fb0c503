"""The packet index of a stream: when each packet is decoded and shown, without decoding any.

Where the container's index says everything (MP4, MOV), the payloads are not even read: the demuxer is given
zeros for them, so the cost is that of the index, over S3 as much as on disk.
"""

from __future__ import annotations

import hashlib
import io
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from encoders.clock import JUMPING_FORMATS, ClockRepair
from encoders.hidden import hidden_test
from encoders.media import only, packets
from gopfarm.facts import ClockJump

#: Codecs whose MP4 packets carry their times and key flags in the index alone; for others FFmpeg parses the
#: payload to fill them in, so it has to be read.
_INDEX_ONLY_CODECS = frozenset({"h264", "hevc", "prores", "dnxhd", "aac", "alac", "pcm_s16le", "pcm_s16be"})

#: Packets of sound that are kept to find out by decoding where it ends.
_TAIL_PACKETS = 16


#: libavformat counts the end of Ogg streams in 32 bits, and lets them wrap.
_SIGN = 1 << 31


@dataclass(frozen=True, slots=True)
class PacketTimes:
    """One packet: times and duration in the stream's time base, size in bytes, and what is known of it.

    ``stamped`` is False where the container does not say when it is shown, and ``pts`` is another time.
    ``position`` is its first byte in the file, -1 where that is not known. ``shown`` is False for packets
    that are decoded only because others need them.
    """

    pts: int
    dts: int
    duration: int
    size: int
    key: bool
    shown: bool
    stamped: bool = True
    position: int = -1


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


@dataclass(frozen=True)
class Index:
    """The packets of a file: by stream index, in decoding order, and where the streams' clocks jump.

    ``tails`` are the last packets of audio streams as they are in the file, where their payloads were read.
    """

    packets: Mapping[int, Sequence[PacketTimes]]
    clock: Mapping[int, tuple[ClockJump, ...]]
    tails: Mapping[int, Sequence[Packet[Any]]]


def scan(
    container: InputContainer,
    streams: Sequence[Stream],
    digest: Callable[[bytes | memoryview], object],
    payloads: bool,
) -> Index:
    """Read the times of all packets of some streams.

    Packets without a presentation time are given their decoding time, and the other way round; those without
    either follow the one before. Clocks that jump are repaired. Key flags are those of the container's index
    where it has them: FFmpeg's own come from the payload. ``digest`` is fed a line for each packet (times,
    size, flags) and, where payloads are read, with these too, so that its hash identifies the coded streams.
    """
    only(container, streams)
    indexed = {stream.index: _key_positions(stream) for stream in streams if "mov" in container.format.name}
    known = [stream for stream in streams if stream.codec_context is not None]  # WebVTT may have none
    hides = {stream.index: hidden_test(stream.codec_context.name) for stream in known if payloads}
    repair = ClockRepair() if container.format.name in JUMPING_FORMATS else None
    found: dict[int, list[PacketTimes]] = {stream.index: [] for stream in streams}
    sounding = [stream.index for stream in streams if stream.type == "audio" and payloads]
    tails: dict[int, deque[Packet[Any]]] = {index: deque(maxlen=_TAIL_PACKETS) for index in sounding}
    for packet in packets(container, streams):
        if packet.size == 0:
            continue
        index, position = packet.stream_index, packet.pos if packet.pos is not None else -1
        pts, dts, duration = packet.pts, packet.dts, _signed(packet.duration or 0)
        stamped = pts is not None
        if repair is not None and (time := dts if dts is not None else pts) is not None:
            offset = repair.repaired(
                index, packet.time_base, time, dts is not None, duration, max(0, position)
            )
            pts, dts = (None if at is None else at + offset for at in (pts, dts))
        if pts is None:
            pts = dts if dts is not None else _after(found[index])
        if dts is None:
            dts = pts
        positions = indexed.get(index)
        key = packet.pos in positions if positions else packet.is_keyframe
        hidden = hides.get(index)
        shown = not packet.is_discard and not (hidden is not None and hidden(memoryview(packet)))
        found[index].append(PacketTimes(pts, dts, duration, packet.size, key, shown, stamped, position))
        if index in tails:
            tails[index].append(packet)
        if payloads:
            digest(memoryview(packet))
        digest(b"%d %d %d %d %d\n" % (index, pts, dts, packet.size, key))
    jumps = {stream.index: repair.jumps(stream.index) if repair else () for stream in streams}
    return Index(found, jumps, tails)


def _signed(duration: int) -> int:
    """Return a duration as it is meant: the last packets of short Ogg files end before they begin."""
    return duration - 2 * _SIGN if _SIGN <= duration < 2 * _SIGN else duration


def _after(before: Sequence[PacketTimes]) -> int:
    """Return the time of a packet that says nothing of it: the next one after those before."""
    return before[-1].dts + max(1, before[-1].duration) if before else 0


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
