"""A real Prometheus that runs with our rules."""

from __future__ import annotations

import json
import math
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.docker.conftest import Running, free_ports, run
from tests.prometheus.rules import RULES
from tests.prometheus.tools import prometheus_tool


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
def prometheus(
    folder: Path, targets: dict[str, dict[str, str]], rules: Sequence[Path] = RULES
) -> Iterator[Prometheus]:
    """Run a Prometheus that asks these addresses, with their labels, and evaluates the rules each second."""
    (port,) = free_ports(1)
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(path) for path in rules],
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
