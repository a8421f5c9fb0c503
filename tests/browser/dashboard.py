"""The dashboard as a real server, and pages that watch for what must not happen in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from playwright.sync_api import Page

from gopfarm.settings import Settings
from tests.api.serving import serving as serving_api


@dataclass(frozen=True)
class Server:
    """Where the dashboard is."""

    url: str

    @property
    def port(self) -> int:
        """The port, for a server that takes its place."""
        port = urlsplit(self.url).port
        assert port is not None
        return port


@contextmanager
def serving(settings: Settings, port: int = 0) -> Iterator[Server]:
    """The API, and the dashboard, for as long as it is needed."""
    with serving_api(settings, port) as url:
        yield Server(f"{url}/")


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
