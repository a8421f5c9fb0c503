"""How long Redis takes to answer, by command, for the metrics. Every command of a process comes by here."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import redis
from prometheus_client import Histogram

from gopfarm import metrics

#: Commands that wait on purpose, until there is something or their time is up: that is no latency.
_WAITING = frozenset({"BLPOP", "BRPOP", "BLMOVE", "BZPOPMAX", "BZPOPMIN", "WAIT"})

#: Commands that wait if they are told to.
_MAY_WAIT = frozenset({"XREAD", "XREADGROUP"})
_BLOCK = b"BLOCK"

_SCRIPT = "EVALSHA"

#: What a script is called that has no name here, and several commands sent together.
_OTHER_SCRIPT = "script"
PIPELINE = "pipeline"

_scripts: dict[object, str] = {}


def name_script(sha: str, name: str) -> None:
    """Have metrics call a script by a name, which is one of label ``command``."""
    _scripts[sha] = name


def label_of(command: Sequence[Any]) -> str | None:
    """Return what metrics call a command, given with its arguments; None if it waits on purpose."""
    name = command[0]
    if name == _SCRIPT:
        return _scripts.get(command[1], _OTHER_SCRIPT)
    if name in _WAITING or (name in _MAY_WAIT and _BLOCK in command):
        return None
    return str(name).lower()


@contextmanager
def timed(label: str | None) -> Iterator[None]:
    """Measure the time until an answer, or count that there was none, or an error for one."""
    began = time.perf_counter()
    try:
        yield
    except redis.RedisError as error:
        if not isinstance(error, redis.exceptions.NoScriptError):  # the script is loaded, and run again
            metrics.REDIS_ERRORS.labels(fault_of(error)).inc()
        raise
    if label is not None:
        _seconds(label).observe(time.perf_counter() - began)


@lru_cache(maxsize=1024)
def _seconds(label: str) -> Histogram:
    return metrics.REDIS_SECONDS.labels(label)


class RefusedError(redis.ResponseError):
    """Redis refuses for a reason that passes."""


#: Answers that say that Redis is not fit to work.
_REFUSALS = (redis.ReadOnlyError, redis.OutOfMemoryError, redis.BusyLoadingError, RefusedError)


def fault_of(error: redis.RedisError) -> str:
    """Return what kind of fault an error is, as metrics tell them apart."""
    if isinstance(error, redis.TimeoutError):
        return "timeout"
    if isinstance(error, _REFUSALS):
        return "refused"
    return "connection" if isinstance(error, redis.ConnectionError) else "other"
