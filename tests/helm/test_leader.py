"""The script by which ``helm test`` finds the leading scheduler, run against real metrics."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Gauge, start_http_server

from tests.helm.chart import CHART, MATRIX, container, named, of_kind, render

SCRIPT = (CHART / "files" / "leader.py").read_text()

#: One look instead of many, so that a refusal is quick.
ONCE = SCRIPT.replace("WAIT_SECONDS, PAUSE_SECONDS = 180.0, 2.0", "WAIT_SECONDS, PAUSE_SECONDS = -1.0, 0.0")


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
    (box,) = named(objects, "Pod", "-test-leader")["spec"]["containers"]
    interpreter, _, script, host, port = box["command"]
    assert (interpreter, script) == ("python", SCRIPT)
    assert named(objects, "Service", host)["spec"]["clusterIP"] == "None"
    assert int(port) == container(objects, "scheduler")["ports"][0]["containerPort"]


def test_helm_shows_the_log_of_every_check() -> None:
    """It reads that of a pod's only container, after it has removed what is to be removed at success."""
    checks = of_kind(render(MATRIX["aws"]), "Pod")
    order = sorted(checks, key=lambda pod: int(pod["metadata"]["annotations"]["helm.sh/hook-weight"]))
    assert [[box["name"] for box in pod["spec"]["containers"]] for pod in order] == [
        ["leader"],
        ["redis"],
        ["job"],
    ]
    for pod in checks:
        annotations = pod["metadata"]["annotations"]
        assert annotations["helm.sh/hook"] == "test"
        assert annotations["helm.sh/hook-delete-policy"] == "before-hook-creation"


def test_a_farm_that_has_just_been_installed_has_time_to_come() -> None:
    """The check that waits is the first, and ends before helm does by itself (5 minutes)."""
    (wait,) = re.findall(r"^WAIT_SECONDS, PAUSE_SECONDS = ([0-9.]+), ", SCRIPT, re.MULTILINE)
    assert 120 <= float(wait) <= 240
