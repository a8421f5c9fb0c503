"""How storage answers, for the metrics: how long requests take, and how they fail."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gopfarm import metrics

#: What an answer of an HTTP server says of it, where that is no range of statuses. That there is nothing, or
#: something else by now, is an answer like others.
_STATUSES = {401: "denied", 403: "denied", 429: "throttled", 503: "throttled"}

_NO_FAULTS = frozenset({404, 410, 412, 416})

_SYSTEM_FAULTS = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EACCES: "denied",
    errno.EPERM: "denied",
    errno.EROFS: "denied",
    errno.ENOENT: "missing",
    errno.ENOTDIR: "missing",
    errno.ETIMEDOUT: "timeout",
}


def count_answer(store: str, operation: str, seconds: float, fault: str | None) -> None:
    """Count a request that was answered, or failed by a fault (a value of label ``reason``)."""
    metrics.STORAGE_SECONDS.labels(store, operation).observe(seconds)
    if fault is not None:
        count_fault(store, operation, fault)


def count_fault(store: str, operation: str, fault: str) -> None:
    """Count a fault of a request that is counted already, or was never answered."""
    metrics.STORAGE_ERRORS.labels(store, operation, fault).inc()


def fault_of_status(status: int) -> str | None:
    """Return the fault that an HTTP status tells of; None if it tells of none."""
    if status < 400 or status in _NO_FAULTS:
        return None
    return _STATUSES.get(status) or ("server" if status >= 500 else "other")


def fault_of_system(error: BaseException) -> str:
    """Return the fault that an error of the file system, or one raised from it, tells of."""
    cause = error if isinstance(error, OSError) else error.__cause__
    number = cause.errno if isinstance(cause, OSError) else None
    return _SYSTEM_FAULTS.get(number or 0, "other")


@contextmanager
def counted(store: str, operation: str, fault_of: Callable[[BaseException], str | None]) -> Iterator[None]:
    """Count what happens in the block as one request.

    Args:
        store, operation: Values of the labels.
        fault_of: Tells the fault of what the block raises; None if it is none.
    """
    began = time.perf_counter()
    try:
        yield
    except Exception as error:
        count_answer(store, operation, time.perf_counter() - began, fault_of(error))
        raise
    count_answer(store, operation, time.perf_counter() - began, None)
