"""Files are opened as bytes: nothing that they name is ever looked at."""

from __future__ import annotations

import io
import struct

import pytest

from encoders.media import boxes, is_protected, only, open_media
from gopfarm.errors import SourceError
from tests.encoders.clips import Clips


def box(kind: bytes, payload: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(payload), kind) + payload


def moov_with(entry: bytes, extra: bytes = b"") -> bytes:
    payload = box(b"stsd", struct.pack(">II", 0, 1) + box(entry, bytes(70)))
    for kind in (b"stbl", b"minf", b"mdia", b"trak"):
        payload = box(kind, payload)
    return payload + extra


def protected(payload: bytes) -> bool:
    return is_protected(io.BytesIO(payload), 0, len(payload))


@pytest.mark.parametrize(
    ("entry", "answer"), [(b"encv", True), (b"enca", True), (b"drms", True), (b"avc1", False)]
)
def test_protection_is_what_the_sample_entry_says(entry: bytes, answer: bool) -> None:
    assert protected(moov_with(b"mp4a") + moov_with(entry)) is answer


def test_words_elsewhere_in_the_index_are_no_protection() -> None:
    assert not protected(moov_with(b"avc1", box(b"udta", b"Provencal encv pssh")))
    assert not protected(moov_with(b"avc1", box(b"pssh", bytes(20))))


@pytest.mark.parametrize("cut", range(0, 120, 7))
def test_a_broken_index_is_walked_without_an_error(cut: int) -> None:
    payload = moov_with(b"encv")
    protected(payload[:cut])
    protected(payload[:cut] + b"\xff" * 9 + payload[cut:])


def test_boxes_are_listed_with_their_payloads() -> None:
    large = struct.pack(">I4sQ", 1, b"wide", 16 + 3) + b"abc"
    rest = struct.pack(">I4s", 0, b"mdat") + b"to the end"
    data = box(b"ftyp", b"isom") + large + rest
    found = [(kind, data[at : at + size]) for kind, at, size in boxes(io.BytesIO(data))]
    assert found == [(b"ftyp", b"isom"), (b"wide", b"abc"), (b"mdat", b"to the end")]


@pytest.mark.parametrize(
    "tail", [b"\x00", b"\x00\x00\x00\x01mdat", b"\x00\x00\x00\x01mdat\x00", b"\x00\x00\x00\x07free"]
)
def test_a_broken_last_box_ends_the_list(tail: bytes) -> None:
    assert [kind for kind, _, _ in boxes(io.BytesIO(box(b"ftyp") + tail))] == [b"ftyp"]


@pytest.mark.parametrize("name", ["playlist.m3u8", "list.ffconcat", "film%03d.png"])
def test_formats_that_name_other_files_are_not_among_those_read(name: str) -> None:
    text = {
        "playlist.m3u8": b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n/etc/passwd\n#EXT-X-ENDLIST\n",
        "list.ffconcat": b"ffconcat version 1.0\nfile /etc/passwd\n",
        "film%03d.png": b"\x89PNG\r\n\x1a\n" + bytes(100),
    }[name]
    with pytest.raises(SourceError, match="not a video or audio file"), open_media(io.BytesIO(text), name):
        pass


def test_the_source_stays_open_and_the_error_names_it(clip: Clips) -> None:
    source = io.BytesIO(clip("closed.mp4").read_bytes())
    with open_media(source, "film") as container:
        assert len(container.streams) == 2
    assert not source.closed
    with (
        pytest.raises(SourceError, match=r"^s3://films/none\.mp4: "),
        open_media(io.BytesIO(), "s3://films/none.mp4"),
    ):
        pass


def test_unwanted_streams_are_not_delivered(clip: Clips) -> None:
    with clip("closed.mp4").open("rb") as source, open_media(source, "film") as container:
        only(container, container.streams.audio)
        wanted = container.streams.audio[0].index
        others = sum(packet.size > 0 and packet.stream_index != wanted for packet in container.demux())
    assert others < 5  # what FFmpeg read ahead when it opened the file
