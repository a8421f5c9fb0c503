from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gopfarm.facts import Keyframe
from gopfarm.plan import SegmentPlan
from gopfarm.timeline import NATURAL_RATES
from scheduler.chunks import Chunk, bytes_read, cut_chunks
from scheduler.shape import CHUNK_SECONDS, SHORTEST_SECONDS, Shape, cuts
from tests.scheduler.facts import keyframes

#: Frames decoded in vain, as a multiple of a chunk's own: what ``scheduler.chunks`` promises.
MAX_PREROLL = 4

rates = st.sampled_from([*NATURAL_RATES, Fraction(15), Fraction(10), Fraction(2)])
SIX = Shape(Fraction(6))

shapes = st.sampled_from(cuts())
lengths = st.sampled_from([Fraction(1), Fraction(2), Fraction(4), Fraction(6), Fraction(13, 2), Fraction(20)])


@st.composite
def sources(draw: st.DrawFn) -> tuple[int, tuple[int, ...]]:
    """A number of frames and the slots of keyframes: at random places, regular, or next to none."""
    frames = draw(st.integers(1, 400) | st.integers(1, 20_000))
    regular = st.integers(1, 600).map(lambda gop: set(range(0, frames, gop)))
    anywhere = st.sets(st.integers(0, frames - 1), max_size=30)
    return frames, tuple(sorted({0} | draw(regular | anywhere)))


def cut(
    frames: int, slots: tuple[int, ...], rate: Fraction, seconds: Fraction, shape: Shape
) -> tuple[Chunk, ...]:
    return cut_chunks(frames, rate, keyframes(slots, rate), seconds, shape)


def span(chunk: Chunk) -> tuple[int, int]:
    return chunk.segments[0].start, chunk.segments[-1].end


@settings(max_examples=300)
@given(sources(), rates, lengths, shapes)
@example((225, (0, 100, 190)), Fraction(25), Fraction(6), Shape(Fraction(6))).via(
    "an edge snapped near the end"
)
def test_chunks_and_segments_cover_every_frame_once(
    source: tuple[int, tuple[int, ...]], rate: Fraction, seconds: Fraction, shape: Shape
) -> None:
    frames, slots = source
    segments = [segment for chunk in cut(frames, slots, rate, seconds, shape) for segment in chunk.segments]
    assert [segment.number for segment in segments] == list(range(len(segments)))
    assert segments[0].start == 0
    assert segments[-1].end == frames
    assert all(one.end == other.start for one, other in pairwise(segments))


@settings(max_examples=300)
@given(sources(), rates, lengths, shapes)
@example((375, (0, 181, 363)), Fraction(25), Fraction(6), Shape(Fraction(6))).via(
    "a rest of less than half a segment"
)
def test_segments_last_at_most_the_target_and_at_least_half_of_it(
    source: tuple[int, tuple[int, ...]], rate: Fraction, seconds: Fraction, shape: Shape
) -> None:
    frames, slots = source
    longest = int(seconds * rate)
    for chunk in cut(frames, slots, rate, seconds, shape):
        own = [segment.length for segment in chunk.segments]
        assert max(own) <= longest
        assert 2 * min(own) >= min(longest, frames)
        assert max(own) - min(own) <= 1, "equal within a chunk"


@settings(max_examples=300)
@given(sources(), rates, lengths, shapes)
def test_decoding_starts_at_the_last_keyframe_that_is_not_too_late(
    source: tuple[int, tuple[int, ...]], rate: Fraction, seconds: Fraction, shape: Shape
) -> None:
    frames, slots = source
    for chunk in cut(frames, slots, rate, seconds, shape):
        start, _ = span(chunk)
        assert chunk.seek.slot <= start
        assert not any(chunk.seek.slot < slot <= start for slot in slots)


@settings(max_examples=300)
@given(sources(), rates, lengths, shapes)
@example((20_000, (0,)), Fraction(25), Fraction(6), Shape()).via("a source with a single keyframe")
def test_frames_decoded_in_vain_are_bounded_by_the_chunks_own(
    source: tuple[int, tuple[int, ...]], rate: Fraction, seconds: Fraction, shape: Shape
) -> None:
    frames, slots = source
    for chunk in cut(frames, slots, rate, seconds, shape):
        start, end = span(chunk)
        assert start - chunk.seek.slot <= MAX_PREROLL * (end - start + 1)


