"""One scheduler at a time does a step of a job, and a dead one does not keep it."""

from __future__ import annotations

import redis

from gopfarm.store import keys, step


def test_two_schedulers_never_do_the_same_step_at_once(valkey: redis.Redis) -> None:
    with step(valkey, "job") as first, step(valkey, "job") as second:
        assert (first, second) == (True, False)
    with step(valkey, "job") as again:
        assert again


def test_steps_of_other_jobs_are_not_held_up(valkey: redis.Redis) -> None:
    with step(valkey, "one") as first, step(valkey, "other") as second:
        assert (first, second) == (True, True)


def test_the_claim_of_a_dead_scheduler_runs_out(valkey: redis.Redis) -> None:
    with step(valkey, "job"):
        assert 0 < valkey.pttl(keys.step("job")) <= 20_000
    assert not valkey.exists(keys.step("job"))


def test_a_step_that_fails_is_free_again(valkey: redis.Redis) -> None:
    try:
        with step(valkey, "job"):
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    assert not valkey.exists(keys.step("job"))
