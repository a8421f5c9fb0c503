"""Which streams of an MPEG transport stream belong together: its programmes (ISO/IEC 13818-1, 2.4.4).

libavformat knows, but PyAV does not hand it on. A recording of a whole multiplex holds several programmes,
and only the sound and text of the one whose picture is taken belong to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from av.container import InputContainer
from av.video.stream import VideoStream

from gopfarm.facts import IgnoredTrack

#: Bytes at the start of a file in which its tables are looked for; they come several times a second.
_LOOKED_AT = 2 * 1024 * 1024

#: Sizes of a packet: bare, behind a timecode (M2TS), and before error correction; the 188 bytes come last but
#: one: (size, bytes before the sync byte).
_PACKETS = ((188, 0), (192, 4), (204, 0))
_PACKET = 188
_SYNC = 0x47

_PAT_PID = 0
_PAT_TABLE, _PMT_TABLE = 0, 2
_PID = 0x1FFF

#: Bytes of a section before its entries and of the checksum after them: PAT, PMT.
_PAT_HEADER, _PMT_HEADER, _CHECKSUM = 8, 12, 4


def foreign_streams(container: InputContainer, video: VideoStream | None, source: BinaryIO) -> frozenset[int]:
    """Return the indices of the streams that belong to another programme than the picture."""
    if video is None or container.format.name != "mpegts":
        return frozenset()
    pids = foreign_pids(source, video.id)
    return frozenset(stream.index for stream in container.streams if stream.id in pids)


def foreign_sound(container: InputContainer, foreign: frozenset[int]) -> tuple[IgnoredTrack, ...]:
    """Say of the sound of other programmes that it is left out."""
    return tuple(
        IgnoredTrack(stream.index, stream.codec_context.name, "it belongs to another programme")
        for stream in container.streams.audio
        if stream.index in foreign and stream.codec_context is not None
    )


def foreign_pids(source: BinaryIO, pid: int) -> frozenset[int]:
    """Return the PIDs of streams that are in other programmes than that of ``pid``, and not in that one.

    Only the beginning of the file is read; its position is moved. Streams that come later are no strangers.
    """
    source.seek(0)
    head = source.read(_LOOKED_AT)
    maps: set[int] = set()
    for _, section in _sections(head, {_PAT_PID}):
        maps |= _map_pids(section)
    own: set[int] = set()
    others: set[int] = set()
    for _, section in _sections(head, maps):
        streams = _stream_pids(section)
        (own if pid in streams else others).update(streams)
    return frozenset(others - own) if own else frozenset()


def _packets(head: bytes) -> Iterator[bytes]:
    """Yield the packets of a transport stream whose packets may be of any known size, wherever they begin."""
    for size, before in _PACKETS:
        for start in range(size):
            places = range(start + before, len(head) - _PACKET, size)
            if len(places) > 3 and all(head[at] == _SYNC for at in places[:8]):
                yield from (head[at : at + _PACKET] for at in places if head[at] == _SYNC)
                return


def _sections(head: bytes, pids: set[int]) -> Iterator[tuple[int, bytes]]:
    """Yield (PID, section) of the tables that some PIDs carry; sections may span packets."""
    gathered: dict[int, bytes] = {}
    for packet in _packets(head):
        pid = int.from_bytes(packet[1:3], "big") & _PID
        if pid not in pids or not packet[3] & 0x10:
            continue
        at = 5 + packet[4] if packet[3] & 0x20 else 4
        payload = packet[at:]
        if packet[1] & 0x40:  # a section starts behind the pointer field
            if not payload:
                continue
            gathered[pid] = payload[1 + payload[0] :]
        elif pid in gathered:
            gathered[pid] += payload
        section = gathered.get(pid, b"")
        if len(section) >= 3:
            size = 3 + (int.from_bytes(section[1:3], "big") & 0x0FFF)
            if len(section) >= size:
                yield pid, section[:size]
                del gathered[pid]


def _map_pids(section: bytes) -> set[int]:
    if section[0] != _PAT_TABLE:
        return set()
    entries = section[_PAT_HEADER:-_CHECKSUM]
    numbered = (entries[at : at + 4] for at in range(0, len(entries) - 3, 4))
    # Programme 0 is the network's own information.
    return {int.from_bytes(entry[2:], "big") & _PID for entry in numbered if entry[:2] != b"\0\0"}


def _stream_pids(section: bytes) -> set[int]:
    if section[0] != _PMT_TABLE or len(section) < _PMT_HEADER + _CHECKSUM:
        return set()
    at = _PMT_HEADER + (int.from_bytes(section[10:12], "big") & 0x0FFF)
    pids = set()
    while at + 5 <= len(section) - _CHECKSUM:
        pids.add(int.from_bytes(section[at + 1 : at + 3], "big") & _PID)
        at += 5 + (int.from_bytes(section[at + 3 : at + 5], "big") & 0x0FFF)
    return pids
