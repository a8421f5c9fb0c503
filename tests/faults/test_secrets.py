"""What storage's faults say: never a credential, a signature, or a query, in messages, tracebacks or logs."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gopfarm.errors import FarmError
from gopfarm.log import configure_logging
from gopfarm.storage import Patience, open_destination, open_source
from gopfarm.storage.s3_client import forget_s3_client, one_line
from tests.faults.proxy import CONNECTION_FAULTS, FAULTS, FaultProxy

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SECRETS = {
    "AWS_ACCESS_KEY_ID": "AKIASECRETKEYID00001",
    "AWS_SECRET_ACCESS_KEY": "SECRETaccesskey",
    "AWS_SESSION_TOKEN": "SECRETtoken",
}


@pytest.fixture
def logged(capfd: pytest.CaptureFixture[str]) -> Iterator[pytest.CaptureFixture[str]]:
    """Logs as an operator would see them who wants to see much."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    configure_logging("debug", json=True)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # the server's log, not the farm's
    yield capfd
    root.handlers = before
    root.setLevel(level)


@pytest.fixture
def secret_client(proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> FaultProxy:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.url.replace("http://", "http://user:SECRETpassword@"))
    monkeypatch.setattr("gopfarm.storage.s3_client.READ_SECONDS", 0.5)
    monkeypatch.setattr("gopfarm.storage.s3_client.ATTEMPTS", 1)
    forget_s3_client()
    return proxy


def assert_tells_no_secret(error: FarmError, logged: pytest.CaptureFixture[str]) -> None:
    shown = "".join(traceback.format_exception(error))
    said = logged.readouterr()
    for text in (str(error), shown, said.out, said.err):
        assert "SECRET" not in text
        assert "Signature" not in text
        assert "?" not in text
    assert "\n" not in str(error)


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault not in ("trickle", "slow-upload")])
def test_no_fault_of_s3_tells_a_secret(
    fault: str, secret_client: FaultProxy, s3: S3Client, bucket: str, tmp_path: Path,
    logged: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    s3.put_object(Bucket=bucket, Key="a", Body=b"1" * 100)
    source, destination = f"s3://{bucket}/a", open_destination(f"s3://{bucket}/out")
    (tmp_path / "file").write_bytes(b"1")
    secret_client.add(fault)
    patience = Patience(1.0)
    failed = 0
    for attempt in (
        lambda: open_source(source, patience=patience),
        lambda: patience.insist(lambda: destination.put_file("a/b/0.m4s", tmp_path / "file")),
        destination.check_writable,
        lambda: destination.get_bytes("job.json"),
        lambda: destination.sizes(""),
        lambda: destination.delete(["job.json"]),
    ):
        try:
            attempt()
        except FarmError as error:
            failed += 1
            assert_tells_no_secret(error, logged)
    assert failed >= (3 if fault in CONNECTION_FAULTS else 6)


def test_an_endpoint_out_of_reach_tells_no_secret(
    secret_client: FaultProxy, logged: pytest.CaptureFixture[str]
) -> None:
    secret_client.refuse()
    with pytest.raises(FarmError, match=f"{secret_client.url} cannot be reached") as caught:
        open_source("s3://bucket/a", patience=Patience(1.0))
    assert_tells_no_secret(caught.value, logged)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ('Could not connect to "http://u:word@s3/b/k?uploadId=1&X-Amz-Signature=ab12"', "word"),
        ('Could not connect to "http://u:word@s3/b/k?uploadId=1&X-Amz-Signature=ab12"', "ab12"),
        ("Invalid endpoint: https://u:word@s3", "word"),
        ("The key AKIAIOSFODNN7EXAMPLE is unknown", "AKIA"),
        ("x-amz-security-token: ab12, expired", "ab12"),
        ("/k?AWSAccessKeyId=ab12&Signature=word&Expires=1", "ab12"),
        ("/k?AWSAccessKeyId=ab12&Signature=word&Expires=1", "word"),
    ],
)
def test_words_of_others_are_made_fit_to_be_shown(text: str, secret: str) -> None:
    said = one_line(text)
    assert secret not in said
    assert said.partition(" ")[0] == text.partition(" ")[0].partition("?")[0] or "***" in said


def test_words_of_others_are_one_line_of_bounded_length() -> None:
    assert one_line("two\nlines") == "two lines"
    assert len(one_line("x" * 4000)) < 400
