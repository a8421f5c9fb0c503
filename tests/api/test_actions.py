"""What can be done to a job over HTTP, and when it cannot."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from gopfarm.errors import LimitError
from gopfarm.store import JobState, TaskStore
from tests.api.serving import problem
from tests.api.test_listing import make

LIVE = [state for state in JobState if not state.ended]


def act(api: httpx.Client, what: str, **body: Any) -> httpx.Response:
    return api.post(f"/api/v1/jobs/job/{what}", json=body or None)


@pytest.mark.parametrize("state", LIVE)
def test_a_job_can_be_cancelled_until_it_is_published(
    api: httpx.Client, store: TaskStore, state: JobState
) -> None:
    make(store, "job", state)
    answer = act(api, "cancel")
    if state is JobState.STITCHING:
        assert "stitching" in problem(answer, 409, "conflict")["detail"]
    else:
        assert answer.json()["state"] == "cancelled"
        assert store.state("job") is JobState.CANCELLED
        assert act(api, "cancel").json() == answer.json()  # asked twice, done once


@pytest.mark.parametrize("state", [JobState.DONE, JobState.FAILED])
def test_what_has_ended_is_not_cancelled(api: httpx.Client, store: TaskStore, state: JobState) -> None:
    make(store, "job", state)
    problem(act(api, "cancel"), 409, "conflict")
    assert store.state("job") is state


@pytest.mark.parametrize("state", JobState)
def test_failed_and_cancelled_jobs_can_be_retried(
    api: httpx.Client, store: TaskStore, state: JobState
) -> None:
    make(store, "job", state)
    answer = act(api, "retry")
    if state in (JobState.FAILED, JobState.CANCELLED):
        assert (answer.json()["state"], answer.json()["retries"]) == ("queued", 1)
    else:
        assert f"is {state}" in problem(answer, 409, "conflict")["detail"]
        assert store.state("job") is state


def test_a_submission_that_had_no_spec_is_not_retried(api: httpx.Client, store: TaskStore) -> None:
    store.reject("job", "{", LimitError("no"))
    assert "refused" in problem(act(api, "retry"), 409, "conflict")["detail"]
    details = api.get("/api/v1/jobs/job").json()
    assert (details["state"], details["profile"]) == ("failed", None)


@pytest.mark.parametrize("state", JobState)
def test_the_priority_of_a_job_under_way_changes(
    api: httpx.Client, store: TaskStore, state: JobState
) -> None:
    make(store, "job", state, priority=3)
    answer = act(api, "priority", priority=9)
    if state.ended:
        problem(answer, 409, "conflict")
    else:
        assert answer.json()["priority"] == 9
    view = store.view("job")
    assert view is not None
    assert view.priority == (3 if state.ended else 9)


@pytest.mark.parametrize(
    "body", [{"priority": 10}, {"priority": -1}, {"priority": "9"}, {"level": 9}, {}, [], None]
)
def test_what_is_no_priority_is_refused(api: httpx.Client, store: TaskStore, body: Any) -> None:
    make(store, "job")
    problem(api.post("/api/v1/jobs/job/priority", json=body), 422, "invalid")


def test_a_body_that_is_no_json_is_called_so(api: httpx.Client, store: TaskStore) -> None:
    make(store, "job", JobState.ENCODING)
    answer = api.post("/api/v1/jobs/job/priority", content=b"{", headers={"Content-Type": "application/json"})
    (fault,) = problem(answer, 422, "invalid")["errors"]
    assert (fault["location"], fault["field"]) == ("body", "")
    assert fault["detail"].startswith("Invalid JSON: ")


@pytest.mark.parametrize("what", ["cancel", "retry", "priority"])
def test_nothing_is_done_to_what_does_not_exist(api: httpx.Client, what: str) -> None:
    problem(act(api, what, priority=9), 404, "not-found")
