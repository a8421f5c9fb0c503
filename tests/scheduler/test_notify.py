from __future__ import annotations

import hashlib
import hmac
import json
import re

from gopfarm.store import JobState, JobView
from gopfarm.store.deliveries import Delivery
from scheduler.notify import headers, payload, sign

VIEW = JobView(
    id="j",
    state=JobState.ENCODING,
    tenant="t",
    priority=5,
    source="s",
    destination="d",
    metadata={"id": 17, "name": "Grüße"},
    times={"queued": 1.0, "failed": 2.0, "encoding": 3.0},
    tasks=9,
    tasks_done=1,
)
FAILED = Delivery(
    id="j:3",
    job="j",
    event="job.failed",
    time=2.0,
    progress=0.5,
    host="hooks.example.com",
    attempt=4,
    seen={
        "state": "failed",
        "at:queued": "1.0",
        "at:failed": "2.0",
        "error_kind": "source",
        "error": "film.mp4 is truncated",
        "tasks": 4,
        "tasks_done": 2,
    },
)


def test_the_body_shows_the_job_as_it_was_when_the_event_happened() -> None:
    """By now the job was sent through again and is encoding."""
    document = json.loads(payload(FAILED, VIEW))
    assert list(document) == ["id", "event", "time", "progress", "job"]
    assert (document["id"], document["event"], document["time"]) == ("j:3", "job.failed", 2.0)
    job = document["job"]
    assert set(job) == set(JobView.model_fields)
    assert (job["state"], job["error_kind"], job["error"]) == ("failed", "source", "film.mp4 is truncated")
    assert (job["tasks"], job["tasks_done"], job["progress"]) == (4, 2, document["progress"])
    assert job["times"] == {"queued": 1.0, "failed": 2.0}
    assert job["metadata"] == {"id": 17, "name": "Grüße"}


def test_event_and_id_are_in_the_headers_too() -> None:
    named = headers(FAILED, b"{}", None, 1)
    assert (named["Gopfarm-Event"], named["Gopfarm-Delivery"]) == ("job.failed", "j:3")
    assert named["Content-Type"] == "application/json"


def test_without_a_secret_there_is_no_signature() -> None:
    for secret in (None, "", "  "):
        assert "Gopfarm-Signature" not in headers(FAILED, b"{}", secret, 1)


def test_a_signature_is_good_for_one_body_one_time_and_one_secret() -> None:
    signatures = {sign(b"a", "s", 1), sign(b"b", "s", 1), sign(b"a", "s", 2), sign(b"a", "t", 1)}
    assert len(signatures) == 4


def test_the_signature_covers_time_and_body() -> None:
    match = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", headers(FAILED, b"{}", "hush", 7)["Gopfarm-Signature"])
    assert match
    assert match[1] == "7"
    assert match[2] == hmac.new(b"hush", b"7.{}", hashlib.sha256).hexdigest()


def test_each_of_several_secrets_signs() -> None:
    both = sign(b"a", " new  old\n", 1)
    assert both.split(",") == ["t=1", sign(b"a", "new", 1).split(",")[1], sign(b"a", "old", 1).split(",")[1]]
