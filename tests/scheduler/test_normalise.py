"""Rules for colours: what is not said, and what renditions are in."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from gopfarm.facts import Colour, Crop, VideoFacts
from scheduler.normalise import assumed_colour, normaliser, target_colour
from tests.scheduler.facts import video_facts

UNSAID = Colour(2, 2, 2, full_range=False)


def facts(
    size: tuple[int, int], rate: Fraction = Fraction(25), colour: Colour = UNSAID, pixels: str = "yuv420p"
) -> VideoFacts:
    return replace(video_facts(size=size, rate=rate), colour=colour, pixel_format=pixels)


@pytest.mark.parametrize(
    ("size", "rate", "expected"),
    [
        ((720, 576), Fraction(25), (5, 6, 5)),
        ((720, 480), Fraction(30000, 1001), (6, 6, 6)),
        ((320, 240), Fraction(12), (6, 6, 6)),
        ((1280, 720), Fraction(50), (1, 1, 1)),
        ((720, 1280), Fraction(30), (1, 1, 1)),
        ((1280, 536), Fraction(24), (1, 1, 1)),
        ((3840, 2160), Fraction(25), (1, 1, 1)),
    ],
)
def test_the_size_tells_the_system_of_pictures_that_say_nothing(
    size: tuple[int, int], rate: Fraction, expected: tuple[int, int, int]
) -> None:
    assert assumed_colour(facts(size, rate)) == Colour(*expected, full_range=False)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ((2, 2, 6), (6, 6, 6)),
        ((2, 2, 9), (9, 14, 9)),
        ((9, 2, 2), (9, 14, 9)),
        ((2, 16, 2), (9, 16, 9)),
        ((2, 18, 9), (9, 18, 9)),
        ((1, 13, 2), (1, 13, 1)),
        ((2, 2, 8), (1, 1, 8)),
        ((2, 2, 14), (9, 16, 14)),
        ((12, 1, 1), (12, 1, 1)),
    ],
)
def test_what_is_said_tells_the_rest(said: tuple[int, int, int], expected: tuple[int, int, int]) -> None:
    colour = assumed_colour(facts((720, 480), colour=Colour(*said, full_range=True)))
    assert colour == Colour(*expected, full_range=True)


@pytest.mark.parametrize(
    "pixels", ["gbrp", "rgb24", "bgr0", "argb", "0rgb", "x2rgb10le", "pal8", "gbrap12le"]
)
def test_rgb_is_full_range_and_becomes_bt709(pixels: str) -> None:
    colour = assumed_colour(facts((320, 240), pixels=pixels))
    assert colour == Colour(1, 1, 0, full_range=True)
    assert target_colour(colour) == Colour(1, 1, 1, full_range=False)


def test_a_matrix_of_rgb_on_other_pictures_is_a_mistake() -> None:
    assert assumed_colour(facts((320, 240), colour=Colour(2, 2, 0, False), pixels="yuv420p")).matrix == 5


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ((6, 6, 6), (6, 6, 6)),
        ((9, 14, 9), (9, 14, 9)),
        ((12, 13, 1), (12, 13, 1)),
        ((9, 16, 9), (1, 1, 1)),
        ((9, 18, 9), (1, 1, 1)),
        ((1, 1, 8), (1, 1, 1)),
        ((9, 14, 10), (9, 14, 9)),
        ((6, 6, 12), (6, 6, 6)),
    ],
)
def test_renditions_keep_sdr_colours_that_players_know(
    source: tuple[int, int, int], expected: tuple[int, int, int]
) -> None:
    colour = target_colour(Colour(*source, full_range=True, peak=800))
    assert colour == Colour(*expected, full_range=False)


def test_all_that_was_probed_reaches_the_tasks() -> None:
    video = replace(
        facts((720, 576)), mirrored=True, rotation=90, crop=Crop(1, 2, 3, 4), scan="top", captions=("CC1",)
    )
    picture = normaliser(video, Fraction(1, 2))
    assert (picture.mirrored, picture.rotation, picture.crop) == (True, 90, Crop(1, 2, 3, 4))
    assert (picture.scan, picture.captions, picture.start) == ("top", True, Fraction(1, 2))
