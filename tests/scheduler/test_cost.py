"""The estimate grows with what really costs."""

from __future__ import annotations

from fractions import Fraction

from gopfarm.facts import SourceFacts
from gopfarm.profile import X264_PRESETS, Preset
from scheduler.cost import Cost, estimate
from tests.scheduler.facts import SHORT, STANDARD, audio_facts, plan_of, source_facts, video_facts


def cost_of(facts: SourceFacts, preset: Preset = "medium", encoder: str = "libx264") -> Cost:
    return estimate(plan_of(facts, profile=STANDARD.model_copy(update={"preset": preset}), encoder=encoder))


def test_slower_presets_cost_more_and_store_the_same() -> None:
    costs = [cost_of(SHORT, preset) for preset in X264_PRESETS]
    assert costs == sorted(costs, key=lambda cost: cost.cpu_seconds)
    assert len({cost.stored_bytes for cost in costs}) == 1


def test_longer_films_cost_more() -> None:
    short, long = (
        cost_of(SHORT),
        cost_of(source_facts(video_facts(frames=9000), audio_facts(duration=Fraction(360)))),
    )
    assert long.cpu_seconds > short.cpu_seconds
    assert long.stored_bytes > short.stored_bytes


def test_nvenc_takes_the_encoding_off_the_cpu() -> None:
    assert cost_of(SHORT, encoder="h264_nvenc").cpu_seconds < cost_of(SHORT, "ultrafast").cpu_seconds
