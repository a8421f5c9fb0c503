"""The API keeps what its description promises, whatever is sent to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case, CheckFunction
from schemathesis.checks import negative_data_rejection, positive_data_acceptance

from api.app import create_app
from gopfarm.store import JobState, TaskStore
from gopfarm.tokens import SCOPES
from tests.api.serving import PATIENCE_SECONDS, allow, serving, settings_for
from tests.api.test_listing import make

#: Streams of events, which do not end, are left to tests/api/test_events.py.
DESCRIBED = schemathesis.openapi.from_dict(
    create_app(settings_for("redis://nowhere.invalid")).openapi()
).exclude(path_regex="/events$")

#: The job that the description's examples name: some of what is sent finds it.
KNOWN = "90d54dbe-b486-5c4d-b3c6-647ed2730280"

TOKEN = "a token that may do everything"


@pytest.fixture(scope="session")
def url(valkey_url: str) -> Iterator[str]:
    """Address of an API with one token."""
    with serving(settings_for(valkey_url, api_tokens={"all": allow(TOKEN, *SCOPES)})) as url:
        yield url


@pytest.fixture(autouse=True)
def _a_job(valkey: redis.Redis, store: TaskStore) -> None:
    make(store, KNOWN, JobState.FAILED, webhook="https://hooks.example/")


def check(case: Case, url: str, *beyond: CheckFunction) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    # Some rules are beyond a schema: hosts that are allowed, names of buckets, cursors that were given.
    excluded = [positive_data_acceptance, *beyond]
    if case.operation.definition.raw["operationId"] == "submitJob":
        excluded.append(negative_data_rejection)  # job specs are read with leniency: "7" is a priority too
    case.call_and_validate(base_url=url, timeout=PATIENCE_SECONDS, headers=headers, excluded_checks=excluded)


@DESCRIBED.parametrize()
@settings(max_examples=5, suppress_health_check=list(HealthCheck), derandomize=True)
def test_a_few_requests_to_each_route(case: Case, url: str) -> None:
    check(case, url)


@pytest.mark.slow
@DESCRIBED.parametrize()
@settings(max_examples=200, suppress_health_check=list(HealthCheck))
def test_many_requests_to_each_route(case: Case, url: str) -> None:
    # Parameters that do not exist are ignored, which a long run counts as data that were not rejected.
    check(case, url, negative_data_rejection)
