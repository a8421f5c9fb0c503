"""What is published of a hostile source is right: the frames, their times, shape, colours, sound and words.

The few that cost little and stand for many run at every change; all of them with ``-m slow``. By hand, with a
table and with what is made kept for the next time: ``python -m tests.hostile --keep DIR [NAME ...]``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.hostile.judge import judge
from tests.hostile.numbered import NUMBER_BITS, TURNS, Plane, combing, draw, how_turned, read
from tests.hostile.recipes import RECIPES
from tests.hostile.runner import publish
from tests.hostile.sources import Kit, Recipe

#: Cheap ones that together touch every part of the work.
QUICK = {
    "plain.mov",
    "fragmented.mp4",
    "edit_hides_to_mid_gop.mov",
    "live.mkv",
    "wrap.ts",
    "size_change.ts",
    "open_gop.ts",
    "hevc_open_gop.mp4",
    "vp9_altref.webm",
    "fps_2997.mkv",
    "vfr_phone.mp4",
    "hole_3s.mkv",
    "matrix_90.mp4",
    "sar_4_3.mkv",
    "interlaced_tff.mp4",
    "full_range.mp4",
    "hdr10.mp4",
    "several_tracks.mkv",
    "sound_late_3.mkv",
    "cover.mp3",
    "text_srt.mkv",
    "cut_faststart.mp4",
    "cut.ts",
    "list_as.mp4",
}


@pytest.mark.parametrize(
    "recipe",
    [
        pytest.param(recipe, id=name, marks=() if name in QUICK else pytest.mark.slow)
        for name, recipe in RECIPES.items()
    ],
)
def test_what_is_published_of_a_hostile_source_is_right(recipe: Recipe, kit: Kit, tmp_path: Path) -> None:
    source = kit.source(recipe.name)
    verdict = judge(recipe, source, publish(source, tmp_path / "published"))
    assert verdict.right, "\n".join(verdict.faults)


def _luma(number: int, width: int, height: int) -> Plane:
    return np.asarray(draw(number, width, height).mean(axis=2).astype(np.uint8))


@pytest.mark.parametrize("size", [(160, 90), (90, 160), (320, 180), (641, 359), (1280, 720)])
def test_a_number_is_read_back(size: tuple[int, int]) -> None:
    for number in (0, 1, 99, 700, (1 << NUMBER_BITS) - 1):
        assert read(_luma(number, *size)) == number


def test_a_picture_that_is_turned_is_not_taken_for_upright() -> None:
    wrong = 0
    for number in range(300):
        turned = [undo(_luma(number, 320, 180)) for undo in TURNS.values()]
        wrong += sum(read(luma) is not None for luma in turned)
    assert wrong < 0.02 * 300 * len(TURNS)
    assert how_turned(_luma(5, 320, 180)[:, ::-1]) == "mirrored left to right"


def test_two_fields_in_one_picture_are_noticed() -> None:
    frame = _luma(10, 320, 180)
    assert combing(frame) < 1.5
    frame = frame.copy()
    frame[1::2] = draw(10, 320, 180, moment=10.5).mean(axis=2).astype(np.uint8)[1::2]
    assert combing(frame) > 3
