"""How often a caller may ask: requests a second, by token."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from api.problems import Problem

#: So many seconds' worth of requests may come at once.
_BURST_SECONDS = 2.0


@dataclass
class _Bucket:
    tokens: float
    filled: float


class RateLimit:
    """A token bucket for each caller, in this process' memory.

    Args:
        rate: Requests a second that a caller may make in the long run.
        clock: Seconds, from any point on.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._size = max(1.0, rate * _BURST_SECONDS)
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, _Bucket] = {}  # by the name of a token: as many as the operator has made

    def take(self, caller: str) -> float:
        """Count a request; return 0 if it may be served, else the seconds after which one may be."""
        with self._lock:
            now = self._clock()
            bucket = self._buckets.setdefault(caller, _Bucket(self._size, now))
            bucket.tokens = min(self._size, bucket.tokens + (now - bucket.filled) * self._rate)
            bucket.filled = now
            if bucket.tokens < 1.0:
                return (1.0 - bucket.tokens) / self._rate
            bucket.tokens -= 1.0
            return 0.0

    def check(self, caller: str) -> None:
        """Count a request.

        Raises:
            Problem: The caller has made too many.
        """
        wait = self.take(caller)
        if wait:
            seconds = math.ceil(wait)
            raise Problem(
                "too-many-requests",
                f"more than {self._rate:g} requests a second; try again in {seconds} s",
                headers={"Retry-After": str(seconds)},
            )
