"""The sandbox, attacked from inside. Each layer must be in force on the machine that runs these tests."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from gopfarm.child.forkserver import fork_server
from gopfarm.child.limits import MEBIBYTE, Limits
from gopfarm.child.parent import Child, ChildDiedError, ChildLimitError, run_in_child
from gopfarm.child.ready import sandbox_layers
from gopfarm.errors import EncodeError, SpecError

ATTACKS = "tests.gopfarm.child.attacks"
LIMITS = Limits(memory_bytes=1024 * MEBIBYTE)

#: What an attempt may meet: no permission, or a kernel that seems not to have it.
REFUSED = {"EPERM", "EACCES", "ENOSYS"}


def run(target: str, request: bytes = b"", limits: Limits = LIMITS, limit_seconds: float = 60) -> bytes:
    return run_in_child(f"{ATTACKS}:{target}", request, io.BytesIO(b"data"), 4, limit_seconds, limits=limits)


def test_every_layer_is_in_force_here() -> None:
    assert [layer.name for layer in sandbox_layers() if layer.needed and not layer.missing] == [
        "limits",
        "privileges",
        "landlock",
        "seccomp",
    ]


def test_nothing_that_a_child_tries_gets_out_of_the_sandbox(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    canary.write_text("sings")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        told = {"canary": str(canary), "port": listener.getsockname()[1], "parent": os.getpid()}
        outcomes = json.loads(run("attempts", json.dumps(told).encode()))
        with pytest.raises(TimeoutError):
            listener.accept()
    assert {name: found for name, found in outcomes.items() if found not in REFUSED} == {}
    assert len(outcomes) > 30
    assert canary.read_text() == "sings"
    assert [path.name for path in tmp_path.iterdir()] == ["canary"]


def test_what_children_need_works_in_the_sandbox() -> None:
    assert json.loads(run("honest")) == ["thread", "x" * 1000, "data", "signal", "colorsys"]


# Using too much.


def test_a_child_that_fills_memory_is_stopped_and_says_what_it_may_use() -> None:
    limits = replace(LIMITS, memory_bytes=300 * MEBIBYTE)
    with pytest.raises(EncodeError, match=r"ran out of memory \(it may use 300 MiB\)"):
        run("fill_memory", limits=limits)


def test_memory_that_no_limit_of_the_kernel_counts_is_watched() -> None:
    limits = replace(LIMITS, memory_bytes=300 * MEBIBYTE)
    with pytest.raises(ChildLimitError, match="used more than 300 MiB of memory, and was ended"):
        run("fill_shared_memory", limits=limits)


def test_a_child_that_fills_the_disk_is_stopped(tmp_path: Path) -> None:
    limits = LIMITS.writing(8 * MEBIBYTE)
    with pytest.raises(ChildLimitError, match="wrote more than 8 MB, which is more than it can need"):
        run("fill_disk", limits=limits)


def test_a_file_cannot_grow_beyond_what_a_child_may_write() -> None:
    assert run("fill_file", limits=LIMITS.writing(8 * MEBIBYTE)) == b"EFBIG"


def test_a_child_that_burns_processor_time_is_ended_by_the_kernel(tmp_path: Path) -> None:
    limits = replace(LIMITS, cpu_seconds=1)
    with (
        Child(f"{ATTACKS}:burn", b"", io.BytesIO(b""), 0, tmp_path, limits) as child,
        pytest.raises(ChildDiedError, match="was killed by SIGXCPU: it used up its 1 s of processor time"),
    ):
        for _ in child.events(5.0):
            pass


def test_endless_error_output_is_neither_kept_nor_waited_for() -> None:
    before = psutil.Process().memory_info().rss
    with pytest.raises(TimeoutError):
        run("talk_for_ever", limit_seconds=2)
    assert psutil.Process().memory_info().rss - before < 64 * MEBIBYTE


def test_a_crash_tells_the_signal_and_the_last_line() -> None:
    with pytest.raises(ChildDiedError, match=r"was killed by SIGSEGV; it last said: decoding slice 7$"):
        run("segfault")


# The fork server.


def test_after_the_death_of_the_fork_server_the_next_child_gets_a_new_one(tmp_path: Path) -> None:
    fork_server().layers()
    before = _fork_server_process()
    with Child(f"{ATTACKS}:sleep", b"", io.BytesIO(b""), 0, tmp_path, LIMITS) as child:
        events = child.events(0.05)
        next(events)
        before.kill()
        with pytest.raises(ChildDiedError, match="was killed by SIGKILL"):
            for _ in events:
                pass
    assert json.loads(run("honest"))[0] == "thread"
    assert _fork_server_process().pid != before.pid


def test_a_signal_to_all_processes_of_a_service_leaves_the_decision_to_the_parent(tmp_path: Path) -> None:
    with Child(f"{ATTACKS}:sleep", b"", io.BytesIO(b""), 0, tmp_path, LIMITS) as child:
        events = child.events(0.05)
        next(events)
        family = [_fork_server_process(), *_fork_server_process().children()]
        assert len(family) == 2
        for process in family:
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGINT)
        assert [next(events) for _ in range(5)] == [None] * 5
        assert all(process.is_running() for process in family)


def _fork_server_process() -> psutil.Process:
    (found,) = [
        child
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE and "gopfarm.child" in child.cmdline()
    ]
    return found


@pytest.mark.parametrize("target", ["encoders.child:probe_source", "verifier.child:decode_pictures"])
def test_loading_what_children_need_starts_no_thread(target: str) -> None:
    """A process with threads cannot be forked safely; the fork server would end itself."""
    before = _settled()
    with pytest.raises(ChildDiedError, match=r"ValidationError|JSONDecodeError"):
        run_in_child(target, b"nonsense", io.BytesIO(b""), 0, limits=LIMITS)
    process = _fork_server_process()
    assert process.pid == before
    assert process.num_threads() == 1


def _settled() -> int:
    fork_server().layers()
    return _fork_server_process().pid


def test_strict_refuses_to_work_where_a_layer_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = sandbox_layers()
    gap = replace(layers[2], missing="Function not implemented")
    monkeypatch.setattr(fork_server(), "_layers", (*layers[:2], gap, *layers[3:]))
    assert json.loads(run("honest"))[0] == "thread", "best goes on without it"
    with pytest.raises(SpecError, match=r"no landlock \(Function not implemented\)"):
        run("honest", limits=replace(LIMITS, strict=True))


def test_a_namespace_of_its_own_is_not_what_keeps_a_child_from_the_network() -> None:
    (network,) = [layer for layer in sandbox_layers() if layer.name == "network namespace"]
    assert not network.needed


def test_starting_a_child_is_quick() -> None:
    run("honest")
    process = _fork_server_process()
    before = time.process_time() + sum(process.cpu_times()[:4])
    for _ in range(10):
        run("honest")
    # A new Python took 0.2 s and more; the bound leaves room for a slow machine.
    assert (time.process_time() + sum(process.cpu_times()[:4]) - before) / 10 < 0.1
