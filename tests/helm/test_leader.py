"""The script by which ``helm test`` finds the leading scheduler, run against real metrics."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Gauge, start_http_server

from tests.helm.chart import CHART, container, named, render

SCRIPT = (CHART / "files" / "leader.py").read_text()

#: One look instead of many, so that a refusal is quick.
ONCE = SCRIPT.replace("TRIES, PAUSE_SECONDS = 15, 2.0", "TRIES, PAUSE_SECONDS = 1, 0.0")


@pytest.fixture(scope="module")
def scheduler() -> Iterator[tuple[Gauge, int]]:
    """Metrics of a scheduler, and the port that serves them."""
    registry = CollectorRegistry()
    gauge = Gauge("gopfarm_scheduler_leads", "As in gopfarm.metrics.", registry=registry)
    server, thread = start_http_server(0, addr="127.0.0.1", registry=registry)
    yield gauge, server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def look(port: int) -> subprocess.CompletedProcess[str]:
    """Run the script as the test pod does."""
    assert ONCE != SCRIPT
    command = [sys.executable, "-c", ONCE, "127.0.0.1", str(port)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_is_content_with_one_leader(scheduler: tuple[Gauge, int]) -> None:
    gauge, port = scheduler
    gauge.set(1)
    found = look(port)
    assert (found.returncode, found.stdout) == (0, "of 1 schedulers 1 lead\n")


def test_it_says_that_none_leads(scheduler: tuple[Gauge, int]) -> None:
    gauge, port = scheduler
    gauge.set(0)
    found = look(port)
    assert (found.returncode, found.stderr) == (1, "of 1 schedulers 0 lead\n")


def test_it_says_that_nobody_answers() -> None:
    found = look(9)  # discard: nobody listens
    assert found.returncode == 1
    assert found.stderr.startswith("the schedulers at 127.0.0.1:9 do not answer")


def test_the_pod_runs_this_script_against_the_schedulers() -> None:
    objects = render()
    boxes = {box["name"]: box for box in named(objects, "Pod", "-test")["spec"]["containers"]}
    interpreter, _, script, host, port = boxes["leader"]["command"]
    assert (interpreter, script) == ("python", SCRIPT)
    assert named(objects, "Service", host)["spec"]["clusterIP"] == "None"
    assert int(port) == container(objects, "scheduler")["ports"][0]["containerPort"]
