from __future__ import annotations

from pathlib import Path

import pytest

from gopfarm.errors import SpecError
from gopfarm.storage import open_destination, open_source
from gopfarm.storage.address import (
    FileAddress,
    HttpsAddress,
    S3Address,
    parse_destination,
    parse_source,
    shown,
)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("s3://films/a b%20#1?.mp4", S3Address("films", "a b%20#1?.mp4")),
        ("file:///films/a%20b.mp4", FileAddress(Path("/films/a b.mp4"))),
        ("/films/a%20b.mp4", FileAddress(Path("/films/a%20b.mp4"))),
        ("~/a.mp4", FileAddress(Path.cwd() / "~" / "a.mp4")),
        ("https://Films.example/a?sig=1", HttpsAddress("films.example", 443, "/a?sig=1")),
        ("https://cdn.example:8443", HttpsAddress("cdn.example", 8443, "/")),
    ],
)
def test_a_source_is_what_its_url_says(url: str, address: object) -> None:
    assert parse_source(url, ("films.example", "cdn.example:8443")) == address


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://films.example/a.mp4",
        "ftp://films.example/a.mp4",
        "s3://",
        "s3:///key",
        "s3://bucket",
        "s3://bucket/",
        "s3://user:secret@bucket/key",
        "file://server/share",
        "file:///a%00b",
        "a\nb",
        "https://",
        "https://films.example:port/",
        "https://user:secret@films.example/a.mp4",
    ],
)
def test_anything_else_is_refused_in_one_line_without_secrets(url: str) -> None:
    with pytest.raises(SpecError, match="source") as caught:
        open_source(url, https_hosts=["films.example"])
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://other.example/a",
        "https://films.example.evil.example/a",
        "https://films.example:8443/a",
        "https://films.example./a",
        "https://evil.example\\.films.example/a",
        "https://evil.example?films.example",
    ],
)
def test_only_exactly_named_https_hosts_are_read(url: str) -> None:
    with pytest.raises(SpecError, match="GOPFARM_SOURCE_HOSTS"):
        open_source(url, https_hosts=["films.example"])


@pytest.mark.parametrize(
    "url",
    ["https://films.example/out", "s3://bucket", "s3://bucket//", "s3://bucket/a/../b", "s3://bucket/a//b"],
)
def test_a_destination_is_a_folder_or_a_plain_prefix(url: str) -> None:
    with pytest.raises(SpecError):
        open_destination(url)


def test_a_destination_may_end_in_a_slash() -> None:
    assert parse_destination("s3://bucket/a/") == S3Address("bucket", "a")


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../a", "a/../../b", "a//b", "./a", "a/", "a\\b", "a\nb"])
@pytest.mark.parametrize("place", ["file", "s3"])
def test_a_key_cannot_leave_the_destination(key: str, place: str, tmp_path: Path) -> None:
    destination = open_destination(str(tmp_path / "out") if place == "file" else "s3://bucket/out")
    with pytest.raises(SpecError):
        destination.put_bytes(key, b"")
    with pytest.raises(SpecError):
        destination.get_bytes(key)
    with pytest.raises(SpecError):
        destination.delete([key])


@pytest.mark.parametrize(
    ("url", "fit"),
    [
        ("https://a.example/x.mp4?sig=hush", "https://a.example/x.mp4"),
        ("HTTPS://u:hush@a.example/x.mp4#hush", "HTTPS://a.example/x.mp4"),
        (" https://u:hush@a.example/x.mp4?hush", "https://a.example/x.mp4"),
        ("https://u:hu/sh@a.example/x.mp4", "https://a.example/x.mp4"),
        ("https://a.example:8443/@user/x.mp4", "https://a.example:8443/@user/x.mp4"),
        ("https://[::1]:8443/x?hush", "https://[::1]:8443/x"),
        ("ftp://u:hush@a.example/x?hush", "ftp://a.example/x"),
        ("s3://key:hush@bucket/x", "s3://bucket/x"),
        ("s3://key:hu/sh@bucket/x", "s3://bucket/x"),
        ("s3://bucket/what?.mp4", "s3://bucket/what?.mp4"),
        ("file:///films/what?@x.mp4", "file:///films/what?@x.mp4"),
        ("/films/what?.mp4", "/films/what?.mp4"),
    ],
)
def test_users_passwords_and_signed_queries_are_not_shown(url: str, fit: str) -> None:
    assert shown(url) == fit


@pytest.mark.parametrize(
    "url", ["HTTPS://u:hush@a.example/x?hush\n", "ftp://u:hush@a.example", "s3://k:hush@b/x"]
)
def test_what_is_refused_is_named_without_its_secrets(url: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_source(url, ())
    assert "hush" not in str(caught.value)
