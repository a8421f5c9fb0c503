"""A farm of one worker with two slots, and tenants who all want it at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dramatiq
import imageio_ffmpeg
import yaml
from dramatiq.brokers.redis import RedisBroker

from cli.embedded import PrivateValkey
from tests.chaos.logs import Line, Logs
from tests.farm.processes import ROOT

SLOTS = 2
PROFILE = Path(__file__).parent / "plain.yaml"

_STOP_SECONDS = 60

#: Seconds that anything may take, with 200 jobs on a busy machine.
_PATIENCE_SECONDS = 900


def make_clip(path: Path) -> None:
    """Draw a second of film without sound."""
    picture = ("-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25:duration=1")
    codec = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *picture, *codec, str(path)], check=True)


class FairFarm:
    """Valkey and a scheduler from the start; the worker comes when it is told to.

    Args:
        folder: For logs, settings and what is published.
        redis_url: Where Redis is.
        weights: By tenant.
        aging_seconds: After how long a job that was given nothing counts as one priority higher.
    """

    def __init__(
        self, folder: Path, redis_url: str, weights: Mapping[str, float], aging_seconds: float | None
    ) -> None:
        lines = [] if aging_seconds is None else [f"aging_seconds = {aging_seconds}"]
        for tenant, weight in weights.items():
            lines += [f"[tenants.{tenant}]", f"weight = {weight}"]
        (folder / "gopfarm.toml").write_text("\n".join(lines) + "\n")
        self._folder = folder
        self._environment = os.environ | {
            "GOPFARM_REDIS_URL": redis_url,
            "GOPFARM_CONFIG": str(folder / "gopfarm.toml"),
        }
        (folder / "logs").mkdir()
        self.logs = Logs(folder / "logs")
        self._broker = RedisBroker(url=redis_url)  # type: ignore[no-untyped-call]
        self._profile = yaml.safe_load(PROFILE.read_text())
        self._clip = folder / "clip.mp4"
        make_clip(self._clip)
        self._processes: list[subprocess.Popen[bytes]] = []
        self.tenants: dict[str, str] = {}
        self._launch("scheduler")

    def _launch(self, *arguments: str) -> None:
        with (self._folder / "logs" / f"{arguments[0]}.log").open("ab") as log:
            self._processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", "gopfarm", *arguments],
                    cwd=ROOT,
                    env=self._environment,
                    stdout=log,
                    stderr=log,
                )
            )

    def start_worker(self) -> None:
        """Start the one worker."""
        self._launch("worker", "--slots", str(SLOTS), "--grace", "0")

    def stop(self) -> None:
        """End the processes; who does not go is killed."""
        for process in reversed(self._processes):
            process.send_signal(signal.SIGTERM)
        for process in self._processes:
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def submit(self, tenant: str, priority: int = 5) -> str:
        """Submit a job as a backend does, by a message; return its id."""
        spec = {
            "source": str(self._clip),
            "destination": str(self._folder / "out" / f"{len(self.tenants):04}"),
            "profile": self._profile,
            "tenant": tenant,
            "priority": priority,
        }
        message: dramatiq.Message[None] = dramatiq.Message(
            "jobs", "submit", args=(json.dumps(spec),), kwargs={}, options={}
        )
        job = self._broker.enqueue(message).message_id
        self.tenants[job] = tenant
        return job

    def lines(self, event: str) -> list[Line]:
        """Return what was logged of an event so far."""
        return [line for line in self.logs.lines() if line.event == event]

    def first(self, event: str, job: str) -> Line | None:
        """Return the first time that an event was logged of a job."""
        return next((line for line in self.lines(event) if line.task[0] == job), None)

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait until a condition holds and return its value."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if value := condition():
                return value
            assert all(process.poll() is None for process in self._processes), "a process of the farm ended"
            time.sleep(0.1)
        raise AssertionError(f"in vain waited until {what}")


@contextmanager
def fair_farm(
    folder: Path, weights: Mapping[str, float], aging_seconds: float | None = None
) -> Iterator[FairFarm]:
    """Start a farm of its own; stop it at the end."""
    valkey = PrivateValkey()
    try:
        farm = FairFarm(folder, valkey.url, weights, aging_seconds)
        try:
            yield farm
        finally:
            farm.stop()
    finally:
        valkey.stop()
