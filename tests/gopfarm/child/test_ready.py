from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from encoders.child import PROBE
from gopfarm.child import get_ready, sandbox_layers
from gopfarm.child.forkserver import fork_server
from gopfarm.child.scratch import scratch_folder
from gopfarm.errors import SpecError
from gopfarm.settings import Settings


def test_a_process_says_once_what_its_sandbox_is_made_of(tmp_path: Path) -> None:
    with capture_logs() as logs:
        get_ready(Settings(scratch_dir=tmp_path), PROBE)
    (entry,) = [entry for entry in logs if "sandbox" in entry["event"]]
    assert entry["log_level"] == "info"
    assert {"limits", "privileges", "landlock", "seccomp"} <= set(entry["in_force"])


def test_a_gap_is_a_warning_and_with_strict_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layers = tuple(
        replace(layer, missing="Function not implemented") if layer.name == "seccomp" else layer
        for layer in sandbox_layers()
    )
    monkeypatch.setattr(fork_server(), "_layers", layers)
    with capture_logs() as logs:
        get_ready(Settings(scratch_dir=tmp_path), PROBE)
    (entry,) = [entry for entry in logs if "sandbox" in entry["event"]]
    assert entry["log_level"] == "warning"
    assert entry["missing"]["seccomp"] == "Function not implemented"
    with pytest.raises(SpecError, match="sandbox: strict is set, and here is no seccomp"):
        get_ready(Settings(scratch_dir=tmp_path, sandbox="strict"), PROBE)


def test_what_a_killed_process_left_is_removed_before_work_begins(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as work:
        shutil.copytree(work.parent, tmp_path / "gopfarm-task-dead")  # a copy of the lock that nobody holds
        with capture_logs() as logs:
            get_ready(Settings(scratch_dir=tmp_path), PROBE)
        assert [path.name for path in tmp_path.iterdir()] == [work.parent.name]
    assert any("dead processes" in entry["event"] and entry["count"] == 1 for entry in logs)
