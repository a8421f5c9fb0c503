from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gopfarm.profile import RenditionSpec
from ladder import Rung, fit_rungs, load_profile, preset_names

STANDARD = load_profile("standard").renditions

ladders = st.sampled_from([load_profile(name).renditions for name in preset_names()]) | st.lists(
    st.integers(16, 4320), min_size=1, max_size=8, unique=True
).map(lambda lines: tuple(RenditionSpec(name=f"{n}p", height=n, bitrate=20_000 + 1000 * n) for n in lines))
sizes = st.tuples(st.integers(2, 8192), st.integers(2, 8192))


def fit(width: int, height: int) -> list[tuple[str, int, int]]:
    return [(rung.name, rung.width, rung.height) for rung in fit_rungs(STANDARD, (width, height))]


@given(ladders, sizes)
@example(STANDARD, (1440, 720)).via("two rungs were called 720p")
def test_any_picture_gets_a_ladder_that_can_be_encoded(
    renditions: tuple[RenditionSpec, ...], size: tuple[int, int]
) -> None:
    rungs = fit_rungs(renditions, size)
    assert rungs
    for rung in rungs:
        assert rung.width % 2 == rung.height % 2 == 0
        assert 2 <= rung.width <= size[0]
        assert 2 <= rung.height <= size[1]
        assert rung.maxrate >= rung.bitrate > 0
        assert keeps_shape(rung, size)
    names = [rung.name for rung in rungs]
    assert len(set(names)) == len(names), "names are folders"
    assert all(one.width >= other.width and one.height >= other.height for one, other in pairwise(rungs))


@given(ladders, sizes)
def test_an_upright_picture_gets_the_same_ladder_turned(
    renditions: tuple[RenditionSpec, ...], size: tuple[int, int]
) -> None:
    turned = [(rung.name, rung.height, rung.width) for rung in fit_rungs(renditions, size[::-1])]
    assert [(rung.name, rung.width, rung.height) for rung in fit_rungs(renditions, size)] == turned


@given(sizes)
def test_the_source_is_reached_within_a_tenth_unless_the_ladder_ends_below(size: tuple[int, int]) -> None:
    best = fit_rungs(STANDARD, size)[0]
    in_the_box = max(size) <= 1920 and min(size) <= 1080
    assert not in_the_box or best.width + 1 >= 0.9 * size[0] or best.height + 1 >= 0.9 * size[1]


def keeps_shape(rung: Rung, size: tuple[int, int]) -> bool:
    """Whether some scale explains both sides to within a pixel (two where there is no smaller even size)."""
    low = max((side - (1 if side > 2 else 2)) / full for side, full in zip(_sides(rung), size, strict=True))
    high = min((side + 1) / full for side, full in zip(_sides(rung), size, strict=True))
    return low <= high


def _sides(rung: Rung) -> tuple[int, int]:
    return rung.width, rung.height


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (
            (1920, 1080),
            [("1080p", 1920, 1080), ("720p", 1280, 720), ("480p", 854, 480), ("360p", 640, 360)],
        ),
        ((1280, 720), [("720p", 1280, 720), ("480p", 854, 480), ("360p", 640, 360)]),
        # Scope fills the box sideways, and keeps its 1920 columns.
        ((1920, 800), [("1080p", 1920, 800), ("720p", 1280, 534), ("480p", 854, 356), ("360p", 640, 266)]),
        # A portrait picture counts by its short side.
        (
            (1080, 1920),
            [("1080p", 1080, 1920), ("720p", 720, 1280), ("480p", 480, 854), ("360p", 360, 640)],
        ),
        ((1000, 1000), [("1000p", 1000, 1000), ("720p", 720, 720), ("480p", 480, 480), ("360p", 360, 360)]),
        # Between two rungs: its own size on top.
        ((1600, 900), [("900p", 1600, 900), ("720p", 1280, 720), ("480p", 854, 480), ("360p", 640, 360)]),
        # Just below a rung is close enough: no second rung of nearly the same size.
        ((1300, 730), [("720p", 1280, 718), ("480p", 854, 480), ("360p", 640, 360)]),
        # Univisium: 720 lines, but wider than the 720p box.
        ((1440, 720), [("810p", 1440, 720), ("720p", 1280, 640), ("480p", 854, 426), ("360p", 640, 320)]),
        # Smaller than all: its own size, once.
        ((160, 120), [("120p", 160, 120)]),
        ((321, 241), [("241p", 320, 240)]),
    ],
)
def test_known_shapes_get_the_ladder_that_people_expect(
    size: tuple[int, int], expected: list[tuple[str, int, int]]
) -> None:
    assert fit(*size) == expected


def test_a_rung_at_the_sources_own_size_gets_fewer_bits_than_the_larger_one_it_stands_for() -> None:
    own, below = fit_rungs(STANDARD, (1600, 900))[:2]
    assert 2_800_000 == below.bitrate < own.bitrate < 5_000_000
    assert own.bitrate < own.maxrate < own.bufsize


def test_a_rung_with_a_name_of_its_own_keeps_it() -> None:
    best = RenditionSpec(name="best", height=1080, bitrate=5_000_000)
    assert [rung.name for rung in fit_rungs([best], (640, 360))] == ["best"]


@pytest.mark.parametrize("size", [(853, 480), (641, 361), (163, 97), (1921, 1081), (405, 719)])
def test_an_odd_size_loses_its_last_column_or_line_and_is_not_scaled(size: tuple[int, int]) -> None:
    lines = min(size) - min(size) % 2
    (rung,) = fit_rungs((RenditionSpec(name="top", height=lines + 2, bitrate=1_000_000),), size)
    assert (rung.width, rung.height) == (size[0] // 2 * 2, size[1] // 2 * 2)
