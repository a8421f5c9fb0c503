"""How busy a farm is, as planning sees it."""

from __future__ import annotations

import redis

from gopfarm.store import Board, Created, Fleet, TaskStore, WorkerView
from scheduler.load import Load, load_of
from tests.gopfarm.store.jobs import PLAN, QUEUE, SPEC, begin


def test_all_that_is_before_a_new_job_is_counted(valkey: redis.Redis, store: TaskStore) -> None:
    board, fleet = Board(valkey), Fleet(valkey)
    assert load_of(board, fleet, QUEUE) == Load(slots=1)
    fleet.announce(
        WorkerView(id="a", host="h", pid=1, slots={QUEUE: 7, "encode.nvenc": 2}, encoders=(), seen=0)
    )
    assert load_of(board, fleet, QUEUE) == Load(slots=7)
    begin(store, "j")
    assert load_of(board, fleet, QUEUE) == Load(slots=7, waiting=len(PLAN.tasks))
    store.give_out("j", QUEUE)
    assert store.create("k", SPEC) is Created.CREATED
    assert load_of(board, fleet, QUEUE) == Load(slots=7, running=1, waiting=len(PLAN.tasks) - 1, jobs=1)
    assert load_of(board, fleet, "encode.nvenc") == Load(slots=2, running=1, jobs=1)
