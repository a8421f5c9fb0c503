"""The trace of a job, from a farm of real processes to a real collector, and the logs that it joins."""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from gopfarm.store import TaskStore, connect
from tests.collector import Collector, Span, collecting
from tests.farm.processes import Farm, gopfarm, until
from tests.scheduler.receiver import Receiver, serving, trust_file

SMALL = Path(__file__).parent / "small.yaml"

#: What a submitter sends: its trace, the span under which it submits, and that it records them.
TRACE, SUBMITTER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{SUBMITTER}-01"
TRACE_BY_HTTP = "4bf92f3577b34da6a3ce929d0e0e4736"
BY_HTTP = f"00-{TRACE_BY_HTTP}-00f067aa0ba902b7-01"

ROLES = ("worker", "scheduler", "api")

#: Seconds by which clocks of one machine may seem to differ: Redis gives the time in microseconds.
SLACK = 0.001


@dataclass(frozen=True)
class Seen:
    """What came of two jobs, one that is done and one that failed."""

    collector: Collector
    done: dict[str, Any]
    failed: dict[str, Any]
    logs: dict[str, list[dict[str, Any]]]
    hook: dict[str, Any]
    hook_headers: dict[str, str]

    def named(self, job: dict[str, Any], name: str) -> list[Span]:
        return [span for span in self.collector.of_job(job["id"]) if span.name == name]

    def only(self, job: dict[str, Any], name: str) -> Span:
        (span,) = self.named(job, name)
        return span


