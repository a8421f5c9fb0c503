"""CMAF boxes, read back by libavformat, which shares no code with us."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from fractions import Fraction

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.fmp4 import Sample, media_segment, with_edit_list
from encoders.media import boxes
from encoders.video import OpenEncoder, open_encoder
from gopfarm.plan import VideoRendition

CONTAINERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"mvex", b"edts", b"moof", b"traf"})
RATE = Fraction(25)


def rendition() -> VideoRendition:
    return VideoRendition("96p", "", 160, 96, "libx264", "ultrafast", 100_000, 107_000, 150_000)


def an_encoder() -> OpenEncoder:
    return open_encoder(rendition(), RATE)


INIT = an_encoder().init


def tree(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, bytes]]:
    """Every box with its payload, containers before their children; each must fill its parent exactly."""
    stop = len(data) if end is None else end
    reached = start
    for kind, at, size in boxes(io.BytesIO(data), start, stop):
        reached = at + size
        assert reached <= stop
        yield kind, data[at:reached] if kind not in CONTAINERS else b""
        if kind in CONTAINERS:
            yield from tree(data, at, reached)
    assert reached == stop


def leaves(data: bytes) -> list[tuple[bytes, bytes]]:
    return list(tree(data))


@given(lead=st.integers(0, 2**31 - 1))
@settings(max_examples=20, deadline=None)
def test_an_edit_list_is_all_that_is_added_to_the_init_segment(lead: int) -> None:
    before, after = leaves(INIT), leaves(with_edit_list(INIT, lead))
    edit = struct.pack(">IIIiHH", 0, 1, 0, lead, 1, 0)
    at = [kind for kind, _ in after].index(b"edts")
    assert after[at : at + 2] == [(b"edts", b""), (b"elst", edit)]
    assert after[at - 1][0] == b"tkhd"
    assert after[:at] + after[at + 2 :] == before


def test_the_edit_list_takes_the_lead_off_again() -> None:
    lead = 1000
    segment = media_segment(0, [Sample(b"\x00\x00\x00\x01\x65", 0, lead, 500, True)])
    with av.open(io.BytesIO(with_edit_list(INIT, lead) + segment)) as container:
        packet = next(container.demux(video=0))
        assert (packet.pts, packet.dts) == (0, -lead)


sample_tables = st.lists(
    st.tuples(
        st.binary(min_size=1, max_size=40),
        st.integers(1, 100_000),  # duration
        st.integers(0, 100_000),  # composition offset: never negative, see encoders.fmp4
        st.booleans(),
    ),
    min_size=1,
    max_size=20,
)


@given(table=sample_tables, number=st.integers(0, 10**6), start=st.integers(0, 2**40))
@settings(max_examples=100, deadline=None)
def test_a_media_segment_is_read_back_as_it_was_meant(
    table: list[tuple[bytes, int, int, bool]], number: int, start: int
) -> None:
    samples, at = [], start
    for data, duration, offset, sync in table:
        samples.append(Sample(data, at, at + offset, duration, sync))
        at += duration
    segment = media_segment(number, samples)
    found = dict(tree(segment))
    assert struct.unpack(">II", found[b"mfhd"]) == (0, number + 1)
    # Sound: what libavformat derives from pictures (their own times and key flags) stays out of the way.
    with av.open(io.BytesIO(_sound_init() + segment)) as container:
        packets = [packet for packet in container.demux(audio=0) if packet.size]
    assert [(bytes(p), p.pts, p.dts, p.duration) for p in packets] == [
        (s.data, s.pts, s.dts, s.duration) for s in samples
    ]


@given(flags=st.lists(st.booleans(), min_size=1, max_size=12))
@settings(max_examples=20, deadline=None)
def test_sync_samples_are_marked_and_others_are_not(flags: list[bool]) -> None:
    samples = [Sample(bytes(4), n, n, 1, sync) for n, sync in enumerate([True, *flags])]
    run = dict(tree(media_segment(0, samples)))[b"trun"]
    rows = [struct.unpack_from(">IIIi", run, 12 + 16 * n) for n in range(len(samples))]
    non_sync = 0x00010000  # ISO/IEC 14496-12, 8.8.3.1
    assert [not row[2] & non_sync for row in rows] == [True, *flags]


@pytest.mark.parametrize("count", [1, 500])
def test_a_segment_is_one_fragment_with_its_type_in_front(count: int) -> None:
    segment = media_segment(7, [Sample(b"abcd", n, n, 1, True) for n in range(count)])
    assert [kind for kind, _, _ in boxes(io.BytesIO(segment))] == [b"styp", b"moof", b"mdat"]


def _sound_init() -> bytes:
    buffer = io.BytesIO()
    with av.open(
        buffer, "w", format="mp4", options={"movflags": "cmaf+empty_moov+skip_trailer"}
    ) as container:
        container.add_stream("pcm_s16le", rate=48_000, layout="mono")
        container.start_encoding()
        return buffer.getvalue()
