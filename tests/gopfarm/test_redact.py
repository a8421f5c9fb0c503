from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gopfarm import redact as module
from gopfarm.redact import is_secret_name, redact, remember_address, remember_secret


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_remembered", set())
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://:hush@queue:6379/0 is away", "redis://***@queue:6379/0 is away"),
        ("rediss://farm:hu/sh@queue", "rediss://***@queue"),
        ("unix://:12/34hush@/run/v.sock?db=1", "unix://***@/run/v.sock?***"),
        (
            "Max retries exceeded with url: /x?hush (Caused by",
            "Max retries exceeded with url: /x?*** (Caused by",
        ),
        ("'https://u:hush@a.example/x'", "'https://***@a.example/x'"),
        ("https://a.example/x.mp4?X-Amz-Signature=hush&b=1 failed", "https://a.example/x.mp4?*** failed"),
        ("https://a.example?hush", "https://a.example?***"),
        ("https://a.example/cb#access_token=hush", "https://a.example/cb?***"),
        ('"GET /x.mp4?sig=hush HTTP/1.1" 206', '"GET /x.mp4?*** HTTP/1.1" 206'),
        ("url='HTTPS://a.example/x?hush'", "url='HTTPS://a.example/x?***'"),
        ("X-Amz-Security-Token=hush&x=1", "X-Amz-Security-Token=***&x=1"),
        ("aws_secret_access_key = 'hush'", "aws_secret_access_key = ***'"),
        ("password=hush, host=a", "password=***, host=a"),
        ("Authorization: Bearer hush.hush.hush-hush", "Authorization: Bearer ***"),
        ("AWS4-HMAC-SHA256 Credential=hush/20260101/s3, Signature=hush", None),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, shown: str | None) -> None:
    masked = redact(text)
    assert "hush" not in masked
    assert shown is None or masked == shown


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text("abcXYZ059%/+=._~-:@", min_size=12, max_size=40))
def test_no_password_of_redis_and_no_signature_gets_through(secret: str) -> None:
    for text in (f"x redis://farm:{secret}@queue:6379/0 y", f"(rediss://:{secret}@queue)"):
        assert secret not in redact(text)
    for text in (f"https://a.example/x?{secret}", f"'https://a.example/x.mp4?sig={secret}': 403"):
        assert secret not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "job done in 3 s: s3://bucket/streams/42/master.m3u8",
        "film.mp4 is truncated; is that so? see /films/what?.mp4",
        "https://a.example:8443/@user/x.mp4 does not exist",
        "s3://bucket/a/icon@2x.png is missing",
        "error a@b.example, key=value, 3 == 3, basic profile, Basic things",
        "",
    ],
)
def test_harmless_text_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "name",
    [
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_ACCESS_KEY_ID",
        "GOPFARM_WEBHOOK_SECRET",
        "DB_PASSWORD",
    ],
)
def test_values_of_secret_variables_are_masked_wherever_they_are(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "correct-horse-7")
    assert redact("KeyError: 'correct-horse-7'") == "KeyError: '***'"


def test_each_of_several_webhook_secrets_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOPFARM_WEBHOOK_SECRET", "new-secret-1 old-secret-1")
    assert redact("new-secret-1, old-secret-1") == "***, ***"


def test_the_password_of_redis_is_masked_as_it_is_written_and_as_it_is_meant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GOPFARM_REDIS_URL", "redis://farm:p%40ssword1@queue/0")
    assert redact("p@ssword1 p%40ssword1") == "*** ***"
    monkeypatch.setenv("GOPFARM_REDIS_URL", "unix:///run/v.sock?db=0&password=p%40ssword2")
    assert redact("p@ssword2") == "***"


def test_values_learned_from_a_file_are_masked() -> None:
    remember_secret("from-the-file", None, "")
    remember_address("redis://:in-the-address@queue")
    assert redact("from-the-file in-the-address") == "*** ***"


def test_short_values_do_not_garble_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("GOPFARM_REDIS_URL", "redis://[broken")
    assert redact("the latest test") == "the latest test"


@pytest.mark.parametrize(
    "part",
    [
        "http://",
        "a://:",
        "/",
        "?",
        "://@",
        "token",
        "x://a:",
        "sig=",
        "redis://",
        "with url: ",
        "/?",
        "X-Amz-",
    ],
)
def test_text_made_to_take_long_does_not(part: str) -> None:
    """Without bounds on the patterns some of these take many minutes; the process's own time counts."""
    started = time.process_time()
    redact(part * 200_000 + "=")
    assert time.process_time() - started < 10


def test_of_a_long_text_both_ends_are_kept_and_no_half_of_a_signature() -> None:
    masked = redact("begin " + "x" * 50_000 + " https://a.example/x?" + "hush" * 2_000 + " end")
    assert len(masked) < 20_000
    assert masked.startswith("begin x")
    assert masked.endswith(" end")
    assert "hush" not in masked


def test_names_of_secrets_are_known() -> None:
    assert all(map(is_secret_name, ("webhook_secret", "Authorization", "session_token", "PASSWORD")))
    assert not any(map(is_secret_name, ("event", "job", "task", "reason", "url")))
