"""Which task of a job is given out first."""

from __future__ import annotations

from fractions import Fraction

from gopfarm.plan import Plan
from scheduler.cost import expected_seconds
from scheduler.ordering import ranks
from scheduler.shape import Grouping, Shape
from tests.scheduler.facts import audio_facts, plan_of, source_facts, video_facts

FACTS = source_facts(video_facts(3000), audio_facts(duration=Fraction(120)))
PLAN = plan_of(FACTS, shape=Shape(Fraction(15), tail=2, grouping=Grouping.LARGEST_APART))


def in_order(plan: Plan, progressive: bool) -> list[str]:
    seconds = {task.id: expected_seconds(task, plan.facts) for task in plan.tasks}
    found = ranks(plan.tasks, seconds, progressive)
    assert sorted(found.values()) == list(range(len(plan.tasks)))
    return sorted(found, key=lambda task: found[task])


def test_the_longest_tasks_go_first_so_that_the_last_ones_are_short() -> None:
    tasks = {task.id: task for task in PLAN.tasks}
    seconds = [expected_seconds(tasks[name], FACTS) for name in in_order(PLAN, progressive=False)]
    assert seconds == sorted(seconds, reverse=True)
    assert seconds[-1] < seconds[0] / 4


def test_of_tasks_as_long_the_earlier_goes_first() -> None:
    even = plan_of(FACTS, shape=Shape(Fraction(30)))
    names = [name for name in in_order(even, progressive=False) if name.startswith("video")]
    lengths = {task.id: len(task.segments) for task in even.tasks}
    assert names == sorted(names, key=lambda name: (-lengths[name], name))


def test_a_stream_that_grows_is_made_in_the_order_in_which_it_is_watched() -> None:
    order = in_order(PLAN, progressive=True)
    assert order[:5] == [
        "video-00000-r0",
        "video-00000-r1-r2",
        "audio-0",
        "video-00001-r0",
        "video-00001-r1-r2",
    ]
    order.remove("audio-0")
    assert order == sorted(order)
