from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from gopfarm import process


def cgroup(root: Path, path: str, limits: dict[str, str]) -> tuple[Path, Path]:
    """Lay out cgroups of version 2, and say that a process is in one of them."""
    for folder, limit in limits.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder / "cpu.max").write_text(f"{limit}\n")
    own = root / "own"
    own.write_text(f"0::{path}\n")
    return root, own


def test_the_least_quota_along_the_path_counts(tmp_path: Path) -> None:
    limits = {"farm.slice": "250000 100000", "farm.slice/worker": "400000 100000"}
    assert process.quota(*cgroup(tmp_path, "/farm.slice/worker", limits)) == 2.5


def test_a_container_sees_its_own_cgroup_as_the_topmost(tmp_path: Path) -> None:
    assert process.quota(*cgroup(tmp_path, "/", {".": "50000 100000"})) == 0.5


@pytest.mark.parametrize("list_of_cgroups", ["0::/\n", "7:cpu,cpuacct:/docker/42\n", ""])
def test_without_a_quota_there_is_no_limit(tmp_path: Path, list_of_cgroups: str) -> None:
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "own").write_text(list_of_cgroups)
    assert process.quota(tmp_path, tmp_path / "own") == math.inf


@pytest.mark.parametrize(("limit", "cores"), [("50000 100000", 1), ("max 100000", None)])
def test_cores_are_those_of_the_mask_or_fewer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, cores: int | None
) -> None:
    root, own = cgroup(tmp_path, "/", {".": limit})
    monkeypatch.setattr(process, "_CGROUPS", root)
    monkeypatch.setattr(process, "_OWN_CGROUP", own)
    assert process.cores() == (cores or len(os.sched_getaffinity(0)))
