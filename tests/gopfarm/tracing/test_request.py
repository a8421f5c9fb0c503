"""A job that comes by HTTP belongs to the span that FastAPI makes of the request."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from gopfarm import tracing
from tests.collector import Collector

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADERS = {"traceparent": f"00-{TRACE}-{CALLER}-01"}


def served() -> TestClient:
    app = FastAPI(
        telemetry={
            "tracer_provider": tracing.provider(),
            "operation_spans": False,
            "metrics": False,
            "logs": False,
        }
    )

    @app.post("/jobs")
    def submit(request: Request) -> str:  # in a thread of its own, as all that asks Redis
        return str(tracing.begin(tracing.of_request(request.headers.get("traceparent"))))

    return TestClient(app)


def test_a_job_hangs_under_its_request_which_hangs_under_the_caller(collector: Collector) -> None:
    answer = served().post("/jobs", headers=HEADERS).json()
    tracing.shut_down()
    (request,) = collector.spans
    assert (request.name, request.kind, request.trace, request.parent) == (
        "POST /jobs",
        "server",
        TRACE,
        CALLER,
    )
    assert answer == f"00-{TRACE}-{request.id}-01"


def test_a_request_without_a_trace_begins_one(collector: Collector) -> None:
    answer = served().post("/jobs").json()
    tracing.shut_down()
    (request,) = collector.spans
    assert answer == f"00-{request.trace}-{request.id}-01"


def test_where_nothing_is_recorded_the_job_hangs_under_the_caller() -> None:
    assert served().post("/jobs", headers=HEADERS).json() == HEADERS["traceparent"]
