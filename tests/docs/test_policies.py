"""The policies for S3, in force: an S3 server that heeds them, and the farm's own storage."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from moto import settings as moto_settings
from moto.server import ThreadedMotoServer

from gopfarm.errors import FarmError
from gopfarm.storage import open_destination, open_source
from gopfarm.storage.s3_client import forget_s3_client

POLICIES = Path(__file__).parents[2] / "docs" / "operations" / "iam"

_DENIED = r"(?i)access ?denied"

Become = Callable[[str], None]


@pytest.fixture
def become(monkeypatch: pytest.MonkeyPatch) -> Iterator[Become]:
    """Have our S3 client be a user with one of the policies; in the bucket lie a source and a stream."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)

    session = boto3.Session()
    session.client("s3").create_bucket(Bucket="media")
    for key in ("uploads/42.mp4", "streams/41/master.m3u8", "elsewhere/x"):
        session.client("s3").put_object(Bucket="media", Key=key, Body=b"0123456789")
    iam = session.client("iam", endpoint_url=url)

    def become(name: str) -> None:
        iam.create_user(UserName=name)
        document = (POLICIES / f"{name}.json").read_text()
        iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        forget_s3_client()
        monkeypatch.setattr(moto_settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0.0)  # it heeds them from here on

    yield become
    server.stop()
    forget_s3_client()


def test_a_scheduler_can_probe_and_publish_and_no_more(become: Become) -> None:
    become("scheduler")
    open_source("s3://media/uploads/42.mp4").close()
    there = open_destination("s3://media/streams/42")
    there.check_writable()
    there.put_bytes("master.m3u8", b"x")
    assert there.get_bytes("master.m3u8") == b"x"
    assert there.get_bytes("manifest.mpd") is None
    assert there.sizes("") == {"master.m3u8": 1}
    # Amazon looks at each object that is removed, moto at the bucket; and moto at no condition of a listing.
    for refused in (
        lambda: open_destination("s3://media/uploads").put_bytes("42.mp4", b"x"),
        lambda: open_destination("s3://media/uploads").delete(["42.mp4"]),
        lambda: open_source("s3://media/elsewhere/x").close(),
    ):
        with pytest.raises(FarmError, match=_DENIED):
            refused()


def test_a_worker_can_read_sources_and_write_segments_and_no_more(become: Become, tmp_path: Path) -> None:
    become("worker")
    open_source("s3://media/uploads/42.mp4").close()
    there = open_destination("s3://media/streams/42")
    there.put_bytes("tasks/0123/video-00000.json", json.dumps({}).encode())
    segment = tmp_path / "00000.m4s"
    segment.write_bytes(b"x")
    there.put_file("720p/0123/00000.m4s", segment)
    for refused in (
        lambda: there.delete(["720p/0123/00000.m4s"]),
        lambda: there.get_bytes("master.m3u8"),
        lambda: there.sizes("720p"),
        lambda: open_destination("s3://media/uploads").put_bytes("42.mp4", b"x"),
    ):
        with pytest.raises(FarmError, match=_DENIED):
            refused()
