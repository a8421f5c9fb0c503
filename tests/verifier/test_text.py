"""Playlists as text: any bytes are read without a crash, and good attribute lists are read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier import rulebook
from verifier.findings import Findings, Scope
from verifier.locations import Location
from verifier.media.read import read_init_section, read_segment
from verifier.playlists.media import read_media
from verifier.playlists.multivariant import read_multivariant
from verifier.playlists.text import Line, read_attributes, read_lines
from verifier.playlists.variants import judge_variants

HERE = Location("/films/master.m3u8", "/films")
QUOTED = st.text(st.characters(blacklist_characters='"', blacklist_categories=("Cc", "Cs")))
NAMES = st.from_regex(r"X-[A-Z0-9-]{1,12}", fullmatch=True)


def scope() -> Scope:
    return Findings().scope("playlist")


@given(st.dictionaries(NAMES, QUOTED, min_size=1))
def test_attribute_lists_are_read_back(values: dict[str, str]) -> None:
    said = scope()
    text = ",".join(f'{name}="{value}"' for name, value in values.items())
    assert dict(read_attributes(Line(1, "EXT-X-MEDIA", text), said)) == values
    assert not said.findings.sorted()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A",
        "A=",
        "a=1",
        "A=1,",
        "A=1,,B=2",
        'A="',
        "A=1 ,B=2",
        "BANDWIDTH=-1",
        "BANDWIDTH=1.5",
        'TYPE="AUDIO"',
    ],
)
def test_malformed_attribute_lists_are_told(text: str) -> None:
    said = scope()
    read_attributes(Line(1, "EXT-X-MEDIA", text), said)
    assert {one.rule for one in said.findings.sorted()} == {rulebook.ATTRIBUTES.reference}


LINES = st.lists(
    st.sampled_from(
        [
            *(
                "#EXTINF:1,",
                "#EXTINF:x",
                "a.ts",
                "#EXT-X-BYTERANGE:5",
                "#EXT-X-BYTERANGE:5@1",
                "#EXT-X-ENDLIST",
            ),
            *(
                '#EXT-X-MAP:URI="i"',
                "#EXT-X-MAP:",
                '#EXT-X-MAP:URI="i",BYTERANGE="x"',
                "#EXT-X-KEY:METHOD=NONE",
            ),
            *(
                "#EXT-X-STREAM-INF:BANDWIDTH=1",
                "#EXT-X-MEDIA:TYPE=AUDIO",
                "#EXT-X-VERSION:x",
                "#EXT-X-DISCONTINUITY",
            ),
            *(
                "#EXT-X-TARGETDURATION:1",
                "#EXT-X-I-FRAME-STREAM-INF:URI=1",
                "",
                "#",
                "#EXT-X-MEDIA-SEQUENCE:x",
            ),
        ]
    )
)


@given(LINES | st.lists(st.text(max_size=20)))
def test_any_text_is_read_without_a_crash(rows: list[str]) -> None:
    said = scope()
    lines = read_lines("\n".join(["#EXTM3U", *rows]).encode("utf-8", "surrogatepass"), said)
    assert lines is not None
    read_media(lines, HERE, said)
    judge_variants(read_multivariant(lines, HERE, said), said)


BOX = st.tuples(
    st.sampled_from([b"moof", b"traf", b"tfhd", b"trun", b"tfdt", b"mdat", b"moov", b"trak"]), st.binary()
)


@given(st.lists(BOX), st.binary())
def test_any_bytes_are_read_without_a_crash(parts: list[tuple[bytes, bytes]], more: bytes) -> None:
    data = b"".join((8 + len(body)).to_bytes(4, "big") + kind + body for kind, body in parts) + more
    read_init_section(data)
    init = read_init_section(bytes(4) + b"ftyp" + data)
    for segment in (data, b"\x47" + data, b"WEBVTT\n\n" + data, b"ID3" + data, b"\xff\xf1" + data):
        media, _ = read_segment(segment, init, None)
        assert media.size == len(segment)
