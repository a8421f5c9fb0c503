"""A farm as operators run it: every role a process of its own, Prometheus with our rules, jobs by HTTP."""

from __future__ import annotations

import hashlib
import json
import signal
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docker.conftest import free_ports
from tests.farm.processes import Farm, until
from tests.prometheus.rules import RULES
from tests.prometheus.server import Prometheus, prometheus

TOKEN = "token-of-an-operator"
ROLES = {
    "scheduler": ("scheduler",),
    "worker-1": ("worker", "--slots", "1", "--grace", "0"),
    "worker-2": ("worker", "--slots", "1", "--grace", "0"),
    "api": ("serve",),
}


@dataclass(frozen=True)
class Site:
    """Everything that runs.

    Args:
        farm: The processes of the farm.
        ports: Where each of them answers Prometheus.
        prometheus: What looks at them.
        url: Where the API is, and the dashboard.
    """

    farm: Farm
    ports: dict[str, int]
    prometheus: Prometheus
    url: str

    def start(self, role: str) -> None:
        """Start a role, at the port for metrics that it has for good."""
        arguments = ROLES[role]
        if role == "api":
            arguments += ("--port", self.url.rpartition(":")[2])
        self.farm.start(role, *arguments, "--metrics-port", str(self.ports[role]))

    def kill(self, role: str) -> None:
        """End a role as a failing machine would."""
        process = self.farm.processes.pop(role)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Ask the API: GET, or POST where there is a body."""
        request = urllib.request.Request(
            f"{self.url}/api/v1{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def firing(self) -> set[str]:
        """Return the alerts that fire."""
        alerts = self.prometheus.api("alerts")["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}


def impatient(rules: Sequence[Path], folder: Path) -> list[Path]:
    """Copy rules into a folder, with alerts that fire after two seconds instead of minutes."""
    copies = []
    for path in rules:
        document = yaml.safe_load(path.read_text())
        for group in document["groups"]:
            for rule in group["rules"]:
                if "for" in rule:
                    rule["for"] = "2s"
        copies.append(folder / path.name)
        copies[-1].write_text(yaml.safe_dump(document))
    return copies


@contextmanager
def site(redis_url: str, folder: Path) -> Iterator[Site]:
    """Start everything, wait until Prometheus sees all of it, and stop it at the end."""
    entry = {
        "sha256": hashlib.sha256(TOKEN.encode()).hexdigest(),
        "scopes": ["jobs:read", "jobs:write", "farm:read", "webhooks:write"],
    }
    (api_port,) = free_ports(1)
    ports = dict(zip(ROLES, free_ports(len(ROLES)), strict=True))
    labels = {
        f"127.0.0.1:{port}": {"namespace": "video", "role": role}
        | ({"pool": "cpu"} if "worker" in role else {})
        for role, port in ports.items()
    }
    farm = Farm(redis_url, folder)
    with (
        pytest.MonkeyPatch.context() as patch,
        prometheus(folder, labels, impatient(RULES, folder)) as server,
    ):
        patch.setenv("GOPFARM_API_TOKENS", json.dumps({"operator": entry}))
        whole = Site(farm, ports, server, f"http://127.0.0.1:{api_port}")
        try:
            for role in ROLES:
                whole.start(role)
            until(lambda: len(server.values("up == 1")) == len(ROLES), "Prometheus sees the farm")
            yield whole
        finally:
            codes = {role: farm.stop(role) for role in list(farm.processes)}
        assert set(codes.values()) == {0}, codes
