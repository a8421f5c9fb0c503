"""The compose file: valid by Docker Compose itself, and by the rules that we set ourselves."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.roles import scheduler, worker
from cli.serve import serve
from gopfarm.settings import Settings
from gopfarm.tokens import digest_of, find_token
from scheduler.capacity import WORKER_BYTES
from tests.docker.conftest import interpolated
from tests.docker.dockerfile import DOCKER, ROOT, in_context, instructions

OURS = ("scheduler", "api", "worker", "worker-cuda")


def test_docker_compose_takes_it_and_starts_a_farm_by_default(env_file: Path) -> None:
    done = interpolated(env_file, "config", "--services")
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == {"valkey", "s3", "scheduler", "api", "worker", "prometheus", "grafana"}


def test_without_passwords_it_says_what_to_do() -> None:
    done = interpolated(DOCKER / "example.env", "config", "--quiet")
    assert done.returncode != 0
    assert "VALKEY_PASSWORD is missing a value: docker/up writes it" in done.stderr


def test_images_of_others_are_pinned_by_their_digest(services: dict[str, Any]) -> None:
    for name, service in services.items():
        if name not in OURS:
            assert re.fullmatch(r"[a-z/]+:[\w.-]+@sha256:[0-9a-f]{64}", service["image"]), name


def test_every_service_tells_its_health_has_limits_and_comes_back(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["healthcheck"]["test"], name
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}, name
        assert service["restart"] == "unless-stopped", name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        for needed in service.get("depends_on", {}).values():
            assert needed["condition"] == "service_healthy", name


def test_what_is_ours_has_no_rights_and_writes_only_to_scratch(services: dict[str, Any]) -> None:
    for name in OURS:
        service = services[name]
        assert service["cap_drop"] == ["ALL"], name
        assert service.get("read_only", False) == (name != "worker-cuda"), name
        writable = {volume["target"] for volume in service["volumes"] if not volume.get("read_only")}
        assert writable == {"/scratch"}, name


def test_the_farm_ends_a_runaway_child_before_the_kernel_does(services: dict[str, Any]) -> None:
    for name in set(OURS) - {"api"}:  # it has no children
        limit = int(services[name]["deploy"]["resources"]["limits"]["memory"])
        child = int(services[name]["environment"]["GOPFARM_CHILD_MEMORY_MB"]) << 20
        beside = 680 << 20 if name != "scheduler" else 0  # another task
        assert limit >= child + beside + WORKER_BYTES, name


def test_ports_are_open_to_this_machine_alone(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert ports
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}


def test_what_measures_reaches_neither_queue_nor_storage(services: dict[str, Any]) -> None:
    networks = {name: set(service["networks"]) for name, service in services.items()}
    assert networks["prometheus"] == networks["grafana"] == {"metrics"}
    assert networks["valkey"] == {"queue"}
    assert networks["s3"] == {"storage"}


def test_the_farm_s_settings_exist(services: dict[str, Any]) -> None:
    named = {
        key.removeprefix("GOPFARM_").lower()
        for name in OURS
        for key in services[name]["environment"]
        if key.startswith("GOPFARM_")
    }
    assert named
    assert named <= set(Settings.model_fields)


@pytest.mark.parametrize(
    ("name", "command"),
    [("scheduler", scheduler), ("api", serve), ("worker", worker), ("worker-cuda", worker)],
)
def test_roles_are_started_with_options_that_they_have(
    services: dict[str, Any], name: str, command: Any
) -> None:
    role, *options = services[name]["command"]
    assert role == command.name
    context = command.make_context(role, options)  # raises where it does not take them
    assert context.params["metrics_port"] == 9100
    (exposed,) = [text.rest for text in instructions() if text.name == "EXPOSE"]
    assert exposed == "9100"
    assert f"port: {exposed}" in (DOCKER / "prometheus" / "prometheus.yaml").read_text()


def test_a_worker_is_given_the_time_that_it_takes_to_stop(services: dict[str, Any]) -> None:
    grace = next(option.default for option in worker.params if option.name == "grace")
    # Its last words, and dramatiq's patience with threads, come after the grace: see worker/role.py.
    assert services["worker"]["stop_grace_period"] == f"{grace + 20:.0f}s"


def test_every_variable_is_explained_with_its_default() -> None:
    text = (DOCKER / "compose.yaml").read_text()
    used = dict(re.findall(r"(?<!\$)\$\{([A-Z0-9_]+)(?::-([^}]*))?", text))
    explained = dict(re.findall(r"^#?([A-Z0-9_]+)=(.*)$", (DOCKER / "example.env").read_text(), re.MULTILINE))
    assert used | {"API_TOKEN": ""} == explained  # which is for people: the API knows its digest


def test_prometheus_asks_every_service_of_ours() -> None:
    configuration = yaml.safe_load((DOCKER / "prometheus" / "prometheus.yaml").read_text())
    (names,) = [
        lookup["names"] for job in configuration["scrape_configs"] for lookup in job.get("dns_sd_configs", ())
    ]
    assert sorted(names) == sorted(OURS)


def test_grafana_finds_prometheus_and_its_dashboards(services: dict[str, Any]) -> None:
    provisioning = DOCKER / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "gopfarm.yaml").read_text())["providers"]
    mounted = {volume["target"]: volume["source"] for volume in services["grafana"]["volumes"]}
    boards = Path(mounted[provider["options"]["path"]])
    assert boards == ROOT / "helm" / "gopfarm" / "dashboards"
    assert list(boards.glob("*.json"))


def test_prometheus_finds_its_rules(services: dict[str, Any]) -> None:
    configuration = yaml.safe_load((DOCKER / "prometheus" / "prometheus.yaml").read_text())
    (pattern,) = configuration["rule_files"]
    mounted = {volume["target"]: volume["source"] for volume in services["prometheus"]["volumes"]}
    rules = Path(mounted[str(Path(pattern).parent)])
    assert rules == ROOT / "helm" / "gopfarm" / "rules"
    assert list(rules.glob(Path(pattern).name))


def test_up_makes_passwords_once_and_starts_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "docker"
    folder.mkdir()
    for name in ("up", "example.env"):
        (folder / name).write_bytes((DOCKER / name).read_bytes())
    command = ["sh", folder / "up", "--profile", "cuda"]

    def up() -> str:
        done = subprocess.run(
            command,
            env={"COMPOSE": "echo compose"} | {"PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert up().splitlines()[-1] == "compose --profile cuda up --build --detach --wait"
    made = folder / ".env"
    assert made.stat().st_mode & 0o777 == 0o600
    passwords = re.findall(r"^[A-Z0-9_]+=(\w{48})$", made.read_text(), re.MULTILINE)
    assert len(passwords) == len(set(passwords)) == 4
    token, digest = re.findall(r"^API_TOKEN(?:_SHA256)?=(\w+)$", made.read_text(), re.MULTILINE)
    assert digest == digest_of(token)
    configured = json.loads(interpolated(made, "config", "--format", "json").stdout)
    tokens = configured["services"]["api"]["environment"]["GOPFARM_API_TOKENS"]
    monkeypatch.setenv("GOPFARM_API_TOKENS", tokens)
    assert find_token(token, Settings().api_tokens) == "operator"

    before = made.read_bytes()
    up()
    assert made.read_bytes() == before


def test_passwords_are_kept_by_neither_git_nor_images() -> None:
    for path in ("docker/.env", "docker/media/film.mp4"):
        subprocess.run(["git", "check-ignore", "--quiet", path], cwd=ROOT, check=True)
    assert not in_context("docker/.env")
