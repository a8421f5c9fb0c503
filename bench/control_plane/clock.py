"""What happens at which time, one thing after the other."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from heapq import heappop, heappush

#: Seconds that are slept at most when nothing is due.
_NAP_SECONDS = 0.002


class Clock:
    """Acts that are due at moments of ``time.monotonic``. Each is given the moment at which it was due."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._acts: list[tuple[float, int, Callable[[float], None]]] = []
        self._count = 0

    def at(self, moment: float, act: Callable[[float], None]) -> None:
        """Act once."""
        self._count += 1
        heappush(self._acts, (moment, self._count, act))

    def every(self, period: float, first: float, act: Callable[[], None]) -> None:
        """Act once in each period (seconds), the first time within one after a moment."""

        def again(due: float) -> None:
            act()
            self.at(max(due + period, time.monotonic()), again)

        self.at(first + self._random.uniform(0, period), again)

    def run(self, until: Callable[[], bool], check_seconds: float = 0.5) -> None:
        """Act until something is so, which is asked every so often."""
        checked = time.monotonic()
        while True:
            now = time.monotonic()
            if now - checked >= check_seconds:
                checked = now
                if until():
                    return
            if not self._acts:
                time.sleep(_NAP_SECONDS)
            elif self._acts[0][0] > now:
                time.sleep(min(_NAP_SECONDS, self._acts[0][0] - now))
            else:
                due, _, act = heappop(self._acts)
                act(due)
