"""How long something has taken, that is done in several goes."""

from __future__ import annotations

import time


class Stopwatch:
    """Seconds spent in ``with`` blocks, the one under way included. One thread enters, any may look."""

    def __init__(self) -> None:
        self._total = 0.0
        self._since: float | None = None

    def __enter__(self) -> None:
        self._since = time.monotonic()

    def __exit__(self, *exception: object) -> None:
        self._total, self._since = self.seconds, None

    @property
    def seconds(self) -> float:
        """The seconds so far."""
        since = self._since
        return self._total + (time.monotonic() - since if since is not None else 0.0)
