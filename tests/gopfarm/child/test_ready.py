from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from encoders.child import PROBE
from gopfarm.child.forkserver import ForkServer, fork_server
from gopfarm.child.ready import get_ready, sandbox_layers
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


def test_what_children_are_forked_from_loads_neither_settings_nor_logs() -> None:
    program = (
        "import sys, gopfarm.child.server, encoders.child; encoders.child.preload();"
        "print(*{'structlog', 'pydantic_settings', 'redis', 'boto3', 'gopfarm.settings'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not done.stdout.split()


def test_a_fork_server_that_was_made_ready_has_loaded_what_its_children_need(tmp_path: Path) -> None:
    server = ForkServer()
    server.prepare(PROBE)
    try:
        assert server.layers()
        owner = server._owner
        assert owner is not None
        server.prepare("no.such:thing")  # the child that wants it will say so
        assert owner.is_alive()
    finally:
        server.stop()
    assert not owner.is_alive()
