"""A real Prometheus with our rules, looking at a farm of real processes while two small jobs run."""

from __future__ import annotations

import json
import math
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from encoders.demo import make_demo_clip
from gopfarm.store import connect
from tests.docker.conftest import Running, free_ports, run
from tests.farm.processes import Farm, until
from tests.prometheus.rules import RULES
from tests.prometheus.tools import prometheus_tool

SMALL = Path(__file__).parents[1] / "farm" / "small.yaml"

#: What targets are called in the tests' Prometheus, as the chart's ServiceMonitor calls them.
FARM_LABELS = {"namespace": "video"}


@dataclass(frozen=True)
class Prometheus:
    """A Prometheus that runs."""

    port: int

    def api(self, path: str, **parameters: str) -> Any:
        """Ask its API and return the answer's data; what it does not understand is an error."""
        query = urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/{path}?{query}") as answer:
                document = json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from None
        assert document["status"] == "success"
        return document["data"]

    def values(self, expr: str) -> list[float]:
        """Return the values of an expression's series now, but for those that are no number."""
        samples = self.api("query", query=expr)["result"]
        return [value for sample in samples if not math.isnan(value := float(sample["value"][1]))]


@contextmanager
def prometheus(folder: Path, targets: dict[str, dict[str, str]]) -> Iterator[Prometheus]:
    """Run a Prometheus that asks these addresses, with their labels, and evaluates the rules each second."""
    (port,) = free_ports(1)
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(path) for path in RULES],
        "scrape_configs": [
            {
                "job_name": "gopfarm",
                "static_configs": [
                    {"targets": [address], "labels": labels} for address, labels in targets.items()
                ],
            }
        ],
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(configuration))
    command = [
        str(prometheus_tool("prometheus")),
        f"--config.file={folder}/prometheus.yaml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]

    def ready() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready") as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    running: Iterator[Running] = run(command, port, ready, folder / "prometheus.log", {})
    next(running)
    try:
        yield Prometheus(port)
    finally:
        next(running, None)


@pytest.fixture(scope="module")
def observed(valkey_url: str, s3: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """What Prometheus has seen of a farm that has done two jobs from S3 to S3, one of them progressive."""
    prometheus_tool("prometheus")
    with connect(valkey_url) as client:
        client.flushall()
    folder = tmp_path_factory.mktemp("observed")
    clip = folder / "clip.mp4"
    make_demo_clip(clip, 4)
    storage = boto3.Session().client("s3")
    storage.create_bucket(Bucket="observed")
    storage.upload_file(str(clip), "observed", "clip.mp4")

    ports = dict(zip(("scheduler", "worker"), map(str, free_ports(2)), strict=True))
    labels = {"scheduler": FARM_LABELS, "worker": FARM_LABELS | {"pool": "cpu"}}
    targets = {f"127.0.0.1:{port}": labels[role] for role, port in ports.items()}
    farm = Farm(valkey_url, folder)
    with prometheus(folder, targets) as server:
        farm.start("scheduler", "scheduler", "--metrics-port", ports["scheduler"])
        farm.start("worker", "worker", "--slots", "2", "--grace", "0", "--metrics-port", ports["worker"])
        try:
            until(lambda: server.values("gopfarm_farm_slots > 0"), "Prometheus sees the farm")
            for number, publish in enumerate(("whole", "progressive"), start=1):
                destination = f"s3://observed/{number}"
                options = ("--profile", SMALL, "--publish", publish)
                done = farm.run("submit", "s3://observed/clip.mp4", destination, *options)
                assert done.returncode == 0, done.stderr
                ended = f"sum(gopfarm_jobs_ended_total) == {number}"
                until(lambda ended=ended: server.values(ended), "Prometheus sees the end of the job")
            # Rules look at what was there before; once more, and they have seen all.
            seen = "sum(namespace_queue:gopfarm_backlog_slot_seconds:max) == 0"
            until(lambda: server.values(seen), "the rules have seen the end of the job")
            assert server.values('sum(gopfarm_jobs_ended_total{state="done"})') == [2]
            yield server
        finally:
            for name in list(farm.processes):
                farm.stop(name)
