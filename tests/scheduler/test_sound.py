"""Which renditions audio tracks become."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gopfarm.facts import ClockJump
from gopfarm.plan import AudioTask
from gopfarm.profile import AudioSpec, SurroundSpec
from scheduler.sound import audio_renditions
from tests.scheduler.facts import STANDARD, audio_facts, plan_of, source_facts, video_facts

STEREO = audio_facts(language="eng")
FILM = replace(audio_facts(stream=2, language="fra"), channels=6, layout="5.1(side)", title="Le film")
SURROUND = AudioSpec(surround=SurroundSpec(), loudness=-23)


def test_a_track_of_5_1_is_published_in_stereo_and_when_asked_for_in_surround() -> None:
    names = [rendition.name for _, rendition in audio_renditions((STEREO, FILM), AudioSpec())]
    assert names == ["audio-eng-0", "audio-fra-1"]
    found = audio_renditions((STEREO, FILM), SURROUND)
    assert [(one.name, one.channels, one.bitrate, one.title) for _, one in found] == [
        ("audio-eng-0", 2, 128_000, ""),
        ("audio-fra-1", 2, 128_000, "Le film"),
        ("audio-fra-1-surround", 6, 384_000, "Le film"),
    ]
    assert [track for track, _ in found] == [STEREO, FILM, FILM]
    assert all(one.loudness == -23 for _, one in found)


@pytest.mark.parametrize(
    ("layout", "channels", "wide"),
    [
        *[("stereo", 2, False), ("5.0", 5, False), ("5.1", 6, True), ("7.1", 8, True), ("7.1.4", 12, True)],
        *[("6 channels", 6, True), ("16 channels", 16, False), ("ambisonic 3", 16, False)],
    ],
)
def test_only_loudspeakers_that_are_known_become_surround(layout: str, channels: int, wide: bool) -> None:
    track = replace(STEREO, layout=layout, channels=channels)
    assert len(audio_renditions((track,), SURROUND)) == 1 + wide


def test_both_renditions_of_a_track_are_cut_alike_and_know_its_clock() -> None:
    track = replace(FILM, clock=(ClockJump(5000, 90_000),))
    profile = STANDARD.model_copy(update={"audio": SURROUND})
    plan = plan_of(source_facts(video_facts(), track), profile=profile)
    assert plan.audio_segments[0] == plan.audio_segments[1]
    tasks = [task for task in plan.tasks if isinstance(task, AudioTask)]
    assert [task.rendition for task in tasks] == list(plan.audio)
    assert {task.clock for task in tasks} == {track.clock}
