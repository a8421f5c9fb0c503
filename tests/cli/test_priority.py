"""Changing a job's priority by command."""

from __future__ import annotations

import json

import pytest
import redis
from click.testing import CliRunner, Result

from cli.main import cli
from gopfarm.settings import get_settings
from gopfarm.store import JobState, keys
from tests.gopfarm.store.jobs import SPEC, bring_to, store_on

pytestmark = pytest.mark.usefixtures("redis_of_commands")


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["priority", *arguments])


def test_a_waiting_job_is_put_before_older_ones(valkey: redis.Redis) -> None:
    store, aging = store_on(valkey), get_settings().aging_seconds
    for job in ("older", "newer"):
        store.create(job, SPEC, head_start=SPEC.priority * aging)
    done = _run("newer", "9")
    assert (done.exit_code, done.output) == (0, "newer has priority 9\n")
    assert valkey.zrange(keys.QUEUED, 0, -1) == ["newer", "older"]
    done = _run("newer", "4", "--json")
    assert json.loads(done.output) == {"job": "newer", "priority": 4}
    assert valkey.zrange(keys.QUEUED, 0, -1) == ["older", "newer"]


def test_a_job_that_has_ended_or_is_not_known_has_no_priority_to_change(valkey: redis.Redis) -> None:
    bring_to(store_on(valkey), "j", JobState.DONE)
    ended, unknown, wrong = _run("j", "9"), _run("k", "9"), _run("j", "10")
    assert (ended.exit_code, "is done" in ended.output) == (1, True)
    assert (unknown.exit_code, "there is no job k" in unknown.output) == (2, True)
    assert (wrong.exit_code, "0<=x<=9" in wrong.output) == (2, True)
