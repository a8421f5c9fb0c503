"""Elementary streams of MPEG-TS, and packed audio, as tracks."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from encoders.annexb import nal_units
from verifier import rulebook
from verifier.findings import Rule
from verifier.media import aac
from verifier.media.h264 import PictureScan, read_config
from verifier.media.model import SegmentMedia, TrackConfig, TrackPart, order_problem
from verifier.media.ts import CLOCK, WRAP, PesPacket, TransportStream, TsStream

#: Owner of the ID3 tag that tells the time of packed audio (RFC 8216 section 3.4).
_OWNER = b"com.apple.streaming.transportStreamTimestamp\x00"

#: Codings of sound that are measured by their packets alone, and their RFC 6381 names.
_OTHER_SOUND = {"mp3": "mp4a.40.34", "ac3": "ac-3", "eac3": "ec-3"}


def unwrap(ticks: int, near: int | None) -> int:
    """Return a 33-bit timestamp on a clock that does not wrap, as close to ``near`` as possible."""
    if near is None:
        return ticks
    return ticks + WRAP * round(Fraction(near - ticks, WRAP))


def read_ts(transport: TransportStream, size: int, near: int | None) -> SegmentMedia:
    """Turn a transport stream into tracks. ``near`` is a time close by, from the segment before."""
    problems = list(transport.problems)
    parts = []
    for stream in transport.streams.values():
        if not stream.packets or not stream.coding:
            continue
        if stream.packets[0].pts is None:
            problems.append((rulebook.TS_TIMES, f"PID {stream.pid} begins without a timestamp"))
            continue
        part = _read_stream(stream, near, problems)
        if part is not None:
            parts.append(part)
            near = near if near is not None else part.first_dts
    if not parts and not problems:
        problems.append((rulebook.READABLE, "it holds no stream that is known"))
    return SegmentMedia("ts", size, tuple(parts), tuple(problems), tuple(transport.counters.items()))


def _read_stream(stream: TsStream, near: int | None, problems: list[tuple[Rule, str]]) -> TrackPart | None:
    if stream.coding in ("h264", "hevc"):
        if stream.coding == "hevc":
            problems.append((rulebook.HEVC_IN_TS, "it carries HEVC in MPEG-TS"))
        return _read_pictures(stream, near, problems)
    if stream.coding == "aac":
        return _read_aac(stream, near, problems)
    pts = [unwrap(packet.pts, near) for packet in stream.packets if packet.pts is not None]
    config = TrackConfig("audio", _OTHER_SOUND[stream.coding], stream.coding, parameters=stream.coding)
    return _track(stream.pid, config, pts, pts, _typical(pts))


def _read_pictures(stream: TsStream, near: int | None, problems: list[tuple[Rule, str]]) -> TrackPart | None:
    scan = PictureScan()
    dts: list[int] = []
    pts: list[int] = []
    keys: list[bool] = []
    for packet in _joined(stream.packets):
        units = nal_units(bytes(packet.data))
        if stream.coding == "h264":
            keys.append(scan.take(units))
        else:
            keys.append(any(16 <= unit[0] >> 1 & 63 <= 21 for unit in units))
        pts.append(unwrap(packet.pts or 0, near))
        dts.append(unwrap(packet.dts or 0, near))
    config = TrackConfig("video", "hvc1", "hevc")
    if stream.coding == "h264":
        try:
            config = read_config(scan.sets)
        except ValueError as error:
            problems.append((rulebook.READABLE, str(error)))
            return None
    part = _track(stream.pid, config, dts, pts, _typical(dts), order_problem(dts, pts))
    return _with_pictures(part, pts, keys, scan, bytes(stream.packets[0].data))


def _with_pictures(
    part: TrackPart, pts: list[int], keys: list[bool], scan: PictureScan, first_unit: bytes
) -> TrackPart:
    return replace(
        part,
        keys=tuple(shown for shown, key in zip(pts, keys, strict=True) if key),
        starts_with_key=keys[0],
        captions=scan.captions,
        first_unit=first_unit,
    )


def _joined(packets: Sequence[PesPacket]) -> list[PesPacket]:
    """Put packets without a timestamp behind the one before: they continue its picture."""
    out: list[PesPacket] = []
    for packet in packets:
        if packet.pts is None and out:
            out[-1].data += packet.data
        else:
            out.append(packet)
    return out


def _read_aac(stream: TsStream, near: int | None, problems: list[tuple[Rule, str]]) -> TrackPart | None:
    times: list[int] = []
    config: TrackConfig | None = None
    rest = b""
    step = Fraction(0)
    for packet in stream.packets:
        data, at = rest + bytes(packet.data), 0
        clock = Fraction(unwrap(packet.pts, near)) if packet.pts is not None else None
        if rest and clock is not None:
            clock -= step  # the timestamp is that of the first frame that begins in the packet
        while frame := aac.read_adts(data, at):
            if at + frame.size > len(data):
                break
            if config is None:
                config = aac.audio_config(frame.object_type, frame.sample_rate, frame.channels)
                step = Fraction(aac.FRAME_SAMPLES * CLOCK, frame.sample_rate)
            clock = clock if clock is not None else Fraction(times[-1]) + step
            times.append(round(clock))
            clock += step * frame.blocks
            at += frame.size
        rest = data[at:]
    if config is None:
        problems.append((rulebook.READABLE, f"PID {stream.pid} holds no AAC with ADTS headers"))
        return None
    if rest:
        problems.append((rulebook.READABLE, f"PID {stream.pid} ends within an AAC frame"))
    return _track(stream.pid, config, times, times, round(step), order_problem(times, times))


def read_packed(data: bytes, near: int | None) -> SegmentMedia:
    """Look into packed audio: an ID3 tag, then AAC frames with ADTS headers (RFC 8216 section 3.4)."""
    problems: list[tuple[Rule, str]] = []
    at, start = 0, None
    while data[at : at + 3] == b"ID3" and at + 10 <= len(data):
        size = 10 + sum((byte & 127) << 7 * (3 - i) for i, byte in enumerate(data[at + 6 : at + 10]))
        found = data.find(_OWNER, at, at + size)
        if found >= 0 and start is None:
            start = struct.unpack_from(">Q", data, found + len(_OWNER))[0] % WRAP
        at += size
    if start is None:
        problems.append((rulebook.PACKED_TIME, "the ID3 tag with its timestamp is missing"))
    packet = PesPacket(start or 0, start or 0, bytearray(data[at:]))
    part = _read_aac(TsStream(0, "aac", [packet]), near, problems)
    return SegmentMedia("packed", len(data), (part,) if part else (), tuple(problems))


def _typical(times: list[int]) -> int:
    """Return the middle of the distances between times: what a frame lasts where nothing says so."""
    gaps = sorted(after - before for before, after in itertools.pairwise(times))
    return gaps[len(gaps) // 2] if gaps else 0


def _track(
    pid: int, config: TrackConfig, dts: list[int], pts: list[int], duration: int, problem: str = ""
) -> TrackPart:
    shown = sorted(pts)
    gaps = [after - before for before, after in itertools.pairwise(shown)] or [duration]
    return TrackPart(
        track=pid,
        config=config,
        timescale=CLOCK,
        shift=0,
        count=len(dts),
        first_dts=dts[0],
        end_dts=dts[-1] + duration,
        first_pts=shown[0],
        end_pts=shown[-1] + duration,
        shortest=min(gaps),
        longest=max(gaps),
        keys=(),
        starts_with_key=True,
        problem=problem,
    )
