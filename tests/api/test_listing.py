"""Lists of jobs, page by page."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
import redis

from gopfarm.spec import JobSpec
from gopfarm.store import JobState, TaskStore, keys, listing
from tests.api.serving import problem
from tests.gopfarm.store.jobs import bring_to

JOBS = "/api/v1/jobs"


def make(store: TaskStore, job_id: str, state: JobState = JobState.QUEUED, **fields: Any) -> None:
    usual = {"source": f"s3://films/{job_id}.mp4", "destination": f"s3://streams/{job_id}"}
    bring_to(store, job_id, state, JobSpec.model_validate(usual | fields))


def ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [job["id"] for job in answer.json()["jobs"]]


def test_pages_go_from_the_newest_to_the_oldest(api: httpx.Client, store: TaskStore) -> None:
    for number in range(7):
        make(store, f"job-{number}")
    found, cursor = [], None
    while True:
        page = api.get(JOBS, params={"limit": 3} | ({"cursor": cursor} if cursor else {}))
        found.append(ids(page))
        cursor = page.json()["next"]
        if cursor is None:
            break
    assert found == [["job-6", "job-5", "job-4"], ["job-3", "job-2", "job-1"], ["job-0"]]


def test_pages_stay_what_they_are_while_jobs_come_and_go(
    api: httpx.Client, store: TaskStore, valkey: redis.Redis
) -> None:
    for number in range(5):
        make(store, f"job-{number}")
    first = api.get(JOBS, params={"limit": 2})
    make(store, "new")
    valkey.delete(keys.job("job-3"))
    valkey.zrem(keys.JOBS, "job-3")  # the very one that the cursor names
    second = api.get(JOBS, params={"limit": 2, "cursor": first.json()["next"]})
    assert ids(first) == ["job-4", "job-3"]
    assert ids(second) == ["job-2", "job-1"]


def test_jobs_of_one_moment_are_each_listed_once(
    api: httpx.Client, store: TaskStore, valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_BATCH", 2)
    for number in range(7):
        make(store, f"job-{number}")
    valkey.zadd(keys.JOBS, {f"job-{number}": 5.25 for number in range(7)})
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = api.get(JOBS, params={"limit": 3} | ({"cursor": cursor} if cursor else {}))
        found += ids(page)
        cursor = page.json()["next"]
    assert found == [f"job-{number}" for number in range(6, -1, -1)]


def test_filters_narrow_a_list(api: httpx.Client, store: TaskStore) -> None:
    make(store, "a", tenant="school", source="s3://films/Summer.MP4")
    make(store, "b", JobState.FAILED, tenant="school")
    make(store, "c", JobState.CANCELLED, tenant="news", destination="s3://streams/summer")
    assert ids(api.get(JOBS, params={"tenant": "school"})) == ["b", "a"]
    assert ids(api.get(JOBS, params={"state": ["failed", "cancelled"]})) == ["c", "b"]
    assert ids(api.get(JOBS, params={"q": "sUmMeR"})) == ["c", "a"]
    assert ids(api.get(JOBS, params={"q": "summer", "tenant": "school", "state": "queued"})) == ["a"]
    assert ids(api.get(JOBS, params={"tenant": ["school", "news"], "q": "nothing"})) == []


def test_text_that_is_not_shown_is_not_found_either(api: httpx.Client, store: TaskStore) -> None:
    make(store, "signed", source="https://cdn.example/film.mp4?Signature=abcdef")
    assert ids(api.get(JOBS, params={"q": "film.mp4"})) == ["signed"]
    assert ids(api.get(JOBS, params={"q": "abcdef"})) == []


def test_a_request_looks_at_no_more_jobs_than_is_good_for_it(
    api: httpx.Client, store: TaskStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "LOOKED_AT", 4)
    monkeypatch.setattr(listing, "_BATCH", 2)
    make(store, "wanted", tenant="school")
    for number in range(5):
        make(store, f"job-{number}")
    first = api.get(JOBS, params={"tenant": "school"}).json()
    assert first["jobs"] == []
    second = api.get(JOBS, params={"tenant": "school", "cursor": first["next"]})
    assert ids(second) == ["wanted"]
    assert second.json()["next"] is None


@pytest.mark.parametrize(
    "cursor", ["x", "bm9uc2Vuc2U", "WzEsMl0", "W05hTiwgIngiXQ", "é", "W10", "=" * 9, "NQ", "bnVsbA"]
)
def test_a_cursor_that_was_not_given_is_refused(api: httpx.Client, cursor: str) -> None:
    problem(api.get(JOBS, params={"cursor": cursor}), 422, "invalid")


def test_a_list_tells_only_the_last_failed_attempts(
    api: httpx.Client, store: TaskStore, valkey: redis.Redis
) -> None:
    make(store, "job")
    for number in range(5):
        failure = {"task": "t", "attempt": number, "worker": "w", "kind": "encode", "reason": "r", "at": 1.0}
        valkey.rpush(keys.failures("job"), json.dumps(failure))
    listed = api.get(JOBS).json()["jobs"][0]["failures"]
    assert [failure["attempt"] for failure in listed] == [2, 3, 4]
    for path in ("", "/failures"):
        told = api.get(f"{JOBS}/job{path}").json()["failures"]
        assert [failure["attempt"] for failure in told] == [0, 1, 2, 3, 4]
