"""The farm of the compose file: its own commands, its processes contained as Docker would contain them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from encoders.demo import make_demo_clip
from tests.docker.conftest import SECRET, Running, free_ports
from tests.docker.dockerfile import DOCKER, ROOT, instructions
from tests.farm.processes import PATIENCE_SECONDS, until

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

UNSHARE = ["unshare", "--user", "--map-user=10001", "--map-group=10001", "--keep-caps", "--mount"]


@dataclass
class Farm:
    """Processes of ours, with a folder for their logs and their environment."""

    folder: Path
    environment: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def contained(self, *command: str) -> list[str]:
        """Return a command that runs another in a container of sorts."""
        return [
            *UNSHARE,
            sys.executable,
            "-m",
            "tests.docker.contained",
            str(self.folder / "scratch"),
            *command,
        ]

    def start(self, role: str, *options: str) -> None:
        """Start a role in a container."""
        with (self.folder / f"{role}.log").open("wb") as log:
            self.processes[role] = subprocess.Popen(
                self.contained(sys.executable, "-m", "gopfarm", role, *options),
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    def logged(self, role: str, event: str) -> dict[str, Any]:
        """Return what a role logs with an event, as soon as it does."""
        log = self.folder / f"{role}.log"

        def found() -> dict[str, Any] | None:
            assert self.processes[role].poll() is None, log.read_text()
            lines = (json.loads(line) for line in log.read_text().splitlines() if line.endswith("}"))
            return next((line for line in lines if line["event"] == event), None)

        line: dict[str, Any] = until(found, f"{role} says: {event}")
        return line

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, not contained."""
        return subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )


@pytest.fixture
def container(tmp_path: Path) -> Farm:
    """Somewhere to run things in, with the variables of the image; Redis and S3 are nowhere."""
    if subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody make namespaces")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (variables,) = [text.rest for text in instructions() if text.name == "ENV" and "SCRATCH" in text.rest]
    environment = dict(re.findall(r"(\w+)=(\S+)", variables.replace("/scratch", str(scratch))))
    return Farm(tmp_path, environment | {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)})


@pytest.fixture
def farm(container: Farm, services: dict[str, Any], queue: Running, store: Running) -> Iterator[Farm]:
    """Valkey and S3 run, nothing of ours yet. Names of the containers' network are addresses here."""
    environment = services["worker"]["environment"]
    for there, port in (("valkey:6379", queue.port), ("s3:8333", store.port)):
        environment = {name: value.replace(there, f"127.0.0.1:{port}") for name, value in environment.items()}
    container.environment |= environment | {"GOPFARM_SANDBOX": "strict"}
    yield container
    for process in container.processes.values():
        process.kill()
        process.wait()


@pytest.fixture
def s3_of_compose(farm: Farm) -> S3Client:
    """A client of the compose file's S3 server."""
    return boto3.Session().client(
        "s3",
        endpoint_url=farm.environment["AWS_ENDPOINT_URL_S3"],
        aws_access_key_id=SECRET,
        aws_secret_access_key=SECRET,
        region_name="us-east-1",
    )


def health(farm: Farm, role: str) -> tuple[int, str]:
    """Return how the check of the image ends, and what it says."""
    done = farm.run(DOCKER / "healthcheck.py", role)
    return done.returncode, done.stdout + done.stderr


def test_a_container_of_sorts_contains(container: Farm) -> None:
    script = f"id -u; touch {ROOT}/written; touch {container.folder}/scratch/written; unshare --net true"
    command = container.contained("sh", "-c", script)
    done = subprocess.run(
        command, cwd=ROOT, env=container.environment, capture_output=True, text=True, check=False
    )
    assert done.stdout == "10001\n"
    assert "Read-only file system" in done.stderr
    assert "Operation not permitted" in done.stderr
    assert not (ROOT / "written").exists()
    assert (container.folder / "scratch" / "written").exists()


def test_the_farm_does_a_job_without_rights_in_a_strict_sandbox_and_tells_its_health(
    farm: Farm, s3_of_compose: S3Client, services: dict[str, Any], queue: Running
) -> None:
    status, said = health(farm, "worker")
    assert status == 1
    assert "has not heard of a worker" in said
    for role, port in zip(("scheduler", "worker"), free_ports(2), strict=True):
        farm.start(*[word.replace("9100", str(port)) for word in services[role]["command"]])
    for role in ("scheduler", "worker"):
        layers = farm.logged(role, "sandbox of child processes")
        assert layers["in_force"] == ["limits", "privileges", "landlock", "seccomp"]
        assert set(layers["missing"]) == {"network namespace"}
        farm.logged(role, f"{role} started")
        until(lambda role=role: health(farm, role) == (0, ""), f"{role} is healthy")

    make_demo_clip(farm.folder / "clip.mp4", 2)
    s3_of_compose.upload_file(str(farm.folder / "clip.mp4"), "media", "uploads/clip.mp4")
    profile = ROOT / "tests" / "farm" / "small.yaml"
    addresses = ("s3://media/uploads/clip.mp4", "s3://media/streams/clip")
    done = farm.run("-m", "gopfarm", "submit", *addresses, "--profile", profile, "--watch")
    assert done.returncode == 0, done.stdout + done.stderr
    master = s3_of_compose.head_object(Bucket="media", Key="streams/clip/master.m3u8")
    assert master["ContentType"] == "application/vnd.apple.mpegurl"
    assert master["CacheControl"] == "public, max-age=60"
    assert not list((farm.folder / "scratch").iterdir())

    for role in ("worker", "scheduler"):
        farm.processes[role].terminate()
        assert farm.processes[role].wait(PATIENCE_SECONDS) == 0
        assert health(farm, role)[0] == 1
    queue.process.terminate()
    queue.process.wait()
    assert "cannot be reached" in health(farm, "scheduler")[1]
