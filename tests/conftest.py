"""Real parts that tests share."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import structlog
from hypothesis import settings

if TYPE_CHECKING:
    import redis
    from mypy_boto3_s3 import S3Client

    from tests.collector import Collector

# A busy machine must not make a test fail that is only slow.
settings.register_profile("gopfarm", deadline=None)
settings.load_profile("gopfarm")


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """Commands that run in this process set up its logs."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def _nothing_read_before() -> None:
    """A test that counts what is read from a source must find none of it here."""
    from gopfarm.storage.shared import shared_blocks

    shared_blocks().clear()


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector to which this process sends its spans, the last ones at ``tracing.shut_down``."""
    from gopfarm import tracing
    from tests.collector import collecting

    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        tracing.set_up("test")
        yield collector
        tracing.shut_down()


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """Address of a real Valkey on a private unix socket. Use ``valkey`` for one that is empty."""
    from cli.embedded import PrivateValkey

    server = PrivateValkey()
    yield server.url
    server.stop()


@pytest.fixture
def valkey(valkey_url: str) -> Iterator[redis.Redis]:
    """A client of an empty Valkey, as the farm connects to it."""
    from gopfarm.store import connect

    with connect(valkey_url) as client:
        client.flushall()
        yield client


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Client]:
    """A real S3 server on a free port, which boto3's variables name from here on; its client."""
    import boto3
    from moto.server import ThreadedMotoServer

    from gopfarm.storage.s3_client import forget_s3_client

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_S3", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_CONFIG_FILE", "/dev/null")
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        forget_s3_client()
        yield boto3.Session().client("s3")
    server.stop()
