#!/usr/bin/env python3
"""Whether the role that runs in this container is alive as the farm sees it: exit code 0 or 1, and why.

A process that runs may still be of no use: its threads may have ended, its queue may be out of reach. What
counts is what others act upon, that a worker or a scheduler has told the farm of itself within the last
seconds. Both do so every three seconds from the loop that does their work. The API (``serve``) is asked.

usage: gopfarm-healthcheck [scheduler|worker|serve]

Without a role, the command line of the container's first process tells it. Other commands (``transcode``,
``submit``) end by themselves and tell by their exit code: they are healthy for as long as they run.
"""

from __future__ import annotations

import re
import socket
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from gopfarm.errors import FarmError
from gopfarm.settings import get_settings
from gopfarm.store import Fleet, connect, reachable

ROLES = ("scheduler", "worker", "serve")

#: Seconds for an answer about metrics. It comes from a thread of the role, in milliseconds.
_METRICS_SECONDS = 3.0

#: Where the API listens unless its command says otherwise; seconds for an answer, for which it asks Redis.
_API_PORT = 8080
_API_SECONDS = 7.0


def main(arguments: Sequence[str], first_process: Path = Path("/proc/1/cmdline")) -> str:
    """Return what is wrong, or an empty text.

    Args:
        arguments: The role, if it is not to be found out.
        first_process: The command line of the process that the container was started for.
    """
    command = _command(first_process)
    role = (*arguments, *command, "")[0]
    if role not in ROLES:
        return f"no role is named {role!r}" if arguments else ""
    try:
        fault = _api_fault(_option(command, "port") or _API_PORT) if role == "serve" else _role_fault(role)
        return fault or _metrics_fault(_option(command, "metrics-port"))
    except FarmError as error:
        return str(error)


def _command(cmdline: Path) -> list[str]:
    """Return the words that follow ``gopfarm`` in a command line."""
    words = cmdline.read_text().rstrip("\0").split("\0")
    return next((words[at + 1 :] for at, word in enumerate(words) if Path(word).name == "gopfarm"), [])


def _role_fault(role: str) -> str:
    url, host = get_settings().redis_url, socket.gethostname()
    with reachable(url), connect(url) as client:
        fleet = Fleet(client)
        if role == "scheduler":
            # A name is the host, the process's id and something random.
            found = any(name.rsplit("-", 2)[0] == host for name in fleet.schedulers())
            return "" if found else f"the farm has not heard of a scheduler on {host} lately"
        workers = [worker for worker in fleet.workers() if worker.host == host]
        if not workers:
            return f"the farm has not heard of a worker on {host} lately"
        return "" if any(worker.slots for worker in workers) else "its scratch folder has no room for tasks"


def _option(command: Sequence[str], name: str) -> int | None:
    named = re.search(rf"--{name}[ =](\d+)", " ".join(command))
    return int(named[1]) if named else None


def _api_fault(port: int) -> str:
    address = f"http://127.0.0.1:{port}/readyz"
    try:
        with urllib.request.urlopen(address, timeout=_API_SECONDS) as answer:
            return "" if b"schedulers" in answer.read() else f"{address} is not our API"
    except OSError as error:
        return f"{address} does not answer, or not well: {error}"


def _metrics_fault(port: int | None) -> str:
    if port is None:
        return ""
    address = f"http://127.0.0.1:{port}/metrics"
    try:
        with urllib.request.urlopen(address, timeout=_METRICS_SECONDS) as answer:
            return "" if b"gopfarm_" in answer.read() else f"{address} has none of our metrics"
    except OSError as error:
        return f"{address} does not answer: {error}"


if __name__ == "__main__":
    fault = main(sys.argv[1:])
    if fault:
        print(fault)
    sys.exit(bool(fault))
