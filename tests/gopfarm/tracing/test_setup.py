from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping

import pytest

from gopfarm import tracing
from gopfarm.errors import SpecError
from gopfarm.tracing.setup import wanted
from tests.collector import Collector

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
TRACES = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}


@pytest.mark.parametrize(
    ("environment", "exporters"),
    [
        ({}, ()),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, ()),
        (ENDPOINT, ("otlp",)),
        (TRACES, ("otlp",)),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, ("otlp",)),
        ({"OTEL_TRACES_EXPORTER": "console, otlp,console"}, ("console", "otlp")),
        (ENDPOINT | {"OTEL_TRACES_EXPORTER": "none"}, ()),
        (ENDPOINT | {"OTEL_TRACES_EXPORTER": ""}, ("otlp",)),
        (ENDPOINT | {"OTEL_SDK_DISABLED": "True"}, ()),
        (ENDPOINT | {"OTEL_SDK_DISABLED": "false"}, ("otlp",)),
        (ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, ("otlp",)),
    ],
)
def test_the_standard_variables_ask_for_it(
    environment: Mapping[str, str], exporters: tuple[str, ...]
) -> None:
    assert wanted(environment) == exporters


@pytest.mark.parametrize(
    ("environment", "word"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "zipkin"),
        (ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "grpc"),
        (
            ENDPOINT
            | {
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json",
            },
            "http/json",
        ),
    ],
)
def test_what_cannot_be_served_is_refused(environment: Mapping[str, str], word: str) -> None:
    with pytest.raises(SpecError, match=word):
        wanted(environment)


def test_a_service_is_named_by_its_role_or_by_the_operator(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [{}, {"OTEL_SERVICE_NAME": "own"}, {"OTEL_RESOURCE_ATTRIBUTES": "service.name=theirs,a=b"}]
    for named in names:
        with monkeypatch.context() as patch:
            for name, value in named.items():
                patch.setenv(name, value)
            tracing.set_up("worker")
            with tracing.span("step"):
                pass
            tracing.shut_down()
    assert [span.service for span in collector.spans] == ["gopfarm-worker", "own", "theirs"]


def test_a_collector_that_is_away_holds_up_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.5")
    tracing.set_up("worker")
    for _ in range(3):
        with tracing.span("step"):
            pass
    tracing.shut_down()
    assert "Failed to export" in caplog.text


def test_console_spans_go_to_standard_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    tracing.set_up("worker")
    tracing.record("step", time.time(), time.time())
    tracing.shut_down()
    written = capsys.readouterr()
    assert written.out == ""
    assert '"name": "step"' in written.err


def run(program: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_where_the_extra_is_missing_a_role_says_so_in_one_line() -> None:
    program = "import sys; sys.modules['opentelemetry.sdk'] = None; from cli.main import main; main()"
    done = run(program, "scheduler", OTEL_TRACES_EXPORTER="otlp")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "pip install 'gopfarm[tracing]'" in done.stderr


#: Everything that a farm is made of, at work without anybody who asks for spans.
_WITHOUT = """
import sys
import cli.local, cli.roles, scheduler.role, worker.role, encoders.child
from gopfarm import tracing
tracing.set_up("worker")
with tracing.about(tracing.JobTrace("j", None, tracing.begin(None))), tracing.span("step"):
    tracing.record("past", 1.0, 2.0)
encoders.child.preload()
"""

#: Prints the modules that are loaded.
_LOADED = "print(*(name for name, module in sys.modules.items() if module))"

#: What makes and sends spans. (redis-py loads OpenTelemetry's metrics by itself, where they are installed.)
_PARTS = ("opentelemetry.sdk.trace", "opentelemetry.exporter", "opentelemetry.proto")


def test_nothing_that_makes_spans_is_loaded_unless_it_is_asked_for() -> None:
    done = run(_WITHOUT + _LOADED)
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.split()
    assert "worker.role" in loaded
    assert [name for name in loaded if name.startswith(_PARTS)] == []


def test_child_processes_load_nothing_of_it_even_where_it_is() -> None:
    program = f"import sys, encoders.child, gopfarm.child.server; encoders.child.preload(); {_LOADED}"
    done = run(program, OTEL_TRACES_EXPORTER="otlp")
    assert "encoders.tasks" in done.stdout.split()
    assert "opentelemetry" not in done.stdout
    assert "gopfarm.tracing" not in done.stdout
