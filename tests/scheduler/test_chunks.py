from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gopfarm.timeline import NATURAL_RATES
from scheduler.chunks import CHUNK_SECONDS, Chunk, cut_chunks
from tests.scheduler.facts import keyframes

#: Frames decoded in vain, as a multiple of a chunk's own: what ``scheduler.chunks`` promises.
MAX_PREROLL = 4

rates = st.sampled_from([*NATURAL_RATES, Fraction(15), Fraction(10), Fraction(2)])
lengths = st.sampled_from([Fraction(1), Fraction(2), Fraction(4), Fraction(6), Fraction(13, 2), Fraction(20)])


@st.composite
def sources(draw: st.DrawFn) -> tuple[int, tuple[int, ...]]:
    """A number of frames and the slots of keyframes: at random places, regular, or next to none."""
    frames = draw(st.integers(1, 400) | st.integers(1, 20_000))
    regular = st.integers(1, 600).map(lambda gop: set(range(0, frames, gop)))
    anywhere = st.sets(st.integers(0, frames - 1), max_size=30)
    return frames, tuple(sorted({0} | draw(regular | anywhere)))


def cut(
    frames: int, slots: tuple[int, ...], rate: Fraction, seconds: Fraction, progressive: bool = False
) -> tuple[Chunk, ...]:
    return cut_chunks(frames, rate, keyframes(slots, rate), seconds, progressive=progressive)


def span(chunk: Chunk) -> tuple[int, int]:
    return chunk.segments[0].start, chunk.segments[-1].end


@settings(max_examples=300)
@given(sources(), rates, lengths, st.booleans())
@example((225, (0, 100, 190)), Fraction(25), Fraction(6), False).via("an edge snapped near the end")
def test_chunks_and_segments_cover_every_frame_once(
    source: tuple[int, tuple[int, ...]], rate: Fraction, seconds: Fraction, progressive: bool
) -> None:
    frames, slots = source
    segments = [
        segment for chunk in cut(frames, slots, rate, seconds, progressive) for segment in chunk.segments
    ]
    assert [segment.number for segment in segments] == list(range(len(segments)))
    assert segments[0].start == 0
    assert segments[-1].end == frames
    assert all(one.end == other.start for one, other in pairwise(segments))


@settings(max_examples=300)
@given(sources(), rates, lengths, st.booleans())
@example((375, (0, 181, 363)), Fraction(25), Fraction(6), False).via("a rest of less than half a segment")
def test_segments_last_at_most_the_target_and_at_least_half_of_it(
    source: tuple[int, tuple[int, ...]], rate: Fraction, seconds: Fraction, progressive: bool
) -> None:
    frames, slots = source
    longest = int(seconds * rate)
    for chunk in cut(frames, slots, rate, seconds, progressive):
        own = [segment.length for segment in chunk.segments]
        assert max(own) <= longest
        assert 2 * min(own) >= min(longest, frames)
        assert max(own) - min(own) <= 1, "equal within a chunk"


@settings(max_examples=300)
@given(sources(), rates, lengths)
def test_decoding_starts_at_the_last_keyframe_that_is_not_too_late(
    source: tuple[int, tuple[int, ...]], rate: Fraction, seconds: Fraction
) -> None:
    frames, slots = source
    for chunk in cut(frames, slots, rate, seconds):
        start, _ = span(chunk)
        assert chunk.seek.slot <= start
        assert not any(chunk.seek.slot < slot <= start for slot in slots)


@settings(max_examples=300)
@given(sources(), rates, lengths)
@example((20_000, (0,)), Fraction(25), Fraction(6)).via("a source with a single keyframe")
def test_frames_decoded_in_vain_are_bounded_by_the_chunks_own(
    source: tuple[int, tuple[int, ...]], rate: Fraction, seconds: Fraction
) -> None:
    frames, slots = source
    for chunk in cut(frames, slots, rate, seconds):
        start, end = span(chunk)
        assert start - chunk.seek.slot <= MAX_PREROLL * (end - start + 1)


@given(rates, lengths, st.integers(1, 10), st.integers(150, 3600))
def test_long_sources_with_ordinary_gops_are_cut_on_keyframes_about_every_30_seconds(
    rate: Fraction, seconds: Fraction, gop_seconds: int, duration: int
) -> None:
    frames = int(duration * rate)
    slots = tuple(range(0, frames, int(gop_seconds * rate)))
    chunks = cut(frames, slots, rate, seconds)
    for chunk in chunks:
        start, end = span(chunk)
        assert start in slots
        assert CHUNK_SECONDS * Fraction(2, 5) < (end - start) / rate < CHUNK_SECONDS * 2
    assert len(chunks) == pytest.approx(duration / 30, rel=0.35)


def test_a_short_source_still_gives_work_to_several_slots() -> None:
    assert [span(chunk) for chunk in cut(600, (0, 150, 300, 450), Fraction(25), Fraction(6))] == [
        (0, 150),
        (150, 300),
        (300, 450),
        (450, 600),
    ]


def test_an_edge_moves_to_a_keyframe_nearby_and_stands_mid_gop_otherwise() -> None:
    edges = [span(chunk)[0] for chunk in cut(3000, (0, 800, 1400), Fraction(25), Fraction(6))]
    assert edges == [0, 800, 1400, 2150]
    assert cut(3000, (0, 800, 1400), Fraction(25), Fraction(6))[3].seek.slot == 1400


def test_keyframes_closer_than_the_target_do_not_shorten_segments() -> None:
    every_frame = tuple(range(1500))
    lengths = {
        s.length for chunk in cut(1500, every_frame, Fraction(25), Fraction(6)) for s in chunk.segments
    }
    assert min(lengths) >= 125


def test_decoding_may_start_before_the_first_shown_frame() -> None:
    assert cut(100, (-12, 50), Fraction(25), Fraction(6))[0].seek.slot == -12


def test_a_progressive_film_begins_with_a_chunk_of_one_segment() -> None:
    first, *others = cut(9000, tuple(range(0, 9000, 50)), Fraction(25), Fraction(6), progressive=True)
    assert span(first) == (0, 150)
    assert len(first.segments) == 1
    assert all(600 <= end - start <= 900 for start, end in map(span, others)), "the others are as always"
