"""A real Prometheus with our rules, looking at a farm of real processes while two small jobs run."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from encoders.demo import make_demo_clip
from gopfarm.store import connect
from tests.docker.conftest import free_ports
from tests.farm.processes import Farm, until
from tests.prometheus.server import Prometheus, prometheus
from tests.prometheus.tools import prometheus_tool

SMALL = Path(__file__).parents[1] / "farm" / "small.yaml"


def stored_clip(folder: Path) -> str:
    """Put four seconds of film into S3 and return where."""
    make_demo_clip(folder / "clip.mp4", 4)
    storage = boto3.Session().client("s3")
    storage.create_bucket(Bucket="observed")
    storage.upload_file(str(folder / "clip.mp4"), "observed", "clip.mp4")
    return "s3://observed/clip.mp4"


def work(farm: Farm, server: Prometheus, clip: str, api_port: int) -> None:
    """Have two jobs done, one of them progressive, and wait until Prometheus and its rules have seen it.

    Each thing happens twice: a series that appears with its first event has not increased.
    """
    for number, publish in enumerate(("whole", "progressive"), start=1):
        destination = f"s3://observed/{number}"
        done = farm.run("submit", clip, destination, "--profile", SMALL, "--publish", publish)
        assert done.returncode == 0, done.stderr
        ended = f"sum(gopfarm_jobs_ended_total) == {number}"
        until(lambda ended=ended: server.values(ended), "Prometheus sees the end of the job")
        urllib.request.urlopen(f"http://127.0.0.1:{api_port}/api/v1/jobs").close()
    assert server.values('sum(gopfarm_jobs_ended_total{state="done"})') == [2]
    idle = "sum(namespace_queue:gopfarm_backlog_slot_seconds:max) == 0"
    until(lambda: server.values(idle), "the rules have seen the end of the job")
    asked = "namespace_route:gopfarm_http_request_seconds:p95_rate5m"
    until(lambda: server.values(asked), "the rules have seen both requests to the API")


@pytest.fixture(scope="module")
def observed(valkey_url: str, s3: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """What Prometheus has seen of a farm that has worked from S3 to S3."""
    prometheus_tool("prometheus")
    with connect(valkey_url) as client:
        client.flushall()
    folder = tmp_path_factory.mktemp("observed")
    clip = stored_clip(folder)
    (api_port,) = free_ports(1)
    roles = {
        "scheduler": ["scheduler"],
        "worker": ["worker", "--slots", "2", "--grace", "0"],
        "api": ["serve", "--port", str(api_port)],
    }
    ports = dict(zip(roles, free_ports(len(roles)), strict=True))
    labels = {role: {"namespace": "video"} for role in roles}
    labels["worker"]["pool"] = "cpu"
    farm = Farm(valkey_url, folder)
    with prometheus(folder, {f"127.0.0.1:{ports[role]}": labels[role] for role in roles}) as server:
        for role, command in roles.items():
            farm.start(role, *command, "--metrics-port", str(ports[role]))
        try:
            until(lambda: len(server.values("up == 1")) == len(roles), "Prometheus sees the farm")
            work(farm, server, clip, api_port)
            yield server
        finally:
            for name in list(farm.processes):
                farm.stop(name)
