"""Where streams are read from, and what is never followed."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gopfarm.errors import ServiceError, SourceError, SpecError
from tests.verifier.streams import Published, has
from verifier import rulebook, verify
from verifier.locations import Location, RefusedError, locate, resolve


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; below /moved/ it redirects."""

    def do_GET(self) -> None:
        if self.path.startswith("/moved/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/moved"))
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
        pass


@pytest.fixture
def served(good: Callable[[str], Published], tmp_path: Path) -> Iterator[tuple[str, Published]]:
    """A copy of the good stream behind a web server, with the server's address."""
    stream = good("cmaf").copy(tmp_path / "served")
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=str(stream.root))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", stream
    server.shutdown()
    server.server_close()


def test_a_stream_on_a_web_server_is_checked(served: tuple[str, Published]) -> None:
    url, _ = served
    report = verify(f"{url}/master.m3u8?token=secret")
    assert report.ok(), report.findings
    assert len(report.renditions) == 3
    assert "secret" not in str(report.document())


def test_what_a_web_server_does_not_have_is_found(served: tuple[str, Published]) -> None:
    url, stream = served
    stream.segment("180p", 1).unlink()
    assert has(verify(f"{url}/master.m3u8").findings, rulebook.AVAILABLE, "404")


def test_redirects_are_followed_and_told(served: tuple[str, Published]) -> None:
    url, stream = served
    playlist = stream.playlist("180p")
    folder = playlist.parent.relative_to(stream.root)
    stream.edit("180p", "^00001", f"/moved/{folder}/00001")
    report = verify(f"{url}/master.m3u8")
    assert report.ok(), report.findings
    assert has(report.findings, rulebook.REDIRECTED)


def test_a_remote_playlist_leads_to_no_file_of_ours(served: tuple[str, Published]) -> None:
    url, stream = served
    stream.edit("180p", "^00001.*", (stream.segment("90p", 1)).as_uri())
    findings = verify(f"{url}/master.m3u8").findings
    assert has(findings, rulebook.ADDRESSES, "not followed")


def test_a_playlist_that_nothing_tells_is_found(served: tuple[str, Published]) -> None:
    url, stream = served
    stream.master.rename(stream.root / "master.txt")
    assert has(verify(f"{url}/master.txt").findings, rulebook.NAMED, "text/plain")


def test_a_server_out_of_reach_is_a_passing_fault() -> None:
    with pytest.raises(ServiceError, match=r"127\.0\.0\.1:1"):
        verify("http://127.0.0.1:1/master.m3u8")


def test_a_stream_in_s3_is_checked(good: Callable[[str], Published], s3: Any) -> None:
    s3.create_bucket(Bucket="verified")
    root = good("cmaf").root
    for file in root.rglob("*"):
        if file.is_file():
            s3.upload_file(str(file), "verified", f"films/a film/{file.relative_to(root)}")
    report = verify("s3://verified/films/a film/master.m3u8")
    assert report.ok(), report.findings
    assert len(report.renditions) == 3
    with pytest.raises(SourceError, match="does not exist"):
        verify("s3://verified/films/other.m3u8")


def test_a_link_out_of_the_folder_is_not_followed(good: Callable[[str], Published], tmp_path: Path) -> None:
    spoilt = good("cmaf").copy(tmp_path / "spoilt")
    segment = spoilt.segment("180p", 1)
    segment.rename(tmp_path / "elsewhere.m4s")
    segment.symlink_to(tmp_path / "elsewhere.m4s")
    assert has(verify(str(spoilt.master)).findings, rulebook.ADDRESSES, "leads out of")


FILE = Location("/films/42/master.m3u8", "/films/42")
BUCKET = Location("s3://bucket/films/42/master.m3u8", "bucket")
WEB = Location("https://cdn.example.com/films/42/master.m3u8?a=b")


@pytest.mark.parametrize(
    ("base", "reference", "expected"),
    [
        (FILE, "720p/index.m3u8", "/films/42/720p/index.m3u8"),
        (FILE, "a%20b.m4s?x=1", "/films/42/a b.m4s"),
        (FILE, "https://cdn.example.com/a.ts", "https://cdn.example.com/a.ts"),
        (BUCKET, "720p/index.m3u8", "s3://bucket/films/42/720p/index.m3u8"),
        (BUCKET, "../43/a.ts", "s3://bucket/films/43/a.ts"),
        (BUCKET, "/a.ts", "s3://bucket/a.ts"),
        (WEB, "a.ts", "https://cdn.example.com/films/42/a.ts"),
        (WEB, "//other.example.com/a.ts", "https://other.example.com/a.ts"),
    ],
)
def test_references_are_resolved(base: Location, reference: str, expected: str) -> None:
    assert resolve(base, reference).url == expected


@pytest.mark.parametrize(
    ("base", "reference"),
    [
        (FILE, "/etc/passwd"),
        (FILE, "../secret.ts"),
        (FILE, "%2e%2e/secret.ts"),
        (FILE, "file:///etc/passwd"),
        (FILE, "s3://bucket/a.ts"),
        (FILE, "data:text/plain,x"),
        (FILE, "a b.ts"),
        (FILE, ""),
        (BUCKET, "../../../a.ts"),
        (BUCKET, "s3://other/a.ts"),
        (BUCKET, "file:///etc/passwd"),
        (WEB, "file:///etc/passwd"),
        (WEB, "s3://bucket/a.ts"),
        (WEB, "ftp://example.com/a.ts"),
        (WEB, "http://"),
    ],
)
def test_references_that_lead_elsewhere_are_refused(base: Location, reference: str) -> None:
    with pytest.raises(RefusedError):
        resolve(base, reference)


@pytest.mark.parametrize(
    "url", ["", "ftp://host/a.m3u8", "s3://bucket", "http://", "http://[", "a\nb", "file://host/x"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(SpecError):
        locate(url)
