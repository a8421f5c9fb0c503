import http.client
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.player import PlayerServer, byte_span, serve_player
from gopfarm.errors import SourceError, SpecError

DATA = bytes(range(256)) * 10


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlayerServer]:
    root = tmp_path_factory.mktemp("player")
    folder = root / "my <stream>"
    (folder / "720p").mkdir(parents=True)
    (folder / "master.m3u8").write_text("#EXTM3U\n")
    (folder / "720p" / "00000.m4s").write_bytes(DATA)
    (folder / "with space & 100%.ts").write_bytes(b"ts")
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "manifest.mpd").write_text("<MPD/>")
    (root / "secret.txt").write_text("secret")
    (folder / "link").symlink_to(root / "secret.txt")
    with serve_player(folder, "127.0.0.1", 0) as running:
        yield running


def fetch(
    server: PlayerServer, path: str, method: str = "GET", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    address = urlsplit(server.url)
    assert address.hostname
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, body


def test_the_page_carries_the_folders_name_escaped(server: PlayerServer) -> None:
    status, headers, body = fetch(server, "/")
    assert status == 200
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert b"my &lt;stream&gt;" in body
    assert b"my <stream>" not in body


@pytest.mark.parametrize("name", ["player.css", "player.js", "hls.min.js"])
def test_the_pages_own_files_are_served(server: PlayerServer, name: str) -> None:
    status, _, body = fetch(server, f"/static/{name}")
    assert status == 200
    assert body


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("master.m3u8", "application/vnd.apple.mpegurl"),
        ("manifest.mpd", "application/dash+xml"),
        ("720p/00000.m4s", "video/iso.segment"),
        ("empty.mp4", "video/mp4"),
        ("with%20space%20%26%20100%25.ts", "video/mp2t"),
    ],
)
def test_stream_files_have_their_content_type_and_are_not_cached(
    server: PlayerServer, path: str, content_type: str
) -> None:
    status, headers, _ = fetch(server, f"/stream/{path}")
    assert status == 200
    assert headers["content-type"] == content_type
    assert headers["cache-control"] == "no-store"
    assert headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-299", 100, 300),
        ("bytes=2500-", 2500, 2560),
        ("bytes=-10", 2550, 2560),
    ],
)
def test_a_range_is_answered_with_exactly_those_bytes(
    server: PlayerServer, asked: str, start: int, end: int
) -> None:
    status, headers, body = fetch(server, "/stream/720p/00000.m4s", Range=asked)
    assert status == 206
    assert body == DATA[start:end]
    assert headers["content-range"] == f"bytes {start}-{end - 1}/{len(DATA)}"


def test_a_range_past_the_end_is_cut_to_the_file(server: PlayerServer) -> None:
    status, _, body = fetch(server, "/stream/720p/00000.m4s", Range="bytes=2000-99999999")
    assert (status, body) == (206, DATA[2000:])


@pytest.mark.parametrize("asked", [f"bytes={len(DATA)}-", "bytes=99999-100000", "bytes=-0"])
def test_a_range_with_no_byte_in_the_file_is_refused_with_its_size(server: PlayerServer, asked: str) -> None:
    status, headers, _ = fetch(server, "/stream/720p/00000.m4s", Range=asked)
    assert status == 416
    assert headers["content-range"] == f"bytes */{len(DATA)}"


@pytest.mark.parametrize(
    "asked", ["bytes=0-1,5-6", "items=0-1", "bytes=5-2", "bytes=x-", "bytes=" + "9" * 5000]
)
def test_a_range_that_means_nothing_gets_the_whole_file(server: PlayerServer, asked: str) -> None:
    status, _, body = fetch(server, "/stream/720p/00000.m4s", Range=asked)
    assert (status, body) == (200, DATA)


def test_head_says_the_size_and_sends_nothing(server: PlayerServer) -> None:
    status, headers, body = fetch(server, "/stream/720p/00000.m4s", method="HEAD")
    assert (status, headers["content-length"], body) == (200, str(len(DATA)), b"")


@pytest.mark.parametrize(
    "path",
    [
        "/stream/../secret.txt",
        "/stream/%2e%2e/secret.txt",
        "/stream/..%2fsecret.txt",
        "/stream//etc/passwd",
        "/stream/%2fetc/passwd",
        "/stream/link",
        "/stream/720p/../../secret.txt",
        "/static/../player.py",
        "/static/%2e%2e/player.py",
        "/static/player.html/../../player.py",
        "/stream/\\..\\secret.txt",
        "/stream/%00",
        "/stream/",
        "/stream/720p",
        "/stream/" + "a" * 5000,
        "/etc/passwd",
        "/favicon.ico",
    ],
)
def test_nothing_outside_the_stream_can_be_had(server: PlayerServer, path: str) -> None:
    status, _, body = fetch(server, path)
    assert status == 404
    assert b"secret" not in body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_it_is_read_only(server: PlayerServer, method: str) -> None:
    assert fetch(server, "/stream/master.m3u8", method=method)[0] == 501


def test_closing_frees_the_port(tmp_path: Path) -> None:
    server = serve_player(tmp_path)
    address = urlsplit(server.url)
    server.close()
    server.close()
    with socket.socket() as probe:
        assert probe.connect_ex((address.hostname or "", address.port or 0)) != 0


def test_a_missing_folder_and_a_taken_port_are_the_users_to_fix(tmp_path: Path, server: PlayerServer) -> None:
    with pytest.raises(SourceError, match="no such folder"):
        serve_player(tmp_path / "nothing")
    port = urlsplit(server.url).port
    assert port
    with pytest.raises(SpecError, match=f"127.0.0.1:{port}"):
        serve_player(tmp_path, "127.0.0.1", port)
    with pytest.raises(SpecError, match="choose another"):
        serve_player(tmp_path, "127.0.0.1", 70_000)


@given(st.text(max_size=40) | st.from_regex(r"bytes=\d{0,4}-\d{0,4}", fullmatch=True), st.integers(0, 2000))
def test_whatever_range_is_asked_the_answer_lies_within_the_file(header: str, size: int) -> None:
    span = byte_span(header, size)
    if span is not None:
        _, start, end = span
        assert 0 <= start <= end <= size
