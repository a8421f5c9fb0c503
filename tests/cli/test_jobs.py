"""Listing jobs by command."""

from __future__ import annotations

import json

import pytest
import redis
from click.testing import CliRunner, Result

from cli.main import cli
from gopfarm.errors import SpecError
from gopfarm.store import JobState
from tests.gopfarm.store.jobs import SPEC, bring_to, store_on

pytestmark = pytest.mark.usefixtures("redis_of_commands")


def _list(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["list", *arguments], catch_exceptions=False)


def test_jobs_are_listed_by_state_and_tenant_newest_first(valkey: redis.Redis) -> None:
    store = store_on(valkey)
    school = SPEC.model_copy(update={"tenant": "school"})
    bring_to(store, "one", JobState.FAILED)
    bring_to(store, "two", JobState.FAILED, school)
    bring_to(store, "three", JobState.QUEUED, school)

    def ids(*arguments: str) -> list[str]:
        return [job["id"] for job in json.loads(_list(*arguments, "--json").output)]

    assert ids() == ["three", "two", "one"]
    assert ids("--state", "failed") == ["two", "one"]
    assert ids("--tenant", "school", "--limit", "1") == ["three"]
    assert ids("--tenant", "school", "--state", "failed") == ["two"]


def test_a_table_has_a_job_in_each_line(valkey: redis.Redis) -> None:
    bring_to(store_on(valkey), "one", JobState.DONE)
    heading, row = _list().output.splitlines()
    assert heading.split() == ["job", "state", "done", "tenant", "priority", "submitted", "source"]
    assert row.split()[:5] == ["one", "done", "100%", "default", "5"]


@pytest.mark.parametrize(
    ("state", "said"), [(JobState.DONE, "is done"), (JobState.QUEUED, "is queued"), (None, "was refused")]
)
def test_what_cannot_be_retried_says_why(valkey: redis.Redis, state: JobState | None, said: str) -> None:
    if state is None:
        store_on(valkey).reject("one", "{}", SpecError("no such profile"))
    else:
        bring_to(store_on(valkey), "one", state)
    refused = CliRunner().invoke(cli, ["retry", "one"])
    assert refused.exit_code == 1
    assert f"job one {said}" in refused.stderr
    assert "only failed and cancelled jobs are retried" in refused.stderr


def test_cancelling_twice_is_no_error_and_what_is_done_stays(valkey: redis.Redis) -> None:
    bring_to(store_on(valkey), "one", JobState.ENCODING)
    for _ in range(2):
        assert CliRunner().invoke(cli, ["cancel", "one"]).exit_code == 0
    bring_to(store_on(valkey), "two", JobState.DONE)
    refused = CliRunner().invoke(cli, ["cancel", "two"])
    assert (refused.exit_code, "is done and cannot be cancelled" in refused.stderr) == (1, True)
