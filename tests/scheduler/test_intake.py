from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gopfarm.errors import SpecError
from gopfarm.profile import Profile
from gopfarm.settings import Settings
from gopfarm.spec import JobSpec
from scheduler.intake import check_webhook, job_id_for, resolve_profile


def spec(**fields: Any) -> JobSpec:
    return JobSpec(source="s3://films/a.mp4", destination="s3://streams/a", **fields)


def test_without_a_key_every_message_is_a_job_of_its_own() -> None:
    assert job_id_for(spec(), "message-1") == "message-1"


def test_one_key_of_one_tenant_is_one_job() -> None:
    first = job_id_for(spec(idempotency_key="k", tenant="a"), "message-1")
    again = job_id_for(spec(idempotency_key="k", tenant="a", priority=9), "message-2")
    assert first == again != "message-1"


def test_keys_of_different_tenants_never_meet() -> None:
    pairs = [("a", "k"), ("b", "k"), ("a", "l"), ("a", "a\nk"), ("a", "k\na")]
    ids = {job_id_for(spec(idempotency_key=key, tenant=tenant), "m") for tenant, key in pairs}
    assert len(ids) == len(pairs)


def test_the_id_made_from_a_key_is_the_same_in_every_release() -> None:
    assert job_id_for(spec(idempotency_key="k"), "m") == "b97f0368-4657-55cd-bd0c-d772e4f921b1"


def test_a_profile_is_found_by_name_own_folder_or_inline(tmp_path: Path) -> None:
    (tmp_path / "courses.yaml").write_text("renditions: [{name: a, height: 144, bitrate: 100k}]\n")
    settings = Settings(profiles_dir=tmp_path)
    assert resolve_profile(spec(), settings).name == "standard"
    assert resolve_profile(spec(profile="courses"), settings).name == "courses"
    inline = Profile.model_validate({"renditions": [{"name": "a", "height": 144, "bitrate": 100_000}]})
    assert resolve_profile(spec(profile=inline), settings) is inline
    with pytest.raises(SpecError, match=r"there is no profile 'courses'; there are mobile, standard, uhd$"):
        resolve_profile(spec(profile="courses"), Settings())


HOSTS = Settings(webhook_hosts=("hooks.example.com", "Other.example.com:8443", "[2001:db8::1]"))


@pytest.mark.parametrize(
    "webhook",
    [
        None,
        "https://hooks.example.com/done?x=1",
        "https://HOOKS.example.com",
        "https://hooks.example.com:443/",
        "https://other.example.com:8443/x",
        "https://[2001:db8::1]/x",
    ],
)
def test_webhooks_to_allowed_hosts_pass(webhook: str | None) -> None:
    check_webhook(spec(webhook=webhook), HOSTS)


@pytest.mark.parametrize(
    ("webhook", "reason"),
    [
        ("http://hooks.example.com/", "must be an https:// address"),
        ("hooks.example.com/done", "must be an https:// address"),
        ("https://", "must be an https:// address"),
        ("file:///etc/passwd", "must be an https:// address"),
        ("https://evil.example.com/", "host evil.example.com is not allowed.*GOPFARM_WEBHOOK_HOSTS"),
        ("https://hooks.example.com.evil.com/", "is not allowed"),
        ("https://hooks.example.com:8443/", "host hooks.example.com:8443 is not allowed"),
        ("https://other.example.com/", "host other.example.com is not allowed"),
        ("https://hooks.example.com@evil.com/", "without user and password"),
        ("https://user:secret@hooks.example.com/", "without user and password"),
        # urllib.parse and urllib3 disagree about which host this names.
        ("https://evil.com\\@hooks.example.com/", "host evil.com is not allowed"),
        ("https://[hooks.example.com/", "is not an address that can be understood"),
        ("https://hooks.example.com:port/", "is not an address that can be understood"),
    ],
)
def test_other_webhooks_are_refused_with_the_reason(webhook: str, reason: str) -> None:
    with pytest.raises(SpecError, match=f"^webhook: .*{reason}"):
        check_webhook(spec(webhook=webhook), HOSTS)


def test_no_host_is_allowed_by_default() -> None:
    with pytest.raises(SpecError, match="is not allowed"):
        check_webhook(spec(webhook="https://hooks.example.com/"), Settings())
