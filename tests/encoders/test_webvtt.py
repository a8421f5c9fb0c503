"""Cues as text, and which segments they belong to."""

from __future__ import annotations

import struct
from contextlib import suppress
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoders.webvtt import (
    Cue,
    boxed_cues,
    clean_identifier,
    clean_payload,
    clean_settings,
    document,
    escape,
    holds_boxed_cues,
    segmented,
    timeline_of,
    timestamp,
)
from tests.encoders.vtt import parse

MANY = 10**9

lines = st.text(
    alphabet=st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\u2028\u2029"), min_size=1
).filter(lambda line: line.strip())
times = st.tuples(st.integers(-5_000, 90_000), st.integers(1, 40_000)).map(lambda t: (t[0], t[0] + t[1]))
raw_cues = st.lists(
    st.builds(lambda span, text: Cue(*span, text), times, st.sampled_from("abc")), max_size=30
)
cuts = st.lists(st.fractions(Fraction(1, 25), 20, max_denominator=1001), min_size=1, max_size=20).map(
    lambda lengths: [sum(lengths[:n], Fraction(0)) for n in range(len(lengths) + 1)]
)


def box(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(payload), kind) + payload


@given(st.lists(lines, min_size=1))
def test_escaped_text_is_read_back_as_it_was(text: list[str]) -> None:
    payload = "\n".join(map(escape, text))
    (cue,) = parse(document([Cue(0, 1000, payload)])).cues
    assert cue.text == "\n".join(text)


@given(st.text(alphabet=st.sampled_from("a<>&-/:01 \n\r\t\x00-->")))
def test_no_payload_of_a_source_can_end_its_cue_or_begin_another(text: str) -> None:
    payload = clean_payload(text)
    cues = [Cue(0, 1, payload)] if payload else []
    parsed = parse(document([*cues, Cue(5, 6, "after")])).cues
    assert [cue.payload for cue in parsed] == [*(cue.payload for cue in cues), "after"]


@given(st.text(alphabet=st.sampled_from("line:0%,posta eg\n->\x00\r\t")), st.text())
def test_no_setting_or_identifier_of_a_source_breaks_a_cue(settings: str, identifier: str) -> None:
    cue = Cue(0, 1, "x", clean_settings(settings), clean_identifier(identifier))
    assert [cue.text for cue in parse(document([cue])).cues] == ["x"]


def test_settings_are_kept_and_regions_are_not() -> None:
    kept = "line:0 position:20%,line-left align:start size:50% vertical:rl"
    assert clean_settings(f"{kept} region:bottom junk --> 00:01.000") == kept


def test_times_inside_a_cue_are_taken_out_and_markup_stays() -> None:
    assert (
        clean_payload("<v Bob>one <00:00:01.000>two</v>\r\n\r\n<c.x>3</c>")
        == "<v Bob>one two</v>\n<c.x>3</c>"
    )


@pytest.mark.parametrize(
    ("milliseconds", "written"),
    [(0, "00:00:00.000"), (3_661_001, "01:01:01.001"), (360_000_000, "100:00:00.000")],
)
def test_times_have_hours_and_milliseconds(milliseconds: int, written: str) -> None:
    assert timestamp(milliseconds) == written


def test_a_segment_without_cues_is_its_header_alone() -> None:
    assert document([], 900_000) == "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000\n\n"


@given(raw_cues, st.integers(1, 120_000))
def test_cues_are_cut_to_the_presentation_and_put_in_order(cues: list[Cue], end: int) -> None:
    shown = timeline_of(cues, end)
    assert all(0 <= cue.start < cue.end <= end for cue in shown)
    assert [cue.start for cue in shown] == sorted(cue.start for cue in shown)
    assert len(shown) == sum(cue.end > 0 and cue.start < end for cue in cues)


@given(raw_cues, cuts)
def test_every_cue_is_in_exactly_the_segments_that_it_overlaps(
    cues: list[Cue], edges: list[Fraction]
) -> None:
    shown = timeline_of(cues, int(edges[-1] * 1000))
    dealt = segmented(shown, edges, MANY)
    assert len(dealt) == len(edges) - 1
    for (start, end), segment in zip(pairwise(edges), dealt, strict=True):
        assert segment == [cue for cue in shown if cue.start < end * 1000 and cue.end > start * 1000]


@given(raw_cues, cuts)
def test_segments_put_together_are_the_whole(cues: list[Cue], edges: list[Fraction]) -> None:
    shown = timeline_of(cues, 130_000)
    joined: list[Cue] = []
    before: list[Cue] = []
    for segment in segmented(shown, edges, MANY):
        repeated = segment[: next((n for n, cue in enumerate(segment) if cue not in before), len(segment))]
        joined += segment[len(repeated) :]
        before = segment
    assert sorted(set(joined), key=repr) == sorted(set(shown), key=repr)


def test_what_lies_outside_the_segments_is_in_the_first_and_the_last() -> None:
    early, late = Cue(0, 100, "a"), Cue(9_000, 9_100, "b")
    assert segmented([early, late], [Fraction(1), Fraction(2), Fraction(3)], MANY) == [[early], [late]]


def test_a_cue_that_ends_where_a_segment_starts_is_not_in_it() -> None:
    cue = Cue(0, 2000, "a")
    assert segmented([cue], [Fraction(0), Fraction(2), Fraction(4)], MANY) == [[cue], []]


def test_a_source_cannot_ask_for_any_amount_of_text() -> None:
    with pytest.raises(ValueError, match="more than 50 characters"):
        segmented([Cue(0, 10_000, "x" * 10)], [Fraction(n) for n in range(11)], 50)


def test_identifiers_stay_where_they_are_unique() -> None:
    cues = [Cue(n, n + 1, "x", identifier=name) for n, name in enumerate(["one", "one", "", "", "two"])]
    assert [cue.identifier for cue in timeline_of(cues, 100)] == ["one", "", "", "", "two"]


def test_an_identifier_is_never_taken_for_another_block() -> None:
    assert [clean_identifier(name) for name in ("NOTE x", "STYLE", "Notes", "a -->\nb")] == [
        "",
        "",
        "Notes",
        "a b",
    ]


def test_cues_of_an_mp4_sample_are_taken_out_of_their_boxes() -> None:
    both = box(b"vttc", box(b"iden", b"one") + box(b"sttg", b"line:0") + box(b"payl", "é".encode()))
    both += box(b"vttc", box(b"payl", b"two")) + box(b"vtta", b"a note")
    assert holds_boxed_cues(both)
    assert list(boxed_cues(both)) == [("é", "line:0", "one"), ("two", "", "")]
    assert list(boxed_cues(box(b"vtte", b""))) == []


@given(st.binary(max_size=40))
def test_damaged_boxes_are_an_error_and_nothing_else(sample: bytes) -> None:
    with suppress(ValueError):
        assert all(len(cue) == 3 for cue in boxed_cues(sample))
