"""``gopfarm serve`` and ``gopfarm token``: as commands."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from click.testing import CliRunner

from cli.main import cli
from gopfarm.settings import get_settings
from tests.api.serving import PATIENCE_SECONDS, calling
from tests.farm.processes import ROOT, gopfarm


@contextmanager
def serve(redis_url: str, *options: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command on a free port; gives the process and the address."""
    with subprocess.Popen(
        [sys.executable, "-m", "gopfarm", "serve", "--port", "0", "--json", *options],
        cwd=ROOT,
        env={"GOPFARM_REDIS_URL": redis_url, **environment},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            line = json.loads(process.stderr.readline())
            assert line["event"] == "api started"
            yield process, f"http://127.0.0.1:{line['port']}"
        finally:
            process.kill()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def test_the_api_serves_until_sigterm_and_ends_cleanly(valkey_url: str) -> None:
    port = free_port()
    with serve(valkey_url, "--metrics-port", str(port)) as (process, url), calling(url) as client:
        assert client.get("/readyz").status_code == 200
        with client.stream("GET", "/api/v1/events") as events:
            assert next(events.iter_lines()).startswith("retry: ")
            told = httpx.get(f"http://127.0.0.1:{port}/metrics").text
            assert 'gopfarm_http_requests_total{method="GET",route="/readyz",status="200"} 1.0' in told
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_SECONDS) == 0
        assert process.stderr is not None
        lines = [json.loads(line) for line in process.stderr]
    assert lines[-1]["event"] == "api stopped"
    requests = [(line["path"], line["status"]) for line in lines if line["event"] == "request"]
    assert requests == [("/api/v1/events", 200)]  # not those of probes


def test_a_port_in_use_is_one_clear_line(valkey_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = gopfarm("serve", "--port", port, GOPFARM_REDIS_URL=valkey_url)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"gopfarm: cannot listen on 127.0.0.1:{port}: Address already in use; choose another host or port"
    ]


def test_a_metrics_port_in_use_is_a_wrong_argument_too(valkey_url: str) -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        done = gopfarm("serve", "--port", "0", "--metrics-port", port, GOPFARM_REDIS_URL=valkey_url)
    assert done.returncode == 2
    assert "choose another --metrics-port" in done.stderr.splitlines()[-1]


@pytest.fixture
def settings_of_commands(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    get_settings.cache_clear()
    yield monkeypatch
    get_settings.cache_clear()


def test_without_tokens_only_loopback_is_listened_on(settings_of_commands: pytest.MonkeyPatch) -> None:
    done = CliRunner().invoke(cli, ["serve", "--host", "0.0.0.0"])
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1
    assert "gopfarm token" in done.stderr


def test_redis_that_is_away_at_the_start_is_said(settings_of_commands: pytest.MonkeyPatch) -> None:
    settings_of_commands.setenv("GOPFARM_REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    done = CliRunner().invoke(cli, ["serve"])
    assert done.exit_code == 3
    assert len(done.stderr.splitlines()) == 1


def test_a_token_that_is_made_lets_its_bearer_in(valkey_url: str) -> None:
    made = CliRunner().invoke(
        cli, ["token", "backend", "--scope", "jobs:read", "--tenant", "school", "--json"]
    )
    document = json.loads(made.stdout)
    assert document["token"] not in json.dumps(document["entry"])
    entry = json.dumps(document["entry"])
    with (
        serve(valkey_url, "--host", "127.0.0.1", GOPFARM_API_TOKENS=entry) as (_, url),
        calling(url, document["token"]) as client,
        calling(url) as nobody,
    ):
        assert client.get("/api/v1/token").json() == {
            "name": "backend",
            "scopes": ["jobs:read"],
            "tenants": ["school"],
        }
        assert nobody.get("/api/v1/token").status_code == 401


def test_a_token_for_people_is_shown_with_its_entry() -> None:
    made = CliRunner().invoke(cli, ["token", "operator"])
    token, entry = (line.partition("  ")[2] for line in made.stdout.splitlines())
    assert token.startswith("gpf_")
    assert set(json.loads(entry)) == {"operator"}
    refused = CliRunner().invoke(cli, ["token", "operator", "--tenant", "no spaces"])
    assert refused.exit_code == 2


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        ('{"a": {"sha256": "x", "scopes": ["jobs:read"]}}', "api_tokens.a.sha256"),
        (f'{{"a": {{"sha256": "{"0" * 64}", "scopes": ["all"]}}}}', "api_tokens.a.scopes.0"),
        (f'{{"a": {{"sha256": "{"0" * 64}", "scopes": []}}}}', "api_tokens.a.scopes"),
        (f'{{"it is": {{"sha256": "{"0" * 64}", "scopes": ["jobs:read"]}}}}', "api_tokens.it is"),
        ("x", "GOPFARM_API_TOKENS is not JSON"),
    ],
)
def test_tokens_that_are_wrong_stop_the_start(
    settings_of_commands: pytest.MonkeyPatch, tokens: str, said: str
) -> None:
    settings_of_commands.setenv("GOPFARM_API_TOKENS", tokens)
    done = CliRunner().invoke(cli, ["serve"])
    assert done.exit_code == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", ["bad name!", "it's", "", "a" * 65, "-x"])
def test_a_token_has_a_name_that_fits_logs_and_shells(name: str) -> None:
    refused = CliRunner().invoke(cli, ["token", "--json", "--", name])
    assert refused.exit_code == 2
    assert "NAME: 1 to 64 letters, digits" in refused.stderr
