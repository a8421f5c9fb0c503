"""The processes of a farm under attack: started, killed, and started again as Kubernetes would."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.chaos.film import ROOT
from tests.chaos.logs import Logs, in_hand

SCHEDULERS = ("scheduler-1", "scheduler-2")
WORKERS = ("worker-1", "worker-2", "worker-3")

#: Seconds from a role's death to its new start.
_RESTART_SECONDS = 1.0

_STOP_SECONDS = 60.0
_COMMAND_SECONDS = 60.0

#: A command that could not reach Redis, and so a role that starts while Redis is away.
_SERVICE_UNREACHABLE = 3

#: Every process of a farm carries it, with the folder of its run; nothing else that was started here does.
_MARK = "CHAOS_FARM"

#: prctl(2): orphans below this process become its own children, so that none can hide.
_PR_SET_CHILD_SUBREAPER = 36


@contextlib.contextmanager
def adopting_orphans() -> Iterator[None]:
    """Make this process, for a while, the parent of every descendant that loses its own."""
    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_SET_CHILD_SUBREAPER, 1)
    try:
        yield
    finally:
        prctl(_PR_SET_CHILD_SUBREAPER, 0)


@dataclass
class Role:
    """A long-running command. ``back_at`` is when it is started again, once it has died."""

    name: str
    arguments: tuple[str, ...]
    process: subprocess.Popen[bytes]
    back_at: float | None = None
    ours: bool = False  # we made it end


@dataclass
class Farm:
    """Two schedulers and three workers of one slot that share nothing but Redis and the destination.

    Args:
        redis_url: Where Redis is.
        folder: The run's own folder; logs and scratch files go below it.
        lease_seconds: How long a task is believed in the hands of a silent worker.
        environment: Further variables.
    """

    def __init__(
        self, redis_url: str, folder: Path, lease_seconds: float, environment: dict[str, str]
    ) -> None:
        self.scratch = folder / "scratch"
        self.scratch.mkdir()
        self._logs_folder = folder / "logs"
        self._logs_folder.mkdir()
        self.logs = Logs(self._logs_folder)
        self.deaths: list[str] = []
        self._roles: dict[str, Role] = {}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("GOPFARM_")}
        self._environment = (
            inherited
            | environment
            | {
                "GOPFARM_REDIS_URL": redis_url,
                "GOPFARM_LEASE_SECONDS": f"{lease_seconds:g}",
                "TMPDIR": str(self.scratch),
                _MARK: str(folder),
            }
        )
        self._mine = psutil.Process()
        self._before = {process.pid for process in self._mine.children(recursive=True)}

    def start(self) -> None:
        """Start every role."""
        for name in SCHEDULERS:
            self.launch(name, "scheduler", "--log-level", "debug")
        for name in WORKERS:
            self.launch(name, "worker", "--slots", "1", "--grace", "0")

    def launch(self, name: str, *arguments: str) -> None:
        """Start one role."""
        with (self._logs_folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "gopfarm", *arguments],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._roles[name] = Role(name, arguments, process)

    def tend(self) -> None:
        """Start again what has died, a moment later; note what died of itself."""
        for role in list(self._roles.values()):
            code = role.process.poll()
            if code is None:
                continue
            if role.back_at is None:
                role.back_at = time.monotonic() + _RESTART_SECONDS
                if not role.ours and code != _SERVICE_UNREACHABLE:
                    self.deaths.append(f"{role.name} ended by itself with code {code}")
            elif time.monotonic() >= role.back_at:
                self.launch(role.name, *role.arguments)

    def pid(self, name: str) -> int:
        """Return the process of a role."""
        return self._roles[name].process.pid

    def alive(self, name: str) -> bool:
        """Tell whether a role runs just now."""
        return self._roles[name].process.poll() is None

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a role; after a deadly one it is started again."""
        role = self._roles[name]
        role.ours = role.ours or number in (signal.SIGKILL, signal.SIGTERM)
        role.process.send_signal(number)

    def worker_id(self, name: str) -> str:
        """Return the id of the worker that a role is now; empty before it has said so."""
        mark = f"-{self.pid(name)}-"
        return next((line.worker for line in self.logs.lines() if mark in line.worker), "")

    def in_hand(self, name: str) -> list[tuple[str, str]]:
        """Return the tasks that a worker is running."""
        worker = self.worker_id(name)
        return in_hand(self.logs.lines(), worker) if worker else []

    def children(self, name: str) -> list[psutil.Process]:
        """Return the processes in which a role looks at media: the children of its fork server."""
        try:
            servers = psutil.Process(self.pid(name)).children()
            return [child for server in servers for child in server.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def command(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run a command against this farm, as a user would."""
        return subprocess.run(
            [sys.executable, "-m", "gopfarm", *map(str, arguments)],
            cwd=ROOT,
            env=self._environment | {"TMPDIR": tempfile.gettempdir()},
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )

    def status(self, job: str) -> dict[str, Any]:
        """Return what ``status`` says of a job; {} where it does not know it."""
        done = self.command("status", job, "--json")
        document = json.loads(done.stdout) if done.stdout else {}
        return document if "state" in document else {}

    def stop(self) -> None:
        """End every role by SIGTERM, as at the end of a day; those that do not end are killed and noted."""
        for role in self._roles.values():
            with contextlib.suppress(ProcessLookupError):
                role.process.send_signal(signal.SIGCONT)
                role.process.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        for role in self._roles.values():
            # One that died a moment ago and was not started again yet has been noted already.
            noted = role.back_at is not None or role.ours
            try:
                code = role.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                role.process.kill()
                role.process.wait()
                self.deaths.append(f"{role.name} did not end within {_STOP_SECONDS:.0f} s of SIGTERM")
            else:
                # A role that had not finished starting dies of the signal itself.
                if code not in (0, -signal.SIGTERM, _SERVICE_UNREACHABLE) and not noted:
                    self.deaths.append(f"{role.name} ended with code {code} on SIGTERM")

    def orphans(self) -> list[psutil.Process]:
        """Return the processes that a stopped farm has left."""
        found = []
        for process in self._mine.children(recursive=True):
            if process.pid in self._before:
                continue
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.status() != psutil.STATUS_ZOMBIE:
                    if self._has(process):
                        found.append(process)
                elif process.ppid() == self._mine.pid:
                    with contextlib.suppress(ChildProcessError):
                        os.waitpid(process.pid, os.WNOHANG)
        return found

    def _has(self, process: psutil.Process) -> bool:
        """Tell whether a process is of this farm; others may be started beside it, as by a browser."""
        try:
            return process.environ().get(_MARK) == self._environment[_MARK]
        except psutil.AccessDenied:  # as of a process in a sandbox, which only farms start
            return True
