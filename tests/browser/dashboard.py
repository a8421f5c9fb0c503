"""The API with its dashboard, served from this process, and pages that watch for what must not happen."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from playwright.sync_api import Page

from api.app import create_app
from gopfarm.settings import Settings

_START_SECONDS = 20.0


class Server:
    """The API on a free port of loopback."""

    def __init__(self, settings: Settings, port: int = 0) -> None:
        config = uvicorn.Config(
            create_app(settings),
            host="127.0.0.1",
            port=port,
            log_config=None,
            timeout_graceful_shutdown=1,  # streams of events have no end of their own
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, name="api", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + _START_SECONDS
        while not self._server.started:
            assert self._thread.is_alive(), "the API has not started"
            assert time.monotonic() < deadline, "the API has not started in time"
            time.sleep(0.01)
        self.port: int = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"

    def stop(self) -> None:
        """Stop, as on SIGTERM. May be called twice."""
        self._server.should_exit = True
        self._thread.join()


@contextmanager
def serving(settings: Settings, port: int = 0) -> Iterator[Server]:
    """The API, and the dashboard, for as long as it is needed."""
    server = Server(settings, port)
    try:
        yield server
    finally:
        server.stop()


class Faults(list[str]):
    """What went wrong in a page: errors that nothing caught, and what the content security policy stopped."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        page.on("pageerror", lambda error: self.append(f"error: {error}"))
        page.on("console", lambda message: self._note(message.type, message.text))

    def _note(self, kind: str, text: str) -> None:
        # The browser also reports answers of 4xx and 5xx, which the page shows in its own words.
        if kind == "error" and not text.startswith("Failed to load resource"):
            self.append(f"console: {text}")
