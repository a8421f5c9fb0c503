"""A Valkey of a run's own, with its data on disk, that can be killed, paused and robbed."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import redis

from cli.embedded import _valkey_server
from gopfarm.process import die_with_parent

_START_SECONDS = 20.0


def free_port() -> int:
    """Return a TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Valkey:
    """A server that writes every command to its append-only file before it answers.

    (With ``everysec`` the file is in the kernel's hands by then, which is as good for all but a power cut.)
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start on whatever data there is, and wait until it answers."""
        self._folder.mkdir(exist_ok=True)
        options = {
            "bind": "127.0.0.1",
            "port": str(self._port),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "dir": str(self._folder),
            "logfile": str(self._folder / "valkey.log"),
            "enable-debug-command": "no",
        }
        self._process = subprocess.Popen(
            [
                str(_valkey_server()),
                *(word for name, value in options.items() for word in (f"--{name}", value)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        deadline = time.monotonic() + _START_SECONDS
        with self.client() as client:
            while time.monotonic() < deadline:
                with contextlib.suppress(redis.RedisError):
                    client.ping()
                    return
                time.sleep(0.02)
        raise RuntimeError(f"Valkey did not start, see {self._folder / 'valkey.log'}")

    def client(self, timeout: float = 5.0) -> redis.Redis:
        """Return a new client that does not wait long."""
        return redis.Redis.from_url(
            self.url, decode_responses=True, socket_timeout=timeout, socket_connect_timeout=timeout
        )

    def kill(self) -> None:
        """Kill it outright."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def wipe(self) -> None:
        """Take all its data away; only for one that is not running."""
        for path in self._folder.glob("appendonlydir*"):
            shutil.rmtree(path)

    def pause(self) -> None:
        """Stop it in its tracks: connections stay open and nobody answers."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