@given(rates, st.integers(1, 10), st.integers(150, 900), st.sampled_from(CHUNK_SECONDS))
def test_long_sources_with_ordinary_gops_are_cut_on_keyframes_into_chunks_as_long_as_wished(
    rate: Fraction, gop_seconds: int, duration: int, wished: Fraction
) -> None:
    frames = int(duration * rate)
    slots = tuple(range(0, frames, int(gop_seconds * rate)))
    chunks = cut(frames, slots, rate, Fraction(4), Shape(wished))
    for chunk in chunks:
        start, end = span(chunk)
        assert start in slots or 3 * gop_seconds > wished
        assert wished * Fraction(2, 5) < (end - start) / rate < wished * 2
    assert len(chunks) == pytest.approx(duration / wished, rel=0.35)


@given(rates, st.integers(60, 600), st.sampled_from([shape for shape in cuts() if shape.tail]))
def test_towards_the_end_chunks_shrink_so_that_as_many_slots_end_together(
    rate: Fraction, duration: int, shape: Shape
) -> None:
    frames = int(duration * rate)
    every_second = tuple(range(0, frames, round(rate)))
    spans = [span(chunk) for chunk in cut(frames, every_second, rate, Fraction(4), shape)]
    lengths = [(end - start) / rate for start, end in spans]
    for (start, _), length in zip(spans, lengths, strict=True):
        left = (frames - start) / rate
        fair = max(SHORTEST_SECONDS, left / (2 * shape.tail))
        assert length <= Fraction(3, 2) * min(shape.chunk_seconds, fair) + 2 / rate
    assert all(later <= Fraction(3, 2) * earlier + 2 / rate for earlier, later in pairwise(lengths))
    assert min(lengths) >= SHORTEST_SECONDS / 2


def test_a_short_source_gives_work_to_several_slots() -> None:
    assert [span(c) for c in cut(600, (0, 150, 300, 450), Fraction(25), Fraction(6), Shape(Fraction(6)))] == [
        (0, 150),
        (150, 300),
        (300, 450),
        (450, 600),
    ]


def test_a_chunk_may_be_half_a_segment_long_but_no_shorter() -> None:
    shortest = cut(350, (0,), Fraction(25), Fraction(6), Shape(Fraction(4)))
    assert [len(chunk.segments) for chunk in shortest] == [1, 1, 1, 1]
    assert [chunk.segments[0].length for chunk in shortest] == [88, 87, 88, 87]


def test_an_edge_moves_to_a_keyframe_nearby_and_stands_mid_gop_otherwise() -> None:
    chunks = cut(3000, (0, 800, 1400), Fraction(25), Fraction(6), Shape())
    assert [span(chunk)[0] for chunk in chunks] == [0, 800, 1400, 2200]
    assert chunks[3].seek.slot == 1400


def test_keyframes_closer_than_the_target_do_not_shorten_segments() -> None:
    every_frame = tuple(range(1500))
    lengths = {
        s.length for c in cut(1500, every_frame, Fraction(25), Fraction(6), Shape()) for s in c.segments
    }
    assert min(lengths) >= 125


def test_decoding_may_start_before_the_first_shown_frame() -> None:
    (chunk,) = cut(100, (-12, 50), Fraction(25), Fraction(6), Shape())
    assert (chunk.seek.slot, chunk.frames, chunk.decoded) == (-12, 100, 112)


def test_a_progressive_film_begins_with_a_chunk_of_one_segment() -> None:
    shape = Shape(Fraction(30), progressive=True)
    first, *others = cut(9000, tuple(range(0, 9000, 50)), Fraction(25), Fraction(6), shape)
    assert span(first) == (0, 150)
    assert len(first.segments) == 1
    assert all(600 <= end - start <= 900 for start, end in map(span, others)), "the others are as always"


def test_the_bytes_of_chunks_follow_each_other_and_mid_gop_they_are_shared_out() -> None:
    points = [Keyframe(slot, slot, slot, byte=1000 + 10 * slot) for slot in (0, 100, 200)]
    cuts = [(0, 100, 0), (100, 150, 1), (150, 300, 1)]
    chunks = [Chunk(points[at], (SegmentPlan(0, start, end - start),)) for start, end, at in cuts]
    spans = [bytes_read(chunk, points, 5000, 300) for chunk in chunks]
    assert spans == [(1000, 2000), (2000, 2500), (2000, 5000)]


@pytest.mark.parametrize("places", [(None, None), (500, None), (500, 500), (500, 90_000)])
def test_no_bytes_are_expected_where_keyframes_do_not_lie_in_order(
    places: tuple[int | None, int | None],
) -> None:
    points = [Keyframe(slot, slot, slot, byte=byte) for slot, byte in zip((0, 10), places, strict=True)]
    assert bytes_read(Chunk(points[0], (SegmentPlan(0, 0, 10),)), points, 1000, 20) is None
