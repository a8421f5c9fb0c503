from __future__ import annotations

import io
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from gopfarm.errors import DestinationError, FarmError, ServiceError, SourceError
from gopfarm.storage import open_destination, open_source, stored_headers
from gopfarm.storage.blocks import BLOCK_BYTES
from gopfarm.storage.s3 import SMALL_BYTES
from gopfarm.storage.s3_client import forget_s3_client, s3_client
from gopfarm.storage.source import HEAD_BYTES

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture
def bucket(s3: S3Client) -> str:
    name = f"films-{time.monotonic_ns()}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def fresh_client(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Lets a test set other variables than the farm's client was made with."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ACCESSKEY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SECRETKEY")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    forget_s3_client()
    yield monkeypatch
    forget_s3_client()


def test_an_object_is_read_in_ranges(s3: S3Client, bucket: str) -> None:
    data = bytes(range(256)) * (5 * HEAD_BYTES // 256)
    s3.put_object(Bucket=bucket, Key="a.mp4", Body=data)
    with open_source(f"s3://{bucket}/a.mp4") as source:
        assert source.ref.size == len(data)
        source.seek(-1000, 2)
        assert source.read() == data[-1000:]
        assert source.bytes_fetched == HEAD_BYTES + BLOCK_BYTES
        source.seek(0)
        assert source.read() == data
    with open_source(f"s3://{bucket}/a.mp4", expected=source.ref):
        pass
    with pytest.raises(SourceError, match="changed since it was planned"):
        open_source(f"s3://{bucket}/a.mp4", expected=replace(source.ref, size=1))


@pytest.mark.parametrize("deleted", [False, True])
def test_an_object_that_changes_while_it_is_read_is_not_read_on(
    deleted: bool, s3: S3Client, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key="a.mp4", Body=b"a" * 2 * HEAD_BYTES)
    source = open_source(f"s3://{bucket}/a.mp4")
    if deleted:
        s3.delete_object(Bucket=bucket, Key="a.mp4")
    else:
        s3.put_object(Bucket=bucket, Key="a.mp4", Body=b"b" * 2 * HEAD_BYTES)
    with pytest.raises(SourceError, match="changed while it was being read"):
        source.read()


def test_a_missing_or_empty_object_is_named(s3: S3Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="empty.mp4", Body=b"")
    with pytest.raises(SourceError, match=f"s3://{bucket}/empty.mp4 is empty"):
        open_source(f"s3://{bucket}/empty.mp4")
    with pytest.raises(SourceError, match=f"s3://{bucket}/none.mp4 does not exist"):
        open_source(f"s3://{bucket}/none.mp4")
    with pytest.raises(SourceError, match="no such bucket"):
        open_source("s3://no-such-bucket/none.mp4")


@pytest.mark.parametrize("size", [7, SMALL_BYTES + 7])
def test_what_is_put_carries_headers_and_checksum(
    size: int, s3: S3Client, bucket: str, tmp_path: Path
) -> None:
    key = "audio-eng-0/0a1b2c3d4e5f/00000.m4s"
    (tmp_path / "segment").write_bytes(bytes(size))
    open_destination(f"s3://{bucket}/out").put_file(key, tmp_path / "segment")
    stored = s3.get_object(Bucket=bucket, Key=f"out/{key}", ChecksumMode="ENABLED")
    assert stored["ContentType"] == "audio/mp4"
    assert stored["CacheControl"] == stored_headers(key).cache_control
    assert stored["ChecksumSHA256"]
    assert stored["Body"].read() == bytes(size)


def test_a_growing_playlist_is_put_with_a_short_life_and_the_final_one_with_a_longer(
    s3: S3Client, bucket: str
) -> None:
    for growing, age in ((True, 2), (False, 60)):
        open_destination(f"s3://{bucket}/out").put_bytes("master.m3u8", b"#EXTM3U\n", growing)
        stored = s3.get_object(Bucket=bucket, Key="out/master.m3u8")
        assert stored["CacheControl"] == f"public, max-age={age}"


def test_keys_are_listed_by_folder_over_pages_and_deleted_in_batches(
    s3: S3Client, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "7")  # instead of 1000 a page
    monkeypatch.setattr("gopfarm.storage.s3.DELETE_BATCH", 7)
    destination = open_destination(f"s3://{bucket}/out/")
    assert destination.sizes("") == {}
    assert destination.get_bytes("job.json") is None
    keys = [f"720p/aa/{number:05}.m4s" for number in range(30)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(destination.put_bytes, keys, [b"12"] * len(keys)))
    destination.put_bytes("720p60/aa/00000.m4s", b"123")
    s3.put_object(Bucket=bucket, Key="outside/job.json", Body=b"{}")
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 7
    assert destination.sizes("720p") == dict.fromkeys(keys, 2)
    destination.delete([*keys, "720p/aa/never.m4s"])
    assert destination.sizes("") == {"720p60/aa/00000.m4s": 3}
    assert destination.get_bytes("720p60/aa/00000.m4s") == b"123"


def test_check_writable_leaves_nothing_and_names_a_missing_bucket(s3: S3Client, bucket: str) -> None:
    open_destination(f"s3://{bucket}/out").check_writable()
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    with pytest.raises(DestinationError, match="no such bucket"):
        open_destination("s3://no-such-bucket/out").check_writable()


@pytest.mark.parametrize(
    ("code", "status", "kind", "reason"),
    [
        ("AccessDenied", 403, DestinationError, "access denied"),
        ("SignatureDoesNotMatch", 403, ServiceError, "refused the credentials"),
        ("InvalidAccessKeyId", 403, ServiceError, "refused the credentials"),
        ("ExpiredToken", 400, ServiceError, "refused the credentials"),
        ("PermanentRedirect", 301, DestinationError, "another region"),
        ("SlowDown", 503, ServiceError, "keeps answering 503"),
        ("EntityTooLarge", 400, DestinationError, "EntityTooLarge"),
    ],
)
def test_a_refusal_is_explained_by_who_must_act(
    code: str, status: int, kind: type[FarmError], reason: str, fresh_client: pytest.MonkeyPatch
) -> None:
    fresh_client.setenv("AWS_ENDPOINT_URL_S3", "http://user:SECRETKEY@127.0.0.1:9")
    with Stubber(s3_client()) as stubber:
        stubber.add_client_error("create_multipart_upload", code, http_status_code=status)
        with pytest.raises(kind, match=reason) as caught:
            open_destination("s3://films/out").check_writable()
    assert "SECRETKEY" not in str(caught.value)


def test_a_server_that_ignores_ranges_is_refused(fresh_client: pytest.MonkeyPatch) -> None:
    fresh_client.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    answer: dict[str, Any] = {"ContentLength": 9 * HEAD_BYTES, "ETag": '"e"', "Body": io.BytesIO(b"")}
    with Stubber(s3_client()) as stubber:
        stubber.add_response("get_object", answer)
        with pytest.raises(SourceError, match="ranges"):
            open_source("s3://films/a.mp4")


def test_missing_credentials_are_said_to_be_missing(s3: S3Client, fresh_client: pytest.MonkeyPatch) -> None:
    fresh_client.delenv("AWS_ACCESS_KEY_ID")
    fresh_client.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(ServiceError, match="credentials"):
        open_source("s3://films/a.mp4")


def test_a_refusing_or_silent_endpoint_is_reported_soon_and_by_address(
    fresh_client: pytest.MonkeyPatch,
) -> None:
    fresh_client.setattr("gopfarm.storage.s3_client.CONNECT_SECONDS", 1)
    with socket.socket() as silent:  # its backlog is full: connecting to it times out
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(silent.getsockname())
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            refusing = free.getsockname()[1]
        for port in (refusing, silent.getsockname()[1]):
            fresh_client.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{port}")
            forget_s3_client()
            with pytest.raises(ServiceError, match=f"http://127.0.0.1:{port} cannot be reached"):
                open_source("s3://films/a.mp4")
        for one in waiting:
            one.close()


def test_reading_local_files_does_not_load_the_network_libraries(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"1")
    code = (
        "import sys; from gopfarm.storage import open_source, open_destination\n"
        "open_source(sys.argv[1]); open_destination(sys.argv[1] + '.out').put_bytes('job.json', b'{}')\n"
        "assert not {'boto3', 'botocore', 'urllib3'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.mp4")], check=True)
