"""What every process tells: which version it is, and how Redis and storage answer it."""

from __future__ import annotations

from gopfarm import __version__
from gopfarm.metrics.catalogue import ALL, Role, counter, gauge, histogram
from gopfarm.metrics.labels import (
    HTTP_STATUS,
    METHOD,
    REDIS_COMMAND,
    REDIS_FAULT,
    ROUTE,
    STORAGE_FAULT,
    STORAGE_OPERATION,
    STORE,
    VERSION,
)

_REDIS = "Is Redis well?"
_STORAGE = "Is storage well?"
_API = "Is the API well?"

BUILD = gauge("gopfarm_build_info", "1, with the version.", "Which versions run?", ALL, VERSION)
BUILD.labels(__version__).set(1)

REDIS_SECONDS = histogram(
    "gopfarm_redis_command_seconds",
    "Time until Redis has answered, a second try included. Commands that wait on purpose are not counted.",
    _REDIS,
    ALL,
    (0.0005, 0.002, 0.01, 0.05, 0.25, 1, 5),
    REDIS_COMMAND,
)
REDIS_ERRORS = counter(
    "gopfarm_redis_errors_total",
    "Commands that got no answer, or an error for one.",
    _REDIS,
    ALL,
    REDIS_FAULT,
    from_zero=True,
)
STORAGE_SECONDS = histogram(
    "gopfarm_storage_request_seconds",
    "Time that a request to storage took: from S3 and https servers until the answer began, each attempt by "
    "itself; of files until it was done.",
    _STORAGE,
    ALL,
    (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    STORE,
    STORAGE_OPERATION,
)
STORAGE_ERRORS = counter(
    "gopfarm_storage_errors_total",
    "Requests to storage that failed, each attempt by itself. That a key is not there is no failure.",
    _STORAGE,
    ALL,
    STORE,
    STORAGE_OPERATION,
    STORAGE_FAULT,
)
HTTP_REQUESTS = counter(
    "gopfarm_http_requests_total",
    "Requests that the API has answered.",
    _API,
    (Role.API,),
    METHOD,
    ROUTE,
    HTTP_STATUS,
)
HTTP_SECONDS = histogram(
    "gopfarm_http_request_seconds",
    "Time until the API has answered a request.",
    _API,
    (Role.API,),
    (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    METHOD,
    ROUTE,
)
