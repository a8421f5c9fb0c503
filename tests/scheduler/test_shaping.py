"""The shape of a job follows from how busy the farm is."""

from __future__ import annotations

from fractions import Fraction

import pytest

from gopfarm.facts import SourceFacts
from scheduler.chunks import Chunk
from scheduler.load import Load
from scheduler.planner import chunks_of
from scheduler.shape import SHORTEST_SECONDS, Grouping, Shape, cuts
from scheduler.shaping import Outlook, choose_shape, outlooks
from tests.scheduler.facts import STANDARD, audio_facts, source_facts, video_facts

RATE = Fraction(30)
FULL_HD = (1920, 1080)


def film(seconds: int) -> SourceFacts:
    return source_facts(
        video_facts(seconds * 30, RATE, size=FULL_HD), audio_facts(duration=Fraction(seconds))
    )


CLIP, SHORT_FILM, LONG_FILM = film(14), film(360), film(7200)


def outlook(facts: SourceFacts, load: Load) -> Outlook:
    chosen = choose_shape(facts, STANDARD, "libx264", load)
    return next(one for one in outlooks(facts, STANDARD, "libx264", load) if one.shape == chosen)


def cheapest(facts: SourceFacts, load: Load) -> Outlook:
    return next(one for one in outlooks(facts, STANDARD, "libx264", load) if one.shape == Shape())


@pytest.mark.parametrize("facts", [CLIP, SHORT_FILM, LONG_FILM])
def test_one_slot_gets_the_cheapest_shape(facts: SourceFacts) -> None:
    assert choose_shape(facts, STANDARD, "libx264", Load(1)) == Shape()


@pytest.mark.parametrize(("slots", "times"), [(2, 1.7), (8, 3.5), (64, 3.5)])
def test_on_an_idle_farm_a_clip_is_split_and_ends_sooner(slots: int, times: float) -> None:
    load = Load(slots)
    assert outlook(CLIP, load).finish_seconds * times < cheapest(CLIP, load).finish_seconds
    assert outlook(CLIP, load).cpu_seconds < 1.1 * cheapest(CLIP, load).cpu_seconds


def test_with_more_slots_than_chunks_renditions_get_tasks_of_their_own() -> None:
    assert choose_shape(CLIP, STANDARD, "libx264", Load(64)).grouping is not Grouping.TOGETHER


@pytest.mark.parametrize(
    "load", [Load(64, jobs=5000), Load(64, running=128, waiting=20_000), Load(2, running=4, waiting=300)]
)
@pytest.mark.parametrize("facts", [CLIP, SHORT_FILM])
def test_on_a_busy_farm_renditions_share_a_decode_and_chunks_are_long(facts: SourceFacts, load: Load) -> None:
    chosen = outlook(facts, load)
    assert chosen.shape.grouping is Grouping.TOGETHER
    assert chosen.cpu_seconds == min(one.cpu_seconds for one in outlooks(facts, STANDARD, "libx264", load))


def test_a_film_keeps_two_slots_busy_to_its_end() -> None:
    chosen = outlook(SHORT_FILM, Load(2))
    assert chosen.finish_seconds < 1.02 * chosen.cpu_seconds / 2
    assert chosen.shape.grouping is Grouping.TOGETHER


def test_a_thousand_slots_wait_for_the_sound_alone() -> None:
    chosen = outlook(LONG_FILM, Load(1000))
    assert chosen.finish_seconds < 70
    assert chosen.cpu_seconds < 1.05 * cheapest(LONG_FILM, Load(1000)).cpu_seconds


def test_where_it_makes_no_difference_chunks_are_long() -> None:
    for load in (Load(2), Load(8)):
        found = outlooks(LONG_FILM, STANDARD, "libx264", load)
        chosen = outlook(LONG_FILM, load)
        least = min(one.price for one in found)
        assert all(one.chunks >= chosen.chunks for one in found if one.price <= least * 1.01)
        assert chosen.shape.chunk_seconds == 30


@pytest.mark.parametrize("cut", cuts())
def test_no_chunk_is_shorter_than_is_good_for_the_encoder(cut: Shape) -> None:
    def seconds(chunk: Chunk) -> Fraction:
        return chunk.frames / RATE

    chunks = chunks_of(LONG_FILM.video, STANDARD, cut)
    assert min(map(seconds, chunks)) >= SHORTEST_SECONDS * Fraction(3, 4)


def test_a_source_of_sound_alone_has_nothing_to_shape() -> None:
    assert choose_shape(source_facts(None, audio_facts()), STANDARD, "libx264", Load(64)) == Shape()


def test_a_single_rendition_has_nothing_to_group() -> None:
    profile = STANDARD.model_copy(update={"renditions": STANDARD.renditions[-1:]})
    found = outlooks(CLIP, profile, "libx264", Load(64))
    assert {one.shape.grouping for one in found} == {Grouping.TOGETHER}
