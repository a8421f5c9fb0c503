from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gopfarm.errors import SpecError
from gopfarm.settings import Settings, get_settings


@pytest.fixture(autouse=True)
def _no_settings_around(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("GOPFARM_")]:
        monkeypatch.delenv(name)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "gopfarm.toml"
    monkeypatch.setenv("GOPFARM_CONFIG", str(path))
    return path


def test_a_farm_needs_no_settings_and_trusts_no_host_by_default() -> None:
    settings = get_settings()
    assert settings.redis_url == "redis://127.0.0.1:6379/0"
    assert (settings.source_hosts, settings.webhook_hosts) == ((), ())


def test_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOPFARM_REDIS_URL", "redis://queue:6380/1")
    monkeypatch.setenv("GOPFARM_SOURCE_HOSTS", "cdn.example.com, b.example.com:8443")
    monkeypatch.setenv("GOPFARM_MAX_ATTEMPTS", "5")
    settings = get_settings()
    assert settings.redis_url == "redis://queue:6380/1"
    assert settings.source_hosts == ("cdn.example.com", "b.example.com:8443")
    assert settings.max_attempts == 5


def test_a_file_is_read_and_a_variable_wins_over_it(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text('lease_seconds = 30\nmax_attempts = 7\nwebhook_hosts = ["hooks.example.com"]\n')
    monkeypatch.setenv("GOPFARM_MAX_ATTEMPTS", "2")
    settings = get_settings()
    assert settings.lease_seconds == 30
    assert settings.webhook_hosts == ("hooks.example.com",)
    assert settings.max_attempts == 2


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("max_attempts", "0", "max_attempts: Input should be greater than or equal to 1"),
        ("lease_seconds", "soon", "lease_seconds: Input should be a valid number"),
        ("job_ttl_days", "inf", "a setting is not valid: job_ttl_days: Input should be a finite number"),
        ("api_tokens", "sesame", "^GOPFARM_API_TOKENS is not JSON: (?!.*sesame)"),
    ],
)
def test_a_wrong_variable_is_named(
    name: str, value: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"GOPFARM_{name.upper()}", value)
    with pytest.raises(SpecError, match=fault):
        get_settings()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("max_attempt = 3\n", "max_attempt: is not a field that exists here"),
        ("max_attempts = 99\n", "max_attempts: Input should be less than or equal to 20"),
        ("max_attempts = \n", "settings cannot be read: "),
        ("redis_url = '\xff'\n", "settings cannot be read: "),
    ],
)
def test_a_wrong_file_is_explained(text: str, fault: str, config: Path) -> None:
    config.write_text(text, "latin-1")
    with pytest.raises(SpecError, match=fault):
        get_settings()


def test_a_file_that_is_not_there_is_named(config: Path) -> None:
    with pytest.raises(SpecError, match=str(config)):
        get_settings()


def test_settings_can_be_printed_without_giving_secrets_away() -> None:
    settings = Settings(redis_url="redis://user:hush-1@queue:6379/0", webhook_secret="hush-2")
    assert "hush" not in repr(settings)
    assert "hush" not in str(settings)
