"""Storage with faults: a proxy between the farm and a real S3 server."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gopfarm.storage.s3_client import forget_s3_client
from tests.encoders.conftest import clip
from tests.faults.proxy import FaultProxy

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["clip"]


@pytest.fixture
def proxy(s3: S3Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    """A proxy in front of the S3 server. The farm's storage goes through it, the fixture ``s3`` does not."""
    with FaultProxy(os.environ["AWS_ENDPOINT_URL_S3"]) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.url)
        forget_s3_client()
        yield proxy
    forget_s3_client()


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[Path]:
    """Make a file system of its own, of a size such as ``1m``; skips where that is not allowed."""
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("a small file system cannot be mounted here: that takes root's rights")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def bucket(s3: S3Client) -> str:
    """A new, empty bucket."""
    name = f"faults-{time.monotonic_ns()}"
    s3.create_bucket(Bucket=name)
    return name
