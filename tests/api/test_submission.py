"""Submitting over HTTP: the same rules as through the queue, and an answer at once."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
import redis
from prometheus_client import REGISTRY

from gopfarm.spec import JobSpec
from gopfarm.store import JobState, TaskStore
from scheduler.intake import job_id_for
from tests.api.serving import allow, calling, problem, serving, settings_for

SPEC = {"source": "s3://films/film.mp4", "destination": "s3://streams/film"}
JOBS = "/api/v1/jobs"


def submit(api: httpx.Client, **fields: Any) -> httpx.Response:
    return api.post(JOBS, json=SPEC | fields)


def test_a_job_exists_as_soon_as_it_is_answered(api: httpx.Client, store: TaskStore) -> None:
    answer = submit(api, priority=7, tenant="school", metadata={"course": 7})
    assert answer.status_code == 202
    job = answer.json()
    assert (job["state"], job["priority"], job["tenant"]) == ("queued", 7, "school")
    assert job["metadata"] == {"course": 7}
    assert (job["profile"], job["publish"], job["playable"]) == ("standard", "whole", False)
    assert answer.headers["Location"] == f"{JOBS}/{job['id']}"
    assert api.get(answer.headers["Location"]).json() == job
    assert store.state(job["id"]) is JobState.QUEUED
    assert store.spec(job["id"]) == JobSpec(**SPEC, priority=7, tenant="school", metadata={"course": 7})


def test_a_key_gives_the_same_job_as_in_the_queue(api: httpx.Client) -> None:
    first = submit(api, tenant="school", idempotency_key="upload-42")
    again = submit(api, tenant="school", idempotency_key="upload-42")
    by_header = api.post(JOBS, json=SPEC | {"tenant": "school"}, headers={"Idempotency-Key": "upload-42"})
    spec = JobSpec(**SPEC, tenant="school", idempotency_key="upload-42")
    assert [answer.status_code for answer in (first, again, by_header)] == [202, 200, 200]
    assert {answer.json()["id"] for answer in (first, again, by_header)} == {job_id_for(spec, "unused")}
    assert again.headers["Location"] == first.headers["Location"]
    assert len(api.get(JOBS).json()["jobs"]) == 1


def test_a_key_of_another_spec_is_refused(api: httpx.Client) -> None:
    first = submit(api, idempotency_key="upload-42").json()
    said = problem(submit(api, idempotency_key="upload-42", priority=9), 409, "key-used")
    assert first["id"] in said["detail"]
    other_tenant = submit(api, idempotency_key="upload-42", tenant="school", priority=9)
    assert other_tenant.status_code == 202


def test_two_keys_in_one_request_are_refused(api: httpx.Client) -> None:
    answer = api.post(JOBS, json=SPEC | {"idempotency_key": "a"}, headers={"Idempotency-Key": "b"})
    assert problem(answer, 422, "invalid")["errors"][0]["field"] == "idempotency_key"


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"source": "film.mp4"}, {"source"}),
        ({"source": "ftp://host/film.mp4"}, {"source"}),
        ({"source": "https://elsewhere.example/film.mp4"}, {"source"}),
        ({"destination": "https://elsewhere.example/film"}, {"destination"}),
        ({"profile": "nope"}, {"profile"}),
        ({"webhook": "https://elsewhere.example/hook"}, {"webhook"}),
        ({"priority": 10, "tenant": "-", "colour": "red"}, {"priority", "tenant", "colour"}),
        (
            {"profile": {"renditions": [{"name": "x", "height": 1, "bitrate": "1M"}]}},
            {"profile.renditions.0.height"},
        ),
        ({"metadata": {"x": "y" * 20_000}}, {"metadata"}),
    ],
)
def test_what_a_scheduler_would_refuse_is_refused_by_field(
    api: httpx.Client, fields: dict[str, Any], wrong: set[str]
) -> None:
    said = problem(submit(api, **fields), 422, "invalid")
    assert {error["field"] for error in said["errors"]} == wrong
    assert {error["location"] for error in said["errors"]} == {"body"}
    assert api.get(JOBS).json()["jobs"] == []


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"[" * 100_000, b"\xff\xfe", rb'{"source": "\ud800"}', b'{"priority": NaN}'],
    ids=["empty", "broken", "a list", "null", "deep", "not UTF-8", "half a pair", "not a number"],
)
def test_what_is_no_spec_is_refused(api: httpx.Client, body: bytes) -> None:
    problem(api.post(JOBS, content=body, headers={"Content-Type": "application/json"}), 422, "invalid")


def test_secrets_in_a_refused_spec_are_not_told(api: httpx.Client) -> None:
    said = submit(api, source="https://user:hunter2hunter2@elsewhere.example/film.mp4?Signature=abcdefghijkl")
    assert said.status_code == 422
    assert "hunter2" not in said.text
    assert "abcdefghijkl" not in said.text


def test_a_body_must_be_json_and_small(api: httpx.Client) -> None:
    problem(api.post(JOBS, data=SPEC), 415, "not-json")
    problem(api.post(JOBS, content=json.dumps(SPEC)), 415, "not-json")
    too_long = b" " * 2**20 + b"{}"
    problem(api.post(JOBS, content=too_long, headers={"Content-Type": "application/json"}), 413, "too-large")


def test_a_body_of_unknown_length_must_be_small_too(api: httpx.Client) -> None:
    pieces = (b" " * 2**16 for _ in range(20))
    answer = api.post(JOBS, content=pieces, headers={"Content-Type": "application/json"})
    problem(answer, 413, "too-large")


def test_a_tenant_with_too_many_jobs_is_told_to_wait(valkey: redis.Redis, valkey_url: str) -> None:
    settings = settings_for(valkey_url, tenants={"school": {"max_queued": 1}})
    with serving(settings) as url, calling(url) as api:
        first = submit(api, tenant="school", idempotency_key="1")
        assert first.status_code == 202
        answer = submit(api, tenant="school", idempotency_key="2")
        problem(answer, 429, "tenant-limit")
        assert int(answer.headers["Retry-After"]) > 0
        assert submit(api, tenant="school", idempotency_key="1").status_code == 200
        assert api.post(f"{first.headers['Location']}/cancel").status_code == 200
        assert submit(api, tenant="school", idempotency_key="2").status_code == 202
        problem(api.post(f"{first.headers['Location']}/retry"), 429, "tenant-limit")


def test_a_token_for_one_tenant_says_the_tenant(valkey: redis.Redis, valkey_url: str) -> None:
    tokens = {
        "one": allow("token-one", "jobs:write", tenants=("school",)),
        "two": allow("token-two", "jobs:write", tenants=("school", "news")),
    }
    with serving(settings_for(valkey_url, api_tokens=tokens)) as url:
        with calling(url, "token-one") as one:
            assert submit(one).json()["tenant"] == "school"
            problem(submit(one, tenant="news"), 403, "forbidden")
        with calling(url, "token-two") as two:
            assert submit(two, tenant="news").json()["tenant"] == "news"
            problem(submit(two), 403, "forbidden")


def test_a_job_belongs_to_the_trace_of_its_request(api: httpx.Client) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    assert api.post(JOBS, json=SPEC, headers=headers).json()["trace_id"] == trace
    assert submit(api).json()["trace_id"] not in (None, trace)


def test_submissions_are_counted_as_the_queues_are(api: httpx.Client) -> None:
    def count(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(f"gopfarm_jobs_{name}_total", labels) or 0.0

    before = count("submitted", tenant_class="other"), count("refused", reason="spec")
    for _ in range(2):
        submit(api, idempotency_key="upload-42")
        submit(api, priority=10)
    assert count("submitted", tenant_class="other") == before[0] + 1
    assert count("refused", reason="spec") == before[1] + 2
