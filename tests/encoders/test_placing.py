"""Placing sound by timestamps that are wrong in the ways in which real files are wrong."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.placing import TOLERANCE, Placed, Placer
from gopfarm.timeline import round_half_up

RATE = 48_000
LENGTH = 1024
BLOCK = Fraction(LENGTH, RATE)

#: Seconds that follow the last block whose place is asked for: ends have nothing behind them to look at.
MINUTE = round(60 / BLOCK)


def place(
    times: Sequence[Fraction | None], length: int = LENGTH, rate: int = RATE, start: Fraction = Fraction(0)
) -> list[Placed[int]]:
    """Place blocks of one length; the content of each is its number. What leaves must be one unbroken run."""
    placer: Placer[int] = Placer(start)
    placed: list[Placed[int]] = []
    for number, time in enumerate(times):
        placed += placer.push(number, length, rate, time)
    placed += placer.finish()
    assert [one.content for one in placed] == list(range(len(times)))
    end = None
    for one in placed:
        assert 0 <= one.cut <= length
        assert one.silence >= 0
        assert end is None or one.begin - Fraction(one.silence, rate) == end
        end = one.begin + Fraction(length - one.cut + one.extra, rate)
    return placed


def changes(placed: Sequence[Placed[int]]) -> list[tuple[int, int, int, int]]:
    return [
        (one.content, one.silence, one.cut, one.extra)
        for one in placed
        if one.silence or one.cut or one.extra
    ]


def steady(count: int, step: Fraction = BLOCK) -> list[Fraction]:
    return [number * step for number in range(count)]


starts = st.fractions(min_value=-100, max_value=100, max_denominator=90_000)


@given(
    starts,
    st.sampled_from([8_000, 11_025, 44_100, 48_000, 192_000]),
    st.integers(40, 5000),
    st.integers(1, 300),
)
def test_a_clean_track_is_left_alone(start: Fraction, rate: int, length: int, count: int) -> None:
    placed = place([start + Fraction(n * length, rate) for n in range(count)], length, rate)
    assert not changes(placed)
    assert placed[0].begin == start


@settings(max_examples=30, deadline=None)
@given(
    starts,
    st.sampled_from([1000, 90_000, 600, 14_112_000]),
    st.sampled_from([44_100, 48_000]),
    st.sampled_from([128, 960, 1024, 1152, 2048]),
)
def test_rounded_timestamps_change_nothing_however_long_the_track(
    start: Fraction, clock: int, rate: int, length: int
) -> None:
    exact = [start + Fraction(n * length, rate) for n in range(700)]
    assert not changes(place([Fraction(round_half_up(time * clock), clock) for time in exact], length, rate))


@given(st.lists(st.integers(-9, 9), min_size=50, max_size=120))
def test_timestamps_of_a_capture_program_may_jitter(jitter: list[int]) -> None:
    times = [time + Fraction(late, 2000) for time, late in zip(steady(len(jitter)), jitter, strict=True)]
    assert not changes(place(times))


@given(st.integers(1, 70), st.fractions(min_value=-3000, max_value=3000, max_denominator=1000))
def test_one_wrong_timestamp_changes_nothing(wrong: int, off: Fraction) -> None:
    times = steady(80)
    times[wrong] += off
    assert not changes(place(times))


@given(st.integers(1, 70), st.integers(520, 48_000 * 30))
def test_a_gap_is_silence_and_what_follows_is_in_its_place(first: int, samples: int) -> None:
    gap = Fraction(samples, RATE)
    times = [time + (gap if n >= first else 0) for n, time in enumerate(steady(80))]
    placed = place(times)
    assert changes(placed) == [(first, samples, 0, 0)]
    assert all(one.begin == times[one.content] for one in placed)


@given(st.integers(10, 60), st.integers(1, 3), st.sampled_from([1000, 90_000]))
def test_lost_packets_leave_a_gap_of_their_length(first: int, lost: int, clock: int) -> None:
    times = [(n + (lost if n >= first else 0)) * BLOCK for n in range(80)]
    placed = place([Fraction(round_half_up(time * clock), clock) for time in times])
    assert [one.content for one in placed if one.silence] == [first]
    assert all(abs(one.begin - times[one.content]) <= Fraction(1, clock) for one in placed)


@given(st.integers(10, 60), st.integers(520, 48_000))
def test_an_overlap_is_cut(first: int, samples: int) -> None:
    overlap = Fraction(samples, RATE)
    times = [time - (overlap if n >= first else 0) for n, time in enumerate(steady(150))]
    placed = place(times)
    assert sum(one.cut for one in placed) == samples
    assert not any(one.silence or one.extra for one in placed)
    kept = [one for one in placed if one.cut < LENGTH]
    assert all(one.begin == times[one.content] + Fraction(one.cut, RATE) for one in kept)


@settings(max_examples=10, deadline=None)
@given(st.integers(-3000, 3000).filter(lambda ppm: abs(ppm) > 200), st.integers(0, 8))
def test_a_recorders_clock_is_followed_by_stretching(ppm: int, jitter: int) -> None:
    step = BLOCK * (1 + Fraction(ppm, 1_000_000))
    noise = [Fraction((n * 7919 % 17 - 8) * jitter, 8000) for n in range(MINUTE)]
    times = [time + late for time, late in zip(steady(MINUTE, step), noise, strict=True)]
    placed = place(times)
    assert not any(one.silence or one.cut for one in placed)
    assert max(abs(one.extra) for one in placed) <= LENGTH // 256
    off = max(abs(one.begin - one.content * step) for one in placed)
    assert off < TOLERANCE + 0.003 + jitter / 1000


def test_a_clock_that_is_too_wrong_to_stretch_is_followed_all_the_same() -> None:
    step = BLOCK * Fraction(102, 100)
    placed = place(steady(MINUTE, step))
    assert max(abs(one.begin - one.content * step) for one in placed) < 0.07


@given(st.lists(st.booleans(), min_size=1, max_size=100))
def test_blocks_without_a_timestamp_follow_those_before(stamped: list[bool]) -> None:
    times = [time + 7 if known else None for time, known in zip(steady(len(stamped)), stamped, strict=True)]
    placed = place(times, start=Fraction(7))
    assert not changes(placed)
    assert all(one.begin == 7 + one.content * BLOCK for one in placed)


@given(
    st.lists(st.tuples(st.sampled_from([44_100, 48_000, 24_000]), st.integers(1, 60)), min_size=2, max_size=6)
)
def test_a_track_whose_rate_changes_goes_on_without_a_gap(runs: list[tuple[int, int]]) -> None:
    placer: Placer[None] = Placer()
    placed: list[Placed[None]] = []
    at = Fraction(0)
    for rate, count in runs:
        for _ in range(count):
            placed += placer.push(None, LENGTH, rate, Fraction(round_half_up(at * 1000), 1000))
            at += Fraction(LENGTH, rate)
    placed += placer.finish()
    assert not any(one.silence or one.cut or one.extra for one in placed)


@given(st.lists(st.tuples(st.integers(1, 4000), st.none() | st.integers(-(10**9), 10**9)), max_size=60))
def test_no_timestamps_at_all_break_the_run(blocks: list[tuple[int, int | None]]) -> None:
    placer: Placer[int] = Placer()
    placed: list[Placed[int]] = []
    for samples, time in blocks:
        placed += placer.push(samples, samples, RATE, None if time is None else Fraction(time, 1000))
    placed += placer.finish()
    end = None
    for one in placed:
        assert 0 <= one.cut <= one.content
        assert one.content - one.cut + one.extra >= 0
        assert end is None or one.begin - Fraction(one.silence, RATE) == end
        end = one.begin + Fraction(one.content - one.cut + one.extra, RATE)
    assert len(placed) == len(blocks)
