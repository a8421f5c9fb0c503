"""What tasks have in common is stored once, and nothing of them is lost."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction

from gopfarm.plan import Plan
from gopfarm.serial import from_json, to_json
from gopfarm.store.packing import expand, pack_tasks, squeeze, unpack_task
from tests.gopfarm.store.jobs import PLAN
from tests.scheduler.facts import audio_facts, plan_of, source_facts, video_facts


def test_packed_tasks_are_the_same_again() -> None:
    other = replace(PLAN.tasks[-1], id="video-other", renditions=PLAN.video[:1])
    tasks = (*PLAN.tasks, other)
    packed = pack_tasks(tasks)
    assert [unpack_task(packed.documents[task.id], packed.common) for task in tasks] == list(tasks)


def test_what_several_tasks_have_in_common_is_in_none_of_them() -> None:
    packed = pack_tasks(PLAN.tasks)
    video = json.loads(packed.documents["video-00001"])
    assert not {"source", "picture", "renditions"} & video.keys()
    assert len(set(packed.common.values())) == len(packed.common)
    assert json.dumps(PLAN.facts.source.url) in "".join(packed.common.values())


def test_a_task_of_a_long_film_takes_little_room() -> None:
    film = plan_of(source_facts(video_facts(150_000), audio_facts(duration=Fraction(6000))))
    packed = pack_tasks(film.tasks)
    room = (
        sum(map(len, packed.documents.values())) + sum(map(len, packed.common.values())) + len(squeeze(film))
    )
    assert room / len(film.tasks) < 1500


def test_what_is_squeezed_is_text_and_expands_to_the_same() -> None:
    squeezed = squeeze(PLAN)
    assert squeezed.isascii()
    assert len(squeezed) < len(to_json(PLAN)) / 3
    assert from_json(Plan, expand(squeezed)) == PLAN
