"""The image's health check; ``test_farm.py`` runs it as a program, against roles that run."""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import redis

from gopfarm.metrics import serve_metrics
from gopfarm.settings import get_settings
from gopfarm.store import Fleet, WorkerView, keys
from tests.api.serving import serving, settings_for
from tests.docker.conftest import free_ports
from tests.docker.dockerfile import DOCKER

HOST = socket.gethostname()


@pytest.fixture(scope="module")
def healthcheck() -> ModuleType:
    """The check as a module."""
    spec = importlib.util.spec_from_file_location("healthcheck", DOCKER / "healthcheck.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def fleet(valkey: redis.Redis, valkey_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    """The fleet that this process's settings name; nobody belongs to it."""
    monkeypatch.setenv("GOPFARM_REDIS_URL", valkey_url)
    get_settings.cache_clear()
    yield Fleet(valkey)
    get_settings.cache_clear()


@pytest.fixture
def first_process(tmp_path: Path) -> Callable[[str], Path]:
    """Write the command line of a container's first process, as Linux shows it."""

    def write(command: str) -> Path:
        path = tmp_path / "cmdline"
        path.write_text("\0".join(["/usr/bin/tini", "--", *command.split()]) + "\0")
        return path

    return write


def worker(host: str = HOST, slots: int = 2) -> WorkerView:
    """Describe a worker."""
    return WorkerView(
        id=f"{host}-7-abcdef",
        host=host,
        pid=7,
        slots={"encode.cpu": slots} if slots else {},
        encoders=("libx264",),
        seen=0,
    )


def test_a_worker_is_healthy_when_the_farm_has_heard_of_it(healthcheck: ModuleType, fleet: Fleet) -> None:
    fleet.announce(worker(f"{HOST}-2"))
    assert "has not heard of a worker" in healthcheck.main(["worker"])
    fleet.announce(worker())
    assert healthcheck.main(["worker"]) == ""


def test_a_worker_that_has_fallen_silent_is_not(
    healthcheck: ModuleType, fleet: Fleet, valkey: redis.Redis
) -> None:
    valkey.hset(keys.WORKERS, "silent", worker().model_dump_json())
    assert "has not heard of a worker" in healthcheck.main(["worker"])


def test_a_worker_without_room_for_tasks_is_not(healthcheck: ModuleType, fleet: Fleet) -> None:
    fleet.announce(worker(slots=0))
    assert healthcheck.main(["worker"]) == "its scratch folder has no room for tasks"


def test_a_scheduler_is_told_from_one_on_a_host_with_a_longer_name(
    healthcheck: ModuleType, fleet: Fleet
) -> None:
    fleet.announce_scheduler(f"{HOST}-2-7-abcdef")
    assert "has not heard of a scheduler" in healthcheck.main(["scheduler"])
    fleet.announce_scheduler(f"{HOST}-7-abcdef")
    assert healthcheck.main(["scheduler"]) == ""


@pytest.mark.parametrize("option", ["--metrics-port {}", "--metrics-port={}"])
def test_the_command_line_tells_the_role_and_where_its_metrics_are(
    healthcheck: ModuleType, fleet: Fleet, first_process: Callable[[str], Path], option: str
) -> None:
    (port,) = free_ports(1)
    command = first_process(f"/opt/gopfarm/bin/python /opt/gopfarm/bin/gopfarm worker {option.format(port)}")
    assert "has not heard of a worker" in healthcheck.main([], command)
    fleet.announce(worker())
    assert f"127.0.0.1:{port}/metrics does not answer" in healthcheck.main([], command)
    serve_metrics(port)
    assert healthcheck.main([], command) == ""


def test_other_commands_are_healthy_for_as_long_as_they_run(
    healthcheck: ModuleType, fleet: Fleet, first_process: Callable[[str], Path]
) -> None:
    assert healthcheck.main([], first_process("gopfarm transcode worker scheduler")) == ""
    assert healthcheck.main([], first_process("gopfarm")) == ""


def test_a_queue_that_is_away_is_told_without_its_password(
    healthcheck: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    (port,) = free_ports(1)
    monkeypatch.setenv("GOPFARM_REDIS_URL", f"redis://:hidden@127.0.0.1:{port}/0")
    get_settings.cache_clear()
    said = healthcheck.main(["worker"])
    get_settings.cache_clear()
    assert "cannot be reached" in said
    assert "hidden" not in said


def test_an_unknown_role_is_named(healthcheck: ModuleType) -> None:
    assert healthcheck.main(["wroker"]) == "no role is named 'wroker'"


def test_the_api_is_asked(
    healthcheck: ModuleType, fleet: Fleet, valkey_url: str, first_process: Callable[[str], Path]
) -> None:
    with serving(settings_for(valkey_url)) as url:
        process = first_process(f"gopfarm serve --host 0.0.0.0 --port {url.rpartition(':')[2]}")
        assert healthcheck.main([], process) == ""
    assert "does not answer" in healthcheck.main([], process)
