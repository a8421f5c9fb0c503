"""What joins commands to a running farm: its Redis, and the trace of whoever runs the command."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from gopfarm import tracing
from gopfarm.log import configure_logging
from gopfarm.settings import Settings, get_settings
from gopfarm.store import connect, reachable


@contextmanager
def farm_redis() -> Iterator[tuple[Settings, redis.Redis]]:
    """Connect to the farm's Redis; every fault of it becomes one line that names the address."""
    configure_logging("error")
    settings = get_settings()
    with reachable(settings.redis_url), connect(settings.redis_url) as client:
        client.ping()
        yield settings, client


def trace_of_caller() -> dict[str, str]:
    """Return the options of a submission that hang its job into the trace of whoever runs this command.

    https://opentelemetry.io/docs/specs/otel/context/env-carriers/ says in which variable that is.
    """
    context = tracing.parse_traceparent(os.environ.get("TRACEPARENT"))
    return {} if context is None else {"traceparent": str(context)}
