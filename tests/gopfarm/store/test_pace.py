"""How much of a job is left, as the store has it."""

from __future__ import annotations

import pytest
import redis

from gopfarm.store import Board
from gopfarm.store.pace import remaining
from tests.gopfarm.store.jobs import PLAN, begin, give_out, result_of, store_on

FIRST, SECOND = (task.id for task in PLAN.tasks[1:3])


def test_tasks_count_until_they_are_done_and_less_as_they_go_on(valkey: redis.Redis) -> None:
    store = store_on(valkey)
    begin(store, "j")
    whole = remaining(valkey, "j")
    assert whole is not None
    assert (whole.left, whole.finished, whole.running, whole.pace) == ((1.0,) * 5, 0.0, 0, 1.0)
    for task in (FIRST, SECOND):
        give_out(store, "j", task)
        store.start("j", task, "w#1", 15)
    length = sum(segment.length for segment in PLAN.tasks[1].segments)
    assert store.renew("j", FIRST, "w#1", 15, length // 2, PLAN.hash)
    half = store.remaining("j")
    assert half is not None
    assert (round(sum(half.left), 1), half.running) == (4.5, 2)
    valkey.hset("gopfarm:job:j:started", FIRST, Board(valkey).now() - 10)
    telling = store.remaining("j")
    assert telling is not None
    assert telling.finished == pytest.approx(0.5)
    assert 20 <= telling.pace < 30
    store.finish("j", FIRST, "w#1", result_of(FIRST), length, PLAN.hash)
    valkey.hset("gopfarm:job:j:seconds", FIRST, 3.0)
    later = store.remaining("j")
    assert later is not None
    assert (later.left, later.running, later.finished, later.pace) == ((1.0,) * 4, 1, 1.0, 3.0)


def test_what_lay_at_the_destination_says_nothing_of_the_pace(valkey: redis.Redis) -> None:
    begin(store_on(valkey), "j", finished={FIRST: result_of(FIRST)})
    left = remaining(valkey, "j")
    assert left is not None
    assert (left.finished, left.pace, len(left.left)) == (0.0, 1.0, 4)


def test_a_job_without_tasks_has_nothing_left(valkey: redis.Redis) -> None:
    assert remaining(valkey, "j") is None
