"""A farm of real processes: Valkey, S3, one scheduler, two workers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis

from encoders.demo import make_demo_clip
from tests.farm.processes import ROOT, Farm, until


@pytest.fixture
def farm(valkey: redis.Redis, valkey_url: str, s3: Any, tmp_path: Path) -> Iterator[Farm]:
    """A scheduler and two workers of one slot each; all must end cleanly on SIGTERM, leaving no child."""
    farm = Farm(valkey_url, tmp_path)
    farm.start("scheduler", "scheduler", "--log-level", "debug")
    for name in ("worker-1", "worker-2"):
        farm.start(name, "worker", "--slots", "1", "--grace", "0")
    until(
        lambda: all(
            any(line["event"] == "worker started" for line in farm.log(name))
            for name in ("worker-1", "worker-2")
        ),
        "the workers have started",
    )
    yield farm
    family = [
        child
        for process in farm.processes.values()
        for child in psutil.Process(process.pid).children(recursive=True)
    ]
    codes = {name: farm.stop(name) for name in list(farm.processes)}
    assert set(codes.values()) == {0}, codes
    assert not [child for child in family if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds of generated film: two chunks, sound, scene cuts."""
    path = tmp_path_factory.mktemp("clip") / "a clip.mp4"
    make_demo_clip(path, 10)
    return path


@pytest.fixture(scope="session")
def media() -> Path:
    """Real clips, where they lie next to the checkout."""
    folder = ROOT.parent / "shared" / "media"
    if not folder.is_dir():
        pytest.skip("the folder shared/media with real clips is not next to this checkout")
    return folder
