"""Films that nobody has."""

from __future__ import annotations

from fractions import Fraction

import pytest

from ladder import load_profile
from scheduler.footprint import footprint
from scheduler.imagined import imagined_film, of_length
from scheduler.planner import make_plan
from scheduler.shape import Shape


@pytest.mark.parametrize(
    ("height", "fps", "width", "rate"),
    [
        (1080, 30, 1920, Fraction(30)),
        (480, 29.97, 854, Fraction(30000, 1001)),
        (2160, 50, 3840, Fraction(50)),
    ],
)
def test_an_imagined_film_is_in_16_by_9_at_a_natural_rate(
    height: int, fps: float, width: int, rate: Fraction
) -> None:
    video = imagined_film(height, fps, 60).video
    assert video is not None
    assert video.display_size == (width, height)
    assert video.frame_rate == rate
    assert video.grid_frames == pytest.approx(60 * fps, abs=1)


@pytest.mark.parametrize(("fps", "seconds"), [(30, 600), (120, 60), (24, 1), (7.5, 3)])
def test_an_imagined_film_can_be_planned(fps: float, seconds: float) -> None:
    plan = make_plan(imagined_film(720, fps, seconds), load_profile("standard"), "libx264", "test", Shape())
    assert plan.grid_rate <= 60
    planned = sum(segment.length for segment in plan.video_segments) / plan.grid_rate
    assert planned == pytest.approx(seconds, abs=1 / fps)  # whole frames


@pytest.mark.parametrize("seconds", [10, 600, 7200])
def test_a_film_can_be_as_long_as_another_and_costs_accordingly(seconds: float) -> None:
    profile = load_profile("standard")
    like, other = of_length(imagined_film(720, 25, 60), seconds), imagined_film(720, 25, seconds)
    assert like.duration == other.duration
    assert like.source.size == pytest.approx(other.source.size, rel=0.01)
    found, expected = (footprint(film, profile, "libx264") for film in (like, other))
    assert found.slot_seconds["encode.cpu"] == pytest.approx(expected.slot_seconds["encode.cpu"], rel=0.01)
    assert found.tasks == expected.tasks
