"""A few bytes that ask for a lot are refused in one line, in bounded time and memory."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import pytest

from encoders import bombs, picture
from encoders.child import PROBE
from encoders.media import open_media, packets
from encoders.probe import probe
from gopfarm.child.limits import Limits
from gopfarm.child.parent import run_in_child
from gopfarm.errors import SourceError
from gopfarm.facts import SourceFacts, SourceRef
from gopfarm.serial import from_json, to_json
from tests.encoders.clips import Clips
from tests.hostile.boxes import box, children, rewrite

#: Less than a default child has: a bomb must not need it.
LIMITS = Limits(memory_bytes=1 << 30)
SECONDS = 60


def probed(data: bytes) -> SourceFacts:
    """Probe bytes as the farm does."""
    ref = SourceRef("bomb", len(data), "tag")
    answer = run_in_child(PROBE, to_json(ref), io.BytesIO(data), len(data), SECONDS, limits=LIMITS)
    return from_json(SourceFacts, answer)


def refusal(data: bytes) -> str:
    with pytest.raises(SourceError) as caught:
        probed(data)
    message = str(caught.value)
    assert message.startswith("bomb: ")
    assert "\n" not in message
    return message


@pytest.fixture
def film(clip: Clips) -> bytes:
    """A film whose index is at its end."""
    return clip("editlist.mp4").read_bytes()


def with_box(data: bytes, name: bytes, change: object) -> bytes:
    """Change the payload of every box of a kind."""
    assert callable(change)
    return rewrite(data, lambda path, payload: change(payload) if path[-1] == name else payload)


def test_a_picture_of_65535_by_65535_is_refused(film: bytes) -> None:
    def larger(payload: bytes) -> bytes:
        if b"avc1" not in payload:
            return payload
        # Raw pictures have no other size than that of the header.
        return payload[:12] + b"raw " + payload[16:40] + struct.pack(">HH", 65535, 65535) + payload[44:]

    assert "picture" in refusal(with_box(film, b"stsd", larger))


def test_a_picture_larger_than_any_camera_takes_is_refused_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "wide.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = bombs.MOST_SIDE + 2, 16, "yuvj420p"
        container.mux(stream.encode(av.VideoFrame(bombs.MOST_SIDE + 2, 16, "yuvj420p")))
        container.mux(stream.encode(None))
    assert "16386x16, larger than can be decoded" in refusal(path.read_bytes())


def test_a_hundred_thousand_streams_are_refused(film: bytes) -> None:
    tables = (b"stco", b"stts", b"ctts", b"stsz", b"stss", b"sdtp", b"stsc")

    def crowd(payload: bytes) -> bytes:
        trak = next(inner for kind, inner in children(payload) if kind == b"trak")
        slim = rewrite(trak, lambda path, inner: None if path[-1] in tables else inner)
        return payload + box(b"trak", slim) * 100_000

    assert f"more than {bombs.MOST_STREAMS} streams" in refusal(with_box(film, b"moov", crowd))


def test_transport_streams_cannot_bring_up_streams_without_end() -> None:
    bomb = bytearray()
    for program in range(1500):
        pid = 0x100 + program
        bomb += _ts_packet(0, _section(0, 1, struct.pack(">HH", program + 1, 0xE000 | pid)))
        bomb += _ts_packet(
            pid, _section(2, program + 1, struct.pack(">HH", 0xE000 | pid, 0xF000) + _streams(program))
        )
    for program in range(1500):
        bomb += _ts_packet(
            0x800 + program * 4, b"\x00\x00\x01\xe0\x00\x00\x80\x00\x00" + bytes(100), section=False
        )
    message = refusal(bytes(bomb))
    assert len(message) < 300


def _streams(program: int) -> bytes:
    return b"".join(struct.pack(">BHH", 0x1B, 0xE000 | (0x800 + program * 4 + at), 0xF000) for at in range(4))


def _section(table: int, number: int, body: bytes) -> bytes:
    head = struct.pack(">HBBB", number, 0xC1, 0, 0) + body
    section = struct.pack(">BH", table, 0xB000 | (len(head) + 4)) + head
    return section + struct.pack(">I", _mpeg_crc(section))


def _mpeg_crc(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc


def _ts_packet(pid: int, payload: bytes, section: bool = True) -> bytes:
    body = (b"\x00" if section else b"") + payload
    return struct.pack(">BHB", 0x47, 0x4000 | pid, 0x10) + body[:184].ljust(184, b"\xff")


@pytest.mark.parametrize("samples", [1_000_000_000, 0xFFFFFFFF])
def test_a_billion_samples_in_one_box_are_refused(samples: int, film: bytes) -> None:
    """One size for all of them, one run of times, and chunks that hold all of them: a few bytes."""

    def sizes(payload: bytes) -> bytes:
        return struct.pack(">III", 0, 1, samples)

    def times(payload: bytes) -> bytes:
        return struct.pack(">IIII", 0, 1, samples, 1)

    def chunks(payload: bytes) -> bytes:
        return struct.pack(">IIIII", 0, 1, 1, samples, 1)

    bomb = with_box(with_box(with_box(film, b"stsz", sizes), b"stts", times), b"stsc", chunks)
    refusal(bomb)


def test_a_compressed_index_that_unfolds_to_gigabytes_is_refused() -> None:
    packed = zlib.compress(bytes(64 << 20), 9)
    cmvd = struct.pack(">I", 0xFFFFFFF0) + packed
    moov = box(b"moov", box(b"cmov", box(b"dcom", b"zlib") + box(b"cmvd", cmvd)))
    refusal(box(b"ftyp", b"qt  \0\0\0\0qt  ") + moov + box(b"mdat", bytes(100)))


def test_a_film_of_a_thousand_years_is_refused(film: bytes) -> None:
    def slow(payload: bytes) -> bytes:
        (count,) = struct.unpack_from(">I", payload, 4)
        entries = [struct.unpack_from(">II", payload, 8 + 8 * at) for at in range(count)]
        return payload[:8] + b"".join(struct.pack(">II", number, 0x7FFFFFF) for number, _ in entries)

    refusal(with_box(film, b"stts", slow))


def test_tracks_that_lie_years_apart_are_refused(clip: Clips) -> None:
    """Each lasts seconds; what lies between would all be planned, outside of any sandbox."""
    bomb = bytearray(clip("fragmented.mp4").read_bytes())
    at = moved = 0
    while (at := bomb.find(b"tfhd", at + 1)) > 0:
        (track,) = struct.unpack_from(">I", bomb, at + 8)
        time = bomb.find(b"tfdt", at)
        assert bomb[time + 4] == 1
        if track == 2:
            struct.pack_into(">Q", bomb, time + 8, 1 << 50)
            moved += 1
    assert moved
    assert "clock spans more than 24 hours" in refusal(bytes(bomb))


def test_packets_that_only_show_up_at_the_second_reading_do_no_harm(
    clip: Clips, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = picture.decoded_packets

    def more(source: BinaryIO, name: str, stream: int) -> list[int]:
        found = whole(source, name, stream)
        return [*found, max(found) + 1, max(found) + 70]

    path = clip("old.avi")
    ref = SourceRef("film", path.stat().st_size, "tag")
    with path.open("rb") as source:
        expected = probe(source, ref)
        monkeypatch.setattr(picture, "decoded_packets", more)
        assert probe(source, ref) == expected


def test_a_picture_that_grows_in_the_middle_of_a_film_is_not_decoded(tmp_path: Path) -> None:
    """Raw streams can change their size at any picture: the decoder is told what is too large."""
    small, large = _mpeg2(tmp_path, 64, 48), _mpeg2(tmp_path, 640, 480)
    joined = small + large
    try:
        bombs.STREAM_OPTIONS["max_pixels"] = str(320 * 240)
        with open_media(io.BytesIO(joined), "bomb") as container:
            sizes = set()
            for packet in packets(container, container.streams.video):
                try:
                    sizes |= {(frame.width, frame.height) for frame in packet.decode()}
                except av.error.FFmpegError:
                    sizes.add((0, 0))
    finally:
        bombs.STREAM_OPTIONS["max_pixels"] = str(bombs.MOST_PIXELS)
    assert sizes == {(64, 48), (0, 0)}


def _mpeg2(folder: Path, width: int, height: int) -> bytes:
    path = folder / f"{width}.m2v"
    with av.open(str(path), "w", format="mpeg2video") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.width, stream.height = width, height
        stream.pix_fmt = "yuv420p"
        for number in range(5):
            frame = av.VideoFrame(width, height, "yuv420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path.read_bytes()


def test_packets_of_nothing_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bombs, "MOST_PACKETS", 1000)

    def endless() -> Iterator[None]:
        while True:
            yield None

    with pytest.raises(SourceError, match="more than 0 million packets"):
        for _ in bombs.bounded(endless()):
            pass
    assert len(list(bombs.bounded(iter(range(1000))))) == 1000


def test_tags_of_megabytes_are_refused(film: bytes) -> None:
    def comment(number: int) -> bytes:
        name = b"\xa9cmt" if number == 0 else b"\xa9" + b"%03d" % number
        return box(name, box(b"data", struct.pack(">II", 1, 0) + b"x" * 3_000_000))

    tags = b"".join(
        box(
            b"----",
            box(b"mean", bytes(4) + b"m")
            + box(b"name", bytes(4) + b"n%d" % at)
            + box(b"data", struct.pack(">II", 1, 0) + b"x" * 3_000_000),
        )
        for at in range(3)
    )
    ilst = box(b"ilst", comment(0) + tags)
    hdlr = box(b"hdlr", bytes(8) + b"mdirappl" + bytes(10))
    meta = box(b"meta", bytes(4) + hdlr + ilst)

    def tagged(payload: bytes) -> bytes:
        return b"".join(
            [*(box(kind, inner) for kind, inner in children(payload) if kind != b"udta"), box(b"udta", meta)]
        )

    assert "of tags, more than can be meant" in refusal(with_box(film, b"moov", tagged))


def test_a_description_that_cannot_be_kept_is_refused() -> None:
    assert bombs.check_facts(b"{}", "bomb") == b"{}"
    with pytest.raises(SourceError, match="too irregular"):
        bombs.check_facts(bytes(bombs.MOST_FACTS + 1), "bomb")


def test_a_day_in_8k_is_within_every_limit() -> None:
    assert bombs.MOST_PIXELS >= 7680 * 4320 * 2
    assert bombs.MOST_SIDE >= 7680
    bombs.check_length(Fraction(24 * 3600), "film")
    packets_of_a_day = 24 * 3600 * (60 + Fraction(48000, 1024))
    assert packets_of_a_day < bombs.MOST_PACKETS
