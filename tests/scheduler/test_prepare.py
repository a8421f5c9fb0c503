from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from encoders.demo import make_demo_clip
from gopfarm.child.parent import ChildDiedError, run_in_child
from gopfarm.errors import CapabilityError, SourceError, SpecError
from gopfarm.profile import EncoderChoice
from gopfarm.settings import Settings
from scheduler import prepare
from scheduler.load import Load
from scheduler.prepare import choose_encoder, plan_source, probe_url
from tests.scheduler.facts import SHORT, STANDARD, source_facts, video_facts

CPU, GPU = {"libx264"}, {"libx264", "h264_nvenc"}


@pytest.mark.parametrize(
    ("choice", "fleet", "encoder"),
    [
        ("auto", CPU, "libx264"),
        ("auto", GPU, "h264_nvenc"),
        ("auto", set(), "libx264"),
        ("libx264", GPU, "libx264"),
        ("libx264", set(), "libx264"),
        ("nvenc", GPU, "h264_nvenc"),
    ],
)
def test_the_encoder_is_chosen_by_what_the_fleet_has(
    choice: EncoderChoice, fleet: set[str], encoder: str
) -> None:
    assert choose_encoder(choice, fleet) == encoder


@pytest.mark.parametrize("fleet", [CPU, set()])
def test_nvenc_is_waited_for_where_workers_come_for_it(fleet: set[str]) -> None:
    assert choose_encoder("nvenc", fleet, scaled=("nvenc",)) == "h264_nvenc"
    assert choose_encoder("auto", fleet, scaled=("nvenc",)) == "libx264"  # it has no reason to wait


@pytest.mark.parametrize("fleet", [CPU, set()])
def test_nvenc_without_a_gpu_worker_is_refused_with_what_to_do(fleet: set[str]) -> None:
    profile = STANDARD.model_copy(update={"encoder": "nvenc"})
    with pytest.raises(CapabilityError, match="no live worker has NVENC; start a GPU worker, or use"):
        choose_encoder(profile.encoder, fleet)


def test_a_segment_shorter_than_a_frame_is_refused() -> None:
    slow = source_facts(video_facts(20, Fraction(1, 2), slots=(0,)))
    profile = STANDARD.model_copy(update={"segment_seconds": 1.5})
    with pytest.raises(
        SpecError, match=r"segment_seconds: 1\.5 s is shorter than one frame at 0\.5 frames/s"
    ):
        plan_source(slow, profile, "libx264", Load(2))
    assert plan_source(slow, STANDARD, "libx264", Load(2)).video_segments[0].length == 3


def test_the_plan_names_one_encoder_for_all_renditions() -> None:
    plan = plan_source(SHORT, STANDARD, "h264_nvenc", Load(2))
    assert {rendition.encoder for rendition in plan.video} == {"h264_nvenc"}


def test_a_film_is_cut_as_it_was_where_some_of_it_lies_at_the_destination() -> None:
    facts = source_facts(video_facts(9000, size=(1920, 1080)))
    idle, busy = Load(64), Load(2, waiting=1000)
    fine, coarse = (plan_source(facts, STANDARD, "libx264", load) for load in (idle, busy))
    assert fine.hash != coarse.hash
    again = plan_source(facts, STANDARD, "libx264", busy, {"0123456789ab", fine.hash})
    assert again.hash == fine.hash
    assert again.video_segments == fine.video_segments
    assert plan_source(facts, STANDARD, "libx264", busy, {"0123456789ab"}) == coarse


@pytest.mark.parametrize("deaths", [0, 2, 3])
def test_only_a_probe_that_dies_again_and_again_is_the_files_fault(
    deaths: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip, tried = tmp_path / "clip.mp4", 0
    make_demo_clip(clip, 1)

    def run(*arguments: Any) -> bytes:
        nonlocal tried
        tried += 1
        if tried <= deaths:
            raise ChildDiedError("the encoding process was killed by SIGKILL")
        return run_in_child(*arguments)

    monkeypatch.setattr(prepare, "run_in_child", run)
    if deaths < 3:
        assert probe_url(str(clip), Settings()).video is not None
    else:
        with pytest.raises(SourceError, match="damaged: the encoding process was killed by SIGKILL"):
            probe_url(str(clip), Settings())
    assert tried == min(3, deaths + 1)
