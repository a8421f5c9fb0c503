"""What a film takes, held against plans and against what was measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from gopfarm.facts import SourceFacts
from gopfarm.profile import Profile
from ladder import load_profile
from scheduler.capacity import WORKER_BYTES
from scheduler.cost import estimate
from scheduler.footprint import MIB, footprint
from scheduler.imagined import imagined_film
from scheduler.planner import make_plan
from scheduler.shape import Shape

STANDARD = load_profile("standard")
ONE = Profile(renditions=STANDARD.renditions[:1])
FILM = imagined_film(1080, 25, 600)


def test_slot_time_is_that_of_the_cost_model_and_of_the_time_between_tasks() -> None:
    plan = make_plan(FILM, STANDARD, "libx264", "test", Shape())
    found = footprint(FILM, STANDARD, "libx264")
    assert found.tasks == len(plan.tasks) == 21
    assert found.slot_seconds.keys() == {"encode.cpu"}
    assert found.slot_seconds["encode.cpu"] == pytest.approx(estimate(plan).cpu_seconds, rel=0.01)
    assert found.longest_seconds["encode.cpu"] == pytest.approx(
        found.slot_seconds["encode.cpu"] / 20, rel=0.2
    )
    assert found.stored_bytes == estimate(plan).stored_bytes


def test_every_file_that_is_published_takes_a_request() -> None:
    """Segments, a head and a playlist of five renditions, and three more; and the result of each task."""
    plan = make_plan(FILM, STANDARD, "libx264", "test", Shape())
    found = footprint(FILM, STANDARD, "libx264")
    assert found.writes == 5 * len(plan.video_segments) + 5 * 2 + 3 + found.tasks + 6


def test_sound_is_made_on_another_queue_where_pictures_are_made_by_a_gpu() -> None:
    found = footprint(FILM, STANDARD, "h264_nvenc")
    assert found.slot_seconds.keys() == {"encode.cpu", "encode.nvenc"}
    assert found.slot_seconds["encode.cpu"] < found.slot_seconds["encode.nvenc"]


def test_memory_is_what_was_measured_and_more_for_larger_pictures() -> None:
    def memory(film: SourceFacts, profile: Profile) -> int:
        return footprint(film, profile, "libx264").slot_memory_bytes

    reader, large = 8 * MIB, imagined_film(2160, 25, 60)
    assert memory(FILM, ONE) - reader == pytest.approx(318 * MIB, rel=0.02)
    assert memory(FILM, STANDARD) - reader == pytest.approx(670 * MIB, rel=0.02)
    assert memory(large, load_profile("uhd")) - reader == pytest.approx(1840 * MIB, rel=0.02)
    assert memory(large, STANDARD) == memory(FILM, STANDARD)
    assert memory(imagined_film(480, 25, 60), STANDARD) < memory(FILM, ONE)
    assert memory(replace(FILM, video=None), STANDARD) < 200 * MIB


def test_memory_is_that_of_the_chart() -> None:
    root = Path(__file__).parents[2]
    pool = yaml.safe_load((root / "helm" / "gopfarm" / "values.yaml").read_text())["workers"]["defaults"]
    found = footprint(FILM, STANDARD, "libx264").slot_memory_bytes
    assert found <= pool["memoryPerSlotMiB"] * MIB < 1.05 * found
    assert pool["memoryBaseMiB"] * MIB == WORKER_BYTES


def test_a_task_fits_into_the_scratch_of_its_slot() -> None:
    """30 s at the highest rate of each rendition, or a whole track of sound."""
    found = footprint(FILM, STANDARD, "libx264")
    assert found.slot_scratch_bytes > 64 * MIB + 30 * sum(one.peak for one in STANDARD.renditions) / 8
    long = footprint(imagined_film(1080, 25, 6 * 3600), STANDARD, "libx264")
    assert long.slot_scratch_bytes > 6 * 3600 * 128_000 / 8


def test_a_film_without_a_picture_takes_a_footprint_too() -> None:
    found = footprint(replace(FILM, video=None), STANDARD, "libx264")
    assert found.tasks == 1
    assert found.read_bytes < 2 * FILM.source.size
