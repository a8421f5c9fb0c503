import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoders import annexb

SPS, PPS = b"\x67\x64\x00\x1f\xac", b"\x68\xee\x3c\x80"[:3]
IDR, SLICE, SEI = b"\x65\x88\x84", b"\x41\x9a\x02", b"\x06\x05\x80"

#: NAL units without a start code inside and without a zero byte at the end, as the standard has them.
units = st.binary(min_size=1, max_size=30).map(lambda data: data.replace(b"\x00", b"\x01"))
start_codes = st.sampled_from([b"\x00\x00\x01", b"\x00\x00\x00\x01"])


def stream(*nals: bytes) -> bytes:
    return b"".join(b"\x00\x00\x00\x01" + nal for nal in nals)


@given(parts=st.lists(st.tuples(start_codes, units), max_size=8))
def test_units_are_found_behind_start_codes_of_either_length(parts: list[tuple[bytes, bytes]]) -> None:
    data = b"".join(code + nal for code, nal in parts)
    assert annexb.nal_units(data) == [nal for _, nal in parts]


@given(nals=st.lists(units.filter(lambda nal: nal[0] & 31 not in (7, 8)), max_size=8))
def test_mp4_samples_have_lengths_in_place_of_start_codes(nals: list[bytes]) -> None:
    sample = annexb.to_length_prefixed(stream(SPS, *nals[:3], PPS, *nals[3:]))
    found = []
    while sample:
        (size,) = struct.unpack_from(">I", sample)
        found.append(sample[4 : 4 + size])
        sample = sample[4 + size :]
    assert found == nals


def test_bytes_without_a_start_code_and_empty_units_are_no_units() -> None:
    assert annexb.nal_units(b"") == annexb.nal_units(b"\x01\x02") == []
    assert annexb.nal_units(b"\x00\x00\x01" * 3 + SPS + b"\x00\x00\x01") == [SPS]


def test_parameter_sets_are_found_in_order() -> None:
    assert annexb.parameter_sets(stream(SEI, SPS, PPS, IDR)) == (SPS, PPS)
    assert annexb.parameter_sets(stream(SLICE)) == ()


@pytest.mark.parametrize(
    ("nals", "answer"), [((SPS, PPS, SEI, IDR), True), ((IDR,), True), ((SEI, SLICE), False), ((), False)]
)
def test_only_an_idr_picture_starts_a_segment(nals: tuple[bytes, ...], answer: bool) -> None:
    assert annexb.starts_with_idr(stream(*nals)) is answer


def test_the_codec_string_is_read_from_the_sps() -> None:
    assert annexb.codec_string((PPS, SPS)) == "avc1.64001f"
    with pytest.raises(ValueError, match="no sequence parameter set"):
        annexb.codec_string((PPS,))


def test_the_digest_tells_any_difference_and_where_units_end() -> None:
    found = {annexb.digest(sets) for sets in [(SPS, PPS), (PPS, SPS), (SPS + PPS,), (SPS, PPS + b"\x01"), ()]}
    assert len(found) == 5
    assert annexb.digest((SPS, PPS)) == annexb.digest((SPS, PPS))
