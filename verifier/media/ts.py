"""MPEG-TS segments (ISO/IEC 13818-1): tables, continuity counters, and the packets of elementary streams."""

from __future__ import annotations

from dataclasses import dataclass, field

from verifier import rulebook
from verifier.findings import Rule
from verifier.media.model import Counters

PACKET = 188
CLOCK = 90_000
_SYNC = 0x47
_NULL_PID = 0x1FFF

#: Timestamps have 33 bits.
WRAP = 1 << 33

#: What stream types of the program map are called here (table 2-34, and those of ATSC and Apple).
_STREAM_TYPES = {
    0x1B: "h264",
    0x24: "hevc",
    0x0F: "aac",
    0x03: "mp3",
    0x04: "mp3",
    0x81: "ac3",
    0x87: "eac3",
}
#: The same streams with their samples encrypted.
_ENCRYPTED_TYPES = frozenset({0xDB, 0xCF, 0xC1, 0xC2})


@dataclass
class PesPacket:
    """A packet of an elementary stream. Times are ticks of 1/90000 s; None where it has none."""

    pts: int | None
    dts: int | None
    data: bytearray


@dataclass
class TsStream:
    """An elementary stream of a segment."""

    pid: int
    coding: str
    packets: list[PesPacket] = field(default_factory=list)


@dataclass
class TransportStream:
    """A segment taken apart. ``streams`` are in the program map's order."""

    streams: dict[int, TsStream] = field(default_factory=dict)
    counters: dict[int, Counters] = field(default_factory=dict)
    problems: list[tuple[Rule, str]] = field(default_factory=list)
    encrypted: bool = False


def looks_like_ts(data: bytes) -> bool:
    """Tell whether bytes begin with packets of MPEG-TS."""
    return len(data) >= PACKET and all(
        data[at] == _SYNC for at in range(0, min(len(data), 5 * PACKET), PACKET)
    )


def read_transport(data: bytes, tables: TransportStream | None = None) -> TransportStream:
    """Take a segment apart. ``tables`` are those of an init segment, where EXT-X-MAP names one."""
    found = TransportStream()
    if tables is not None:
        found.streams = {pid: TsStream(pid, stream.coding) for pid, stream in tables.streams.items()}
    if len(data) % PACKET:
        found.problems.append((rulebook.READABLE, f"it ends {len(data) % PACKET} bytes into a packet"))
    map_pid: int | None = None
    order: list[str] = []
    jumps = 0
    for at in range(0, len(data) - PACKET + 1, PACKET):
        if data[at] != _SYNC:
            found.problems.append((rulebook.READABLE, f"no packet of MPEG-TS at byte {at}"))
            return found
        pid = (data[at + 1] & 31) << 8 | data[at + 2]
        if pid == _NULL_PID:
            continue
        begins, control = bool(data[at + 1] & 64), data[at + 3] >> 4 & 3
        payload = at + 4 + (1 + data[at + 4] if control & 2 else 0)
        announced = bool(control & 2 and data[at + 4] and data[at + 5] & 128)
        if control & 1:
            jumps += _count(found.counters, pid, data[at + 3] & 15, announced)
        if not control & 1 or payload >= at + PACKET:
            continue
        body = data[payload : at + PACKET]
        if pid == 0 and begins:
            order.append("PAT")
            programs = _read_pat(body)
            map_pid = programs[0] if programs else None
            if len(programs) > 1 and order.count("PAT") == 1:
                found.problems.append((rulebook.TS_TABLES, f"it holds {len(programs)} programs"))
        elif pid == map_pid and begins:
            order.append("PMT")
            _read_pmt(body, found)
        elif pid in found.streams:
            if len(order) < 2:
                order.append("PES")
            _take_payload(found.streams[pid], body, begins)
    if tables is None and order[:2] != ["PAT", "PMT"]:
        found.problems.append((rulebook.TS_TABLES, "it does not begin with PAT and PMT"))
    if jumps:
        found.problems.append(
            (rulebook.COUNTERS, f"continuity counters jump {jumps} times within the segment")
        )
    return found


def _count(counters: dict[int, Counters], pid: int, value: int, announced: bool) -> int:
    """Note a continuity counter; return 1 where it jumps. One repetition of a packet is allowed (2.4.3.3)."""
    before = counters.get(pid)
    if before is None:
        counters[pid] = Counters(value, value, announced)
        return 0
    counters[pid] = Counters(before.first, value, before.announced)
    return int(value not in ((before.last + 1) & 15, before.last) and not announced)


def _read_pat(body: bytes) -> list[int]:
    """Return the PIDs of the program maps."""
    section = body[1 + body[0] :]
    end = 3 + ((section[1] & 15) << 8 | section[2]) - 4 if len(section) > 3 else 0
    return [
        (section[at + 2] & 31) << 8 | section[at + 3]
        for at in range(8, min(end, len(section) - 3), 4)
        if section[at] << 8 | section[at + 1]  # 0 is the network table
    ]


def _read_pmt(body: bytes, found: TransportStream) -> None:
    section = body[1 + body[0] :]
    if len(section) < 12:
        return
    end = min(3 + ((section[1] & 15) << 8 | section[2]) - 4, len(section))
    at = 12 + ((section[10] & 15) << 8 | section[11])
    while at + 5 <= end:
        kind, pid = section[at], (section[at + 1] & 31) << 8 | section[at + 2]
        found.encrypted |= kind in _ENCRYPTED_TYPES
        found.streams.setdefault(pid, TsStream(pid, _STREAM_TYPES.get(kind, "")))
        at += 5 + ((section[at + 3] & 15) << 8 | section[at + 4])


def _take_payload(stream: TsStream, body: bytes, begins: bool) -> None:
    if not begins:
        if stream.packets:
            stream.packets[-1].data += body
        return
    if len(body) < 9 or body[:3] != b"\x00\x00\x01":
        return
    pts = _timestamp(body, 9) if body[7] & 128 and len(body) >= 14 else None
    dts = _timestamp(body, 14) if body[7] & 64 and len(body) >= 19 else pts
    stream.packets.append(PesPacket(pts, dts, bytearray(body[9 + body[8] :])))


def _timestamp(data: bytes, at: int) -> int:
    return (
        (data[at] >> 1 & 7) << 30
        | data[at + 1] << 22
        | data[at + 2] >> 1 << 15
        | data[at + 3] << 7
        | data[at + 4] >> 1
    )
