"""Processes of the farm, started and watched from tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 180


def gopfarm(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of ours to its end."""
    return subprocess.run(
        [sys.executable, "-m", "gopfarm", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait until a condition holds and return its value."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.1)
    raise AssertionError(f"in vain waited until {what}")


@dataclass
class Farm:
    """Processes that share nothing but Redis and storage."""

    redis_url: str
    logs: Path
    environment: dict[str, str] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *arguments: str) -> None:
        """Start a role."""
        with (self.logs / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "gopfarm", *arguments],
                cwd=ROOT,
                env=os.environ
                | {"GOPFARM_REDIS_URL": self.redis_url, "GOPFARM_LEASE_SECONDS": "4"}
                | self.environment,
                stdout=log,
                stderr=log,
            )

    def stop(self, name: str) -> int:
        """End a role by SIGTERM and return its exit code."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(60)

    def log(self, name: str) -> list[dict[str, Any]]:
        """Return the JSON lines that a role has logged."""
        lines = (self.logs / f"{name}.log").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run a command against this farm."""
        return gopfarm(*arguments, GOPFARM_REDIS_URL=self.redis_url)

    def job(self, job_id: str) -> dict[str, Any]:
        """Return a job as ``status --json`` shows it; {} while it is not known yet."""
        done = self.run("status", job_id, "--json")
        document: dict[str, Any] = json.loads(done.stdout)
        return {} if "error" in document and "id" not in document else document

    def ended(self, job_id: str) -> dict[str, Any]:
        """Wait for a job's end."""
        states = ("done", "failed", "cancelled")
        job: dict[str, Any] = until(
            lambda: (job := self.job(job_id)).get("state") in states and job, f"{job_id} ends"
        )
        return job
