"""What the leading scheduler is told of, and when it is woken."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis

from gopfarm.errors import EncodeError
from gopfarm.store import Board, TaskStore, keys
from gopfarm.store.models import JobState
from tests.gopfarm.store.jobs import PLAN, QUEUE, SPEC, begin, open_tasks, result_of, store_on

TASK = "video-00001"


@pytest.fixture
def store(valkey: redis.Redis) -> TaskStore:
    return store_on(valkey)


@pytest.fixture
def board(valkey: redis.Redis) -> Board:
    return Board(valkey)


HAPPENINGS: dict[str, Callable[[TaskStore], object]] = {
    "a job is submitted": lambda store: store.create("new", SPEC),
    "a job is planned": lambda store: open_tasks(store, "planning"),
    "a task is started": lambda store: store.start("j", TASK, "w#1", 15),
    "a task is finished": lambda store: store.finish("j", TASK, "w#1", result_of(TASK), 1, PLAN.hash),
    "a task comes back": lambda store: store.give_back("running", TASK, "w#1", 3, EncodeError("crash")),
    "a job ends": lambda store: store.cancel("j"),
    "a job is sent through again": lambda store: store.retry("cancelled"),
}


@pytest.mark.parametrize("happening", HAPPENINGS)
def test_the_bell_rings_once_when_something_happens(
    store: TaskStore, board: Board, valkey: redis.Redis, happening: str
) -> None:
    begin(store, "j")
    begin(store, "running")
    store.start("running", TASK, "w#1", 15)
    store.create("planning", SPEC)
    store.move("planning", JobState.PROBING)
    store.move("planning", JobState.PLANNING)
    store.create("cancelled", SPEC)
    store.cancel("cancelled")
    board.wait(1)
    assert not valkey.exists(keys.BELL)
    HAPPENINGS[happening](store)
    HAPPENINGS[happening](store)
    assert valkey.llen(keys.BELL) == 1


def test_a_job_is_told_of_once_each_time_it_has_more_to_give_out(store: TaskStore, board: Board) -> None:
    begin(store, "j")
    assert board.survey([QUEUE]).changed == ("j",)
    assert board.survey([QUEUE]).changed == ()
    given = store.give_out("j", QUEUE)
    assert given is not None
    assert board.survey([QUEUE]).changed == (), "who gives out knows it"
    store.start("j", given.run, "w#1", 15)
    store.give_back("j", given.run, "w#1", 3, None)
    survey = board.survey([QUEUE])
    assert survey.changed == ("j",)
    assert survey.messages == {QUEUE: 0}, "a message that is started is gone"
    assert survey.runs == {"default": 0}


def test_an_outlook_tells_what_waits_and_how_long_the_first_tasks_take(
    store: TaskStore, board: Board
) -> None:
    begin(store, "j")
    begin(store, "ended")
    store.cancel("ended")
    first, ended = board.outlook(["j", "ended", "unknown"], [QUEUE])
    assert first.waiting == {QUEUE: len(PLAN.tasks)}
    assert list(first.ahead[QUEUE]) == [1.0, 1.0]
    assert ended.waiting == {}


def test_a_job_whose_task_is_taken_back_goes_on_waiting_since_when_it_did(
    store: TaskStore, board: Board
) -> None:
    """Or it could be given a task and lose it again and again, and never have its turn."""

    def since() -> float:
        (job,) = board.outlook(["j"], [QUEUE])
        return job.since

    begin(store, "j")
    submitted = since()
    first = store.give_out("j", QUEUE)
    assert first is not None
    served = since()
    assert served > submitted
    second = store.give_out("j", QUEUE)
    assert second is not None
    assert since() > served
    assert store.recall(second, 0.0)
    assert since() == served
    # What came before the last one is not known any more: it counts as served, which is on the safe side.
    assert store.recall(first, 0.0)
    assert since() == served
    third = store.give_out("j", QUEUE)
    assert third is not None
    assert store.recall(third, 0.0)
    assert since() == served


def test_what_is_given_out_is_charged_and_what_is_taken_back_is_not(store: TaskStore, board: Board) -> None:
    begin(store, "j")
    given = store.give_out("j", QUEUE)
    assert given is not None
    assert board.shares() == {"default": 1.0}
    assert store.recall(given, 1.0)
    assert board.shares() == {"default": 0.0}
