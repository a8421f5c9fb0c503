"""Pauses between tries: growing, and at random, so that those who failed together come back apart."""

from __future__ import annotations

import random
from collections.abc import Iterator


def pauses(first: float, most: float) -> Iterator[float]:
    """Yield seconds to wait before each further try, without end.

    "Full jitter": at random between 0 and a bound that starts at ``first`` and doubles up to ``most``
    (M. Brooker, "Exponential Backoff And Jitter", 2015). At least a tenth of the bound, so as not to spin.
    """
    bound = first
    while True:
        yield random.uniform(bound / 10, bound)
        bound = min(most, bound * 2)
