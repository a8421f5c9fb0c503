"""Streams to check, and ways to break them."""

from __future__ import annotations

import re
import shutil
import struct
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.packet import Packet

from verifier import Finding, verify
from verifier.findings import Rule

#: An SEI message with captions: user_data_registered_itu_t_t35, ATSC, GA94, one pair of characters ("Hi").
CAPTIONS = bytes.fromhex("06 04 0f b5 0031 47413934 03 41 ff fc c8 e9 ff 80")


@dataclass(frozen=True)
class Published:
    """A published stream in a folder of its own, which may be spoilt. ``format`` is cmaf or ts."""

    root: Path
    format: str

    @property
    def master(self) -> Path:
        return self.root / "master.m3u8"

    def playlist(self, name: str) -> Path:
        """The media playlist of a rendition: 180p, 90p or audio."""
        return next(self.root.glob(f"{name}*/*/index.m3u8"))

    def segment(self, name: str, number: int) -> Path:
        suffix = "m4s" if self.format == "cmaf" else "ts"
        return self.playlist(name).parent / f"{number:05d}.{suffix}"

    def segments(self, name: str) -> list[Path]:
        return sorted(self.playlist(name).parent.glob("0*"))

    def edit(self, file: Path | str, pattern: str, new: str, count: int = 1) -> None:
        """Replace what a pattern matches; it must match. ``file`` is a path, or a rendition's name."""
        path = file if isinstance(file, Path) else self.playlist(file)
        text, found = re.subn(pattern, new, path.read_text(), count=count, flags=re.MULTILINE)
        assert found, f"{pattern} is not in {path.name}"
        path.write_text(text)

    def edit_master(self, pattern: str, new: str, count: int = 1) -> None:
        self.edit(self.master, pattern, new, count)

    def copy(self, folder: Path) -> Published:
        shutil.copytree(self.root, folder)
        return Published(folder, self.format)


def found(published: Published, source: Path | None = None) -> tuple[Finding, ...]:
    """Check a stream."""
    return verify(str(published.master), str(source) if source else None).findings


def has(findings: tuple[Finding, ...], rule: Rule, words: str = "") -> bool:
    """Tell whether a rule was found broken, with these words in the message."""
    return any(
        (one.level, one.rule) == (rule.level, rule.reference) and words in one.message for one in findings
    )


def shift_times(path: Path, seconds: Fraction, timescale: int) -> None:
    """Move all times of a segment: the tfdt of fragmented MP4, or the timestamps of MPEG-TS."""
    data = bytearray(path.read_bytes())
    if path.suffix == ".m4s":
        at = data.index(b"tfdt") + 8
        time = struct.unpack_from(">Q", data, at)[0] + int(seconds * timescale)
        struct.pack_into(">Q", data, at, time)
    else:
        for packet in range(0, len(data), 188):
            _shift_packet(data, packet, int(seconds * 90_000))
    path.write_bytes(data)


def _shift_packet(data: bytearray, packet: int, ticks: int) -> None:
    control = data[packet + 3] >> 4 & 3
    at = packet + 4 + (1 + data[packet + 4] if control & 2 else 0)
    if not data[packet + 1] & 64 or bytes(data[at : at + 3]) != b"\x00\x00\x01":
        return
    for flag, position in ((128, at + 9), (64, at + 14)):
        if data[at + 7] & flag:
            old = data[position : position + 5]
            time = (old[0] >> 1 & 7) << 30 | old[1] << 22 | old[2] >> 1 << 15 | old[3] << 7 | old[4] >> 1
            time += ticks
            data[position : position + 5] = bytes(
                [
                    old[0] & 0xF0 | time >> 29 & 14 | 1,
                    time >> 22 & 255,
                    time >> 14 & 254 | 1,
                    time >> 7 & 255,
                    time << 1 & 254 | 1,
                ]
            )


def no_idr(path: Path) -> None:
    """Make the IDR pictures of a segment look like others, by the type of their NAL units."""
    data = path.read_bytes()
    if path.suffix == ".ts":
        data = data.replace(b"\x00\x00\x01\x65", b"\x00\x00\x01\x61")
        path.write_bytes(data)
        return
    changed, at = bytearray(data), data.index(b"mdat") + 4
    while at < len(data):
        size = struct.unpack_from(">I", data, at)[0]
        if data[at + 4] & 31 == 5:
            changed[at + 4] = changed[at + 4] & 0xE0 | 1
        at += 4 + size
    path.write_bytes(changed)


def insert_unit(path: Path, unit: bytes) -> None:
    """Put a NAL unit in front of the first picture of a segment."""
    if path.suffix == ".ts":
        remux(path, lambda number, data: b"\x00\x00\x00\x01" + unit + data if number == 0 else data)
        return
    data = bytearray(path.read_bytes())
    prefixed = struct.pack(">I", len(unit)) + unit
    size = data.index(b"trun") + 4 + 12 + 4
    payload = data.index(b"mdat") + 4
    for at in (size, payload - 8):
        struct.pack_into(">I", data, at, struct.unpack_from(">I", data, at)[0] + len(prefixed))
    data[payload:payload] = prefixed
    path.write_bytes(data)


def remux(path: Path, change: Callable[[int, bytes], bytes | None]) -> None:
    """Rewrite an MPEG-TS segment packet by packet; None leaves a packet out."""
    written = path.with_suffix(".new")
    options = {"mpegts_copyts": "1", "avoid_negative_ts": "disabled", "muxdelay": "0"}
    with av.open(str(path)) as source, av.open(str(written), "w", format="mpegts", options=options) as out:
        stream = out.add_mux_stream("h264", time_base=Fraction(1, 90_000))
        stream.time_base = Fraction(1, 90_000)
        for number, packet in enumerate(one for one in source.demux(video=0) if one.size):
            data = change(number, bytes(packet))
            if data is None:
                continue
            copy = Packet(data)
            copy.pts, copy.dts, copy.time_base = packet.pts, packet.dts, packet.time_base
            copy.stream = stream
            out.mux_one(copy)
    written.replace(path)


#: Something that spoils a stream.
Plant = Callable[[Published], object]


def edit(name: str, pattern: str, new: str, count: int = 1) -> Plant:
    """Change a media playlist."""
    return lambda published: published.edit(name, pattern, new, count)


def master(pattern: str, new: str, count: int = 1) -> Plant:
    """Change the multivariant playlist."""
    return lambda published: published.edit_master(pattern, new, count)


def declare_captions(published: Published, attribute: str = 'INSTREAM-ID="CC1",') -> None:
    tag = f'#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="cc",NAME="CC",LANGUAGE="en",{attribute}DEFAULT=NO'
    published.edit_master(r"^#EXT-X-STREAM-INF", tag + "\n#EXT-X-STREAM-INF")
    published.edit_master("CLOSED-CAPTIONS=NONE", 'CLOSED-CAPTIONS="cc"', 9)


def second_sound(published: Published, old: str = "", new: str = "") -> None:
    """List the sound a second time."""
    line = next(row for row in published.master.read_text().splitlines() if "TYPE=AUDIO" in row)
    copy = line.replace("DEFAULT=YES", "DEFAULT=NO").replace(old, new) if old else line
    published.edit_master(r"^(#EXT-X-MEDIA:TYPE=AUDIO.*)$", rf"\1\n{copy}")
