"""Clocks that jump: what follows a jump follows what was before, and sound stays with its picture."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from encoders.clock import ClockRepair
from gopfarm.facts import ClockJump
from tests.encoders.clips import Clips, look, video_of

TICK = Fraction(1, 90_000)
FRAME = 3600
PICTURE, SOUND = 0, 1


def repaired(*packets: tuple[int, int]) -> tuple[ClockRepair, list[int]]:
    """Repair (stream, time) packets that last a frame each; each is 188 bytes further on in the file."""
    repair = ClockRepair()
    times = [
        time + repair.repaired(stream, TICK, time, True, FRAME, position * 188)
        for position, (stream, time) in enumerate(packets)
    ]
    return repair, times


@given(st.integers(0, 2**33), st.lists(st.integers(0, 9), min_size=1, max_size=20))
def test_gaps_of_less_than_ten_seconds_are_gaps(start: int, gaps: list[int]) -> None:
    times = [start]
    for gap in gaps:
        times.append(times[-1] + FRAME + gap * 90_000)
    repair, found = repaired(*((PICTURE, time) for time in times))
    assert found == times
    assert repair.jumps(PICTURE) == ()


@given(st.integers(0, 2**33), st.one_of(st.integers(20_000, 2**32), st.integers(-(2**33), -20_000)))
def test_after_a_jump_time_goes_on(start: int, jump: int) -> None:
    """Back by more than a tenth of a second, or ahead by more than ten seconds."""
    if jump > 0:
        jump += 10 * 90_000
    times = [start + FRAME * number + (jump if number >= 5 else 0) for number in range(10)]
    repair, found = repaired(*((PICTURE, time) for time in times))
    assert found == [start + FRAME * number for number in range(10)]
    assert repair.jumps(PICTURE) == (ClockJump(5 * 188, -jump),)


def test_streams_jump_by_the_same_amount_each_at_its_own_packet() -> None:
    before = [(PICTURE, 0), (SOUND, 0), (PICTURE, 3600), (SOUND, 3600)]
    # The picture jumps first; a little sound of the old clock follows it.
    after = [(PICTURE, 907_200), (SOUND, 7200), (SOUND, 910_000), (PICTURE, 910_800)]
    jump = 900_000 + 45_000
    moved = [(stream, time + (45_000 if time > 900_000 else 0)) for stream, time in after]
    repair, found = repaired(*before, *moved)
    assert found == [0, 0, 3600, 3600, 7200, 7200, 10_000, 10_800]
    assert [jump.offset for jump in repair.jumps(PICTURE)] == [-jump]
    assert [jump.offset for jump in repair.jumps(SOUND)] == [-jump]


def test_a_joined_transport_stream_plays_on(clip: Clips) -> None:
    video = video_of(clip("joined.ts"))
    assert (video.frame_count, video.grid_frames) == (300, 300)
    assert len(video.clock) == 1
    sound = look(clip("joined.ts")).audio[0]
    assert abs(sound.start + sound.duration - (video.origin + 12)) < Fraction(1, 10)
