from __future__ import annotations

import datetime
import ipaddress
import logging
import re
import ssl
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gopfarm.errors import ServiceError, SourceError
from gopfarm.log import configure_logging
from gopfarm.storage import SourceFile, open_source
from gopfarm.storage.blocks import BLOCK_BYTES
from gopfarm.storage.source import HEAD_BYTES

DATA = bytes(range(256)) * (3 * HEAD_BYTES // 256) + b"tail"


@dataclass
class Site:
    """A TLS server of one file, with the faults that tests ask for."""

    host: str = ""
    data: bytes = DATA
    etag: str = '"1"'
    ranges: bool = True
    status: int = 0
    cut: int = 0
    server: QuietServer | None = None
    asked: list[str] = field(default_factory=list)

    def open(self, path: str = "/a.mp4?sig=SECRET") -> SourceFile:
        return open_source(f"https://{self.host}{path}", https_hosts=[self.host])


class QuietServer(ThreadingHTTPServer):
    connections = 0

    def process_request(self, request: object, client_address: object) -> None:
        self.connections += 1
        super().process_request(request, client_address)  # type: ignore[arg-type]

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that hang up."""


def certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    cert = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + cert.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            site.asked.append(self.path)
            first, last = map(int, re.findall(r"\d+", self.headers["Range"]))
            body = site.data[first : last + 1] if site.ranges else site.data
            self.send_response(site.status or (206 if site.ranges and body else 200))
            self.send_header("ETag", site.etag)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(body)))
            if site.ranges and body:
                self.send_header("Content-Range", f"bytes {first}-{first + len(body) - 1}/{len(site.data)}")
            self.end_headers()
            if site.cut and first:
                site.cut -= 1
                self.wfile.write(body[:10])
                self.close_connection = True
            else:
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    pem = certificate(tmp_path)
    server = QuietServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    site.server = server
    site.host = f"127.0.0.1:{server.server_port}"
    yield site
    server.shutdown()
    server.server_close()


def test_a_file_on_an_allowed_host_is_read_in_ranges(site: Site) -> None:
    with site.open() as source:
        assert source.ref.size == len(DATA)
        assert source.ref.etag == '"1"'
        source.seek(-6, 2)
        assert source.read() == DATA[-6:]
        assert source.bytes_fetched == HEAD_BYTES + BLOCK_BYTES + 4
        source.seek(0)
        assert source.read() == DATA
    assert site.server
    assert site.server.connections == 1
    assert set(site.asked) == {"/a.mp4?sig=SECRET"}


def test_a_cut_connection_is_made_good(site: Site) -> None:
    site.cut = 3
    with site.open() as source:
        assert source.read() == DATA
    assert not site.cut


@pytest.mark.parametrize("change", ["etag", "data", "ranges"])
def test_a_file_that_changes_while_it_is_read_is_not_read_on(site: Site, change: str) -> None:
    with site.open() as source:
        setattr(site, change, {"etag": '"2"', "data": DATA + b"more", "ranges": False}[change])
        with pytest.raises(SourceError, match="changed while it was being read"):
            source.read()


@pytest.mark.parametrize(
    ("fault", "value", "reason"),
    [
        ("ranges", False, "does not support them"),
        ("data", b"", "empty"),
        ("status", 404, "does not exist"),
        ("status", 403, "access denied"),
        ("status", 302, "redirects"),
        ("status", 418, "418"),
    ],
)
def test_what_cannot_be_read_is_explained_without_the_query(
    site: Site, fault: str, value: object, reason: str
) -> None:
    setattr(site, fault, value)
    with pytest.raises(SourceError, match=reason) as caught:
        site.open()
    assert "SECRET" not in str(caught.value)
    assert len(site.asked) == 1


def test_an_untrusted_certificate_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(SourceError, match="not trusted"):
        site.open()


@pytest.mark.parametrize("status", [429, 503])
def test_a_passing_answer_is_waited_out_and_a_lasting_one_named(site: Site, status: int) -> None:
    site.status = status
    threading.Timer(0.5, setattr, (site, "status", 0)).start()
    with site.open() as source:
        site.status = status
        with pytest.raises(ServiceError, match=f"answers {status}, tried for 3 s$"):
            source.read()


@pytest.fixture
def logs() -> Iterator[None]:
    """The farm's logs on standard error, all of them."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    configure_logging("debug", json=True)
    yield
    root.handlers = before
    root.setLevel(level)


@pytest.mark.parametrize("fault", ["status", "cut"])
def test_no_traceback_or_log_shows_the_query(
    site: Site, fault: str, logs: None, capfd: pytest.CaptureFixture[str]
) -> None:
    source = site.open()
    setattr(site, fault, {"status": 503, "cut": 1000}[fault])
    with pytest.raises(ServiceError) as caught:
        source.read()
    said = capfd.readouterr()
    for text in ("".join(traceback.format_exception(caught.value)), said.out, said.err):
        assert "SECRET" not in text


def test_an_unreachable_host_is_a_service_fault(site: Site) -> None:
    url = "https://127.0.0.1:9/a.mp4?sig=" + "secret".upper()  # a traceback shows this line, too
    with pytest.raises(ServiceError, match="cannot be reached") as caught:
        open_source(url, https_hosts=["127.0.0.1:9"])
    assert "SECRET" not in "".join(traceback.format_exception(caught.value))
