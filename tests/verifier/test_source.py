"""With the source at hand, what a stream lost or moved is found."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from gopfarm.errors import SourceError
from tests.encoders.clips import ffmpeg
from tests.verifier.streams import Published, found, has, shift_times
from verifier import rulebook, verify
from verifier.child import SOUND_RATE
from verifier.findings import Rule
from verifier.rules.source import find_shift

NOISE = np.random.default_rng(3).normal(0, 3000, 4 * SOUND_RATE).astype(np.float32)


@pytest.mark.parametrize("milliseconds", [-250, -5, 0, 40, 2000])
def test_the_shift_of_a_sound_is_found_to_a_sample(milliseconds: int) -> None:
    samples = milliseconds * SOUND_RATE // 1000
    moved = np.concatenate([np.zeros(samples, np.float32), NOISE]) if samples >= 0 else NOISE[-samples:]
    assert find_shift(NOISE, moved) == Fraction(samples, SOUND_RATE)


def test_another_sound_is_not_taken_for_the_same() -> None:
    assert find_shift(NOISE, np.random.default_rng(4).normal(0, 3000, len(NOISE)).astype(np.float32)) is None


def test_sound_that_moved_against_the_picture_is_found(published: Published, clip: Path) -> None:
    for segment in published.segments("audio"):
        shift_times(segment, Fraction(1, 5), 48_000)
    findings = found(published, clip)
    assert has(findings, rulebook.SOURCE_SYNC, "+200 ms"), findings


OTHER_SOURCES: dict[str, tuple[tuple[str, ...], Rule]] = {
    "more frames": (("-i", "{clip}", "-vf", "tpad=stop=5"), rulebook.SOURCE_FRAMES),
    "longer": (("-i", "{clip}", "-vf", "tpad=stop=25"), rulebook.SOURCE_LENGTH),
    "another rate": (("-i", "{clip}", "-r", "50"), rulebook.SOURCE_RATE),
    "another shape": (("-i", "{clip}", "-vf", "scale=320:240,setsar=1"), rulebook.SOURCE_ASPECT),
    "smaller": (("-i", "{clip}", "-vf", "scale=160:90"), rulebook.SOURCE_SIZE),
    "sound that starts earlier": (
        ("-itsoffset", "0.3", "-i", "{clip}", "-i", "{clip}", "-map", "0:v", "-map", "1:a"),
        rulebook.SOURCE_SYNC,
    ),
    "longer sound": (("-i", "{clip}", "-af", "apad=pad_dur=2"), rulebook.SOURCE_SOUND),
    "shorter sound": (("-i", "{clip}", "-af", "atrim=end=4", "-t", "4"), rulebook.SOURCE_TAIL),
}


@pytest.mark.parametrize("name", OTHER_SOURCES)
def test_a_difference_to_the_source_is_found(
    name: str, good: Callable[[str], Published], clip: Path, tmp_path: Path
) -> None:
    arguments, rule = OTHER_SOURCES[name]
    other = tmp_path / "other.mkv"
    filled = [argument.replace("{clip}", str(clip)) for argument in arguments]
    ffmpeg(*filled, "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", str(other))
    findings = found(good("cmaf"), other)
    assert has(findings, rule), findings


def test_damage_within_a_segment_is_found(published: Published, clip: Path) -> None:
    segment = published.segment("180p", 1)
    data = bytearray(segment.read_bytes())
    for at in range(len(data) // 2, len(data) // 2 + 3000, 188):
        data[at + 20 : at + 60] = bytes(range(40))
    segment.write_bytes(data)
    findings = found(published, clip)
    assert has(findings, rulebook.SOURCE_DAMAGE), findings


def test_a_source_that_is_no_media_is_refused(good: Callable[[str], Published], tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("no film")
    with pytest.raises(SourceError, match=r"note\.txt"):
        verify(str(good("cmaf").master), str(tmp_path / "note.txt"))
