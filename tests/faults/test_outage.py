"""A whole job while its storage is away: it ends done, with the same bytes, at no attempt's cost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from encoders.demo import make_demo_clip
from tests.farm.processes import ROOT, gopfarm, until
from tests.faults.proxy import FaultProxy

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SMALL = ROOT / "tests" / "farm" / "small.yaml"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    make_demo_clip(path, 10)
    return path


def objects(s3: S3Client, bucket: str, prefix: str) -> dict[str, bytes]:
    """Return what was published; reports tell times and are left out."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/")
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
    return {
        key.removeprefix(f"{prefix}/"): s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        for key in keys
        if not key.endswith(".json")
    }


@pytest.mark.parametrize(
    ("seconds", "place"),
    [
        (5, "s3"),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in [(20, "file"), (20, "s3"), (60, "s3")]),
    ],
)
def test_an_outage_costs_time_and_nothing_else(
    seconds: int, place: str, film: Path, proxy: FaultProxy, s3: S3Client, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key="film.mp4", Body=film.read_bytes())
    source = str(film) if place == "file" else f"s3://{bucket}/film.mp4"
    arguments = ["transcode", source, "--preset", "ultrafast"]
    undisturbed = gopfarm(*arguments, f"s3://{bucket}/calm", "--profile", SMALL)
    assert undisturbed.returncode == 0, undisturbed.stderr
    process = subprocess.Popen(
        [sys.executable, "-m", "gopfarm", *arguments, f"s3://{bucket}/storm", "--profile", str(SMALL), "-v"],
        cwd=ROOT,
        env=os.environ,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: proxy.count("PUT", r"/storm/.*\.m4s$"), "the first segment is stored")
    began = time.monotonic()
    proxy.refuse(seconds)
    _, log = process.communicate(timeout=300)
    assert process.returncode == 0, log
    assert time.monotonic() - began > seconds
    assert "storage fails, to be tried again" in log
    calm, storm = objects(s3, bucket, "calm"), objects(s3, bucket, "storm")
    assert len(calm) > 10
    assert storm == calm
    report = json.loads(s3.get_object(Bucket=bucket, Key="storm/job.json")["Body"].read())
    assert [task["attempts"] for task in report["tasks"]] == [1] * len(report["tasks"])