def post(port: int, spec: dict[str, str]) -> str:
    """Submit a job by HTTP; return its id."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/jobs",
        json.dumps(spec).encode(),
        {"Content-Type": "application/json", "traceparent": BY_HTTP},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        document = json.loads(answer.read())
    assert document["trace_id"] == TRACE_BY_HTTP
    return str(document["id"])


def ended(store: TaskStore, job: str) -> dict[str, Any]:
    view = until(lambda: (view := store.view(job)) and view.state.ended and view, "the job ends")
    document: dict[str, Any] = view.model_dump(mode="json")
    return document


@pytest.fixture(scope="module")
def seen(valkey_url: str, clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    folder, authority = tmp_path_factory.mktemp("tracing"), trustme.CA()
    farm = Farm(valkey_url, folder)
    with (
        connect(valkey_url) as client,
        collecting() as collector,
        serving(Receiver(authority)) as receiver,
        pytest.MonkeyPatch.context() as patch,
    ):
        client.flushall()
        host = f"127.0.0.1:{receiver.server_port}"
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
        patch.setenv("SSL_CERT_FILE", str(trust_file(authority, folder)))
        patch.setenv("GOPFARM_WEBHOOK_PRIVATE_ADDRESSES", "true")
        patch.setenv("GOPFARM_WEBHOOK_HOSTS", host)
        farm.start("scheduler", "scheduler", "--log-level", "debug")
        farm.start("worker", "worker", "--slots", "2", "--grace", "0", "--log-level", "debug")
        farm.start("api", "serve", "--port", "0")
        hook = ("--webhook", f"https://{host}/hook?token=sesame-sesame")
        submit = ("submit", clip, folder / "out", "--profile", SMALL, *hook)
        done = gopfarm(*submit, GOPFARM_REDIS_URL=valkey_url, TRACEPARENT=TRACEPARENT).stdout.strip()
        port = until(
            lambda: [line["port"] for line in farm.log("api") if line["event"] == "api started"], "it listens"
        )[0]
        failed = post(port, {"source": str(folder / "none.mp4"), "destination": str(folder / "nothing")})
        jobs = [ended(TaskStore(client, 1000), job) for job in (done, failed)]
        until(lambda: receiver.got, "the webhook is delivered")
        assert {farm.stop(name) for name in ROLES} == {0}
        logs = {name: farm.log(name) for name in ROLES}
        got = receiver.got[0]
        yield Seen(collector, jobs[0], jobs[1], logs, got.document, got.headers)


def test_the_spans_of_a_job_are_one_tree(seen: Seen) -> None:
    assert seen.done["state"] == "done", seen.done
    spans = seen.collector.of_job(seen.done["id"])
    names = Counter(span.name for span in spans)
    tasks = seen.done["tasks"]
    once = dict.fromkeys(("job", "submit", "wait", "probe", "plan", "publish", "notify"), 1)
    assert names == once | dict.fromkeys(("task wait", "task run", "encode", "upload"), tasks)
    assert {span.trace for span in spans} == {TRACE} == {seen.done["trace_id"]}
    root, by_id = seen.only(seen.done, "job"), {span.id: span for span in spans}
    assert len(by_id) == len(spans)
    assert root.parent == SUBMITTER
    for span in spans:
        if span.name in ("encode", "upload"):
            assert by_id[span.parent].name == "task run"
        elif span is not root:
            assert by_id[span.parent] is root


def test_each_process_tells_what_it_did(seen: Seen) -> None:
    of_worker = ("task wait", "task run", "encode", "upload")
    for span in seen.collector.of_job(seen.done["id"]):
        assert span.service == ("gopfarm-worker" if span.name in of_worker else "gopfarm-scheduler")
    assert {resource["service.version"] for resource in seen.collector.resources} == {"0.1.0"}


def test_times_follow_each_other_and_lie_in_those_of_the_parent(seen: Seen) -> None:
    spans = seen.collector.of_job(seen.done["id"])
    by_id = {span.id: span for span in spans}
    for span in spans:
        assert span.start <= span.end
        parent = by_id.get(span.parent)
        if parent is not None and span.name != "notify":
            assert parent.start - SLACK <= span.start, span
            assert span.end <= parent.end + SLACK, span
    one_after_another = [seen.only(seen.done, name) for name in ("wait", "probe", "plan")]
    runs = sorted(seen.named(seen.done, "task run"), key=lambda span: span.end)
    last = [runs[-1], seen.only(seen.done, "publish"), seen.only(seen.done, "notify")]
    for before, after in zip([*one_after_another, *last], [*one_after_another, *last][1:], strict=False):
        assert before.start <= after.start
    waits = {span.attributes["gopfarm.task.id"]: span for span in seen.named(seen.done, "task wait")}
    for run in runs:
        assert waits[run.attributes["gopfarm.task.id"]].end <= run.start + SLACK


def test_attributes_say_what_was_done(seen: Seen) -> None:
    root = seen.only(seen.done, "job")
    assert root.attributes["gopfarm.job.state"] == "done"
    assert root.attributes["gopfarm.tenant"] == "default"
    assert set(root.events) == set(seen.done["times"])
    run = next(
        span
        for span in seen.named(seen.done, "task run")
        if span.attributes["gopfarm.task.id"] == "video-00000"
    )
    assert run.kind == "consumer"
    assert {
        "messaging.system": "dramatiq",
        "messaging.destination.name": "encode.cpu",
        "messaging.operation.type": "process",
        "gopfarm.task.kind": "video",
        "gopfarm.task.attempt": 1,
        "gopfarm.task.twin": False,
        "gopfarm.encoder": "libx264",
        "gopfarm.task.renditions": ["240p", "144p"],
    }.items() <= run.attributes.items()
    assert {span.attributes["gopfarm.task.outcome"] for span in seen.named(seen.done, "task run")} == {
        "done",
        "last",
    }
    for encode in seen.named(seen.done, "encode"):
        assert 0 < encode.attributes["gopfarm.decode_seconds"] <= encode.end - encode.start
    stored = sum(span.attributes["gopfarm.upload.bytes"] for span in seen.named(seen.done, "upload"))
    assert stored > 0
    notify = seen.only(seen.done, "notify")
    assert notify.kind == "client"
    assert (notify.attributes["server.address"], notify.attributes["http.response.status_code"]) == (
        "127.0.0.1",
        204,
    )
    assert "sesame" not in repr(seen.collector.spans)


def test_the_receiver_of_a_webhook_can_go_on_with_the_trace(seen: Seen) -> None:
    notify = seen.only(seen.done, "notify")
    assert seen.hook_headers["traceparent"] == f"00-{TRACE}-{notify.id}-01"
    assert seen.hook["job"]["trace_id"] == TRACE


def test_a_job_that_comes_by_http_hangs_under_its_request(seen: Seen) -> None:
    root = seen.only(seen.failed, "job")
    (request,) = [span for span in seen.collector.spans if span.id == root.parent]
    assert (request.name, request.service, request.kind) == ("POST /api/v1/jobs", "gopfarm-api", "server")
    assert (request.trace, request.parent) == (TRACE_BY_HTTP, BY_HTTP.split("-")[2])
    assert request.start - SLACK <= root.start <= request.end


def test_a_job_that_fails_says_so_in_a_trace_of_its_own(seen: Seen) -> None:
    assert (seen.failed["state"], seen.failed["error_kind"]) == ("failed", "source")
    root, probe = seen.only(seen.failed, "job"), seen.only(seen.failed, "probe")
    assert root.trace == seen.failed["trace_id"] == TRACE_BY_HTTP
    assert probe.parent == root.id
    for span in (root, probe):
        assert span.failed
        assert span.attributes["error.type"] == "source"
        assert "none.mp4" in span.message


def test_a_farm_in_one_process_traces_its_one_job(clip: Path, tmp_path: Path) -> None:
    with collecting() as collector:
        done = gopfarm(
            *("transcode", clip, tmp_path / "out", "--profile", SMALL, "--json"),
            OTEL_TRACES_EXPORTER="otlp",
            OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{collector.url}/v1/traces",
            OTEL_EXPORTER_OTLP_HEADERS="",
            OTEL_RESOURCE_ATTRIBUTES="",
        )
    assert done.returncode == 0, done.stderr
    names = Counter(span.name for span in collector.spans)
    assert names["job"] == names["submit"] == names["publish"] == 1
    assert names["task run"] == names["encode"] >= 2
    (root,) = [span for span in collector.spans if span.name == "job"]
    known = {span.id for span in collector.spans}
    assert {span.service for span in collector.spans} == {"gopfarm-transcode"}
    assert [span for span in collector.spans if span.parent not in known] == [root]


def test_logs_of_all_processes_are_joined_by_the_trace(seen: Seen) -> None:
    for name, events in {
        "scheduler": {"job submitted", "job planned", "task queued", "job done", "webhook delivered"},
        "worker": {"task started", "task done"},
    }.items():
        lines = [line for line in seen.logs[name] if line.get("trace_id") == TRACE]
        assert events <= {line["event"] for line in lines}
        assert {(line["job"], line["tenant"]) for line in lines} == {(seen.done["id"], "default")}
    submitted = [line for line in seen.logs["api"] if line.get("trace_id") == TRACE_BY_HTTP]
    assert "job submitted" in {line["event"] for line in submitted}
    assert {line["job"] for line in submitted} == {seen.failed["id"]}
    for line in [line for lines in seen.logs.values() for line in lines]:
        assert ("job" in line) == ("trace_id" in line), json.dumps(line)
