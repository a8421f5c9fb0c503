"""Connecting to Redis or Valkey, with errors that name the address and never the password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.exceptions import LockError
from redis.retry import Retry

from gopfarm.errors import ServiceError, SpecError
from gopfarm.store.timing import PIPELINE, RefusedError, label_of, timed

#: How Redis begins a refusal that is about itself, where its client has no class for it: it cannot write to
#: its disk, has too few replicas, runs a long script, or has lost its primary or a part of its cluster.
_PASSING = ("MISCONF", "NOREPLICAS", "BUSY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "LOADING")


#: What Redis being away, read-only or full looks like: passing faults, after which the same call may succeed.
#: Other refusals (of a wrong command, a record of the wrong kind) are bugs.
REDIS_FAULTS = (
    redis.ConnectionError,
    redis.TimeoutError,
    redis.ReadOnlyError,
    redis.OutOfMemoryError,
    RefusedError,
    LockError,
)

#: Seconds to wait for a connection, and for an answer: every command of ours is short, and a lease must
#: outlive a Redis that hangs until another takes over.
_CONNECT_TIMEOUT = 5.0
_ANSWER_TIMEOUT = 5.0


class _FarmPipeline(Pipeline):
    """Commands sent together, counted by the metrics as one."""

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Send the commands and return their answers."""
        with timed(PIPELINE):
            return super().execute(raise_on_error)


class FarmRedis(redis.Redis):
    """A client that tells refusals which pass from bugs, and leaves a server which has become a replica.

    After a failover the address names another server, but a connection that is open stays with the old one.
    What it sends is timed for the metrics.
    """

    def execute_command(self, *command: Any, **options: Any) -> Any:
        """Send a command and return its answer."""
        with timed(label_of(command)):
            return super().execute_command(*command, **options)  # type: ignore[no-untyped-call]

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> Pipeline:
        """Return what collects commands to send them together."""
        return _FarmPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)

    def parse_response(self, connection: Any, command_name: Any, **options: Any) -> Any:
        """Read an answer; where a server is read-only, the next command connects anew."""
        try:
            return super().parse_response(connection, command_name, **options)  # type: ignore[no-untyped-call]
        except redis.ReadOnlyError:
            connection.disconnect()
            raise
        except redis.ResponseError as error:
            if is_passing(error):
                raise RefusedError(str(error)) from None
            raise


def is_passing(error: redis.RedisError) -> bool:
    """Tell a passing fault from a bug, also where a client has raised it that is none of ours."""
    return isinstance(error, REDIS_FAULTS) or str(error).startswith(_PASSING)


def connect(url: str, decode_responses: bool = True) -> redis.Redis:
    """Return a client for a ``redis://``, ``rediss://`` or ``unix://`` address; connects when first used.

    Raises:
        SpecError: The address is none of these.
    """
    try:
        return FarmRedis.from_url(
            url,
            decode_responses=decode_responses,
            socket_connect_timeout=_CONNECT_TIMEOUT,
            socket_timeout=_ANSWER_TIMEOUT,
            # One more try at once, for a connection that has grown stale. Whoever calls knows better when to
            # try again, and until when.
            retry=Retry(NoBackoff(), 1),
            health_check_interval=30,
        )
    except ValueError:
        raise SpecError(
            f"GOPFARM_REDIS_URL {without_secret(url)!r} is not a redis://, rediss:// or unix:// address"
        ) from None


def without_secret(url: str) -> str:
    """Return a Redis address fit for messages: host, port and path, no user and no password."""
    scheme, mark, rest = url.partition("://")
    # Up to the last @, since a password may hold a slash that should have been written as %2F.
    return f"{scheme}{mark}{rest.rpartition('@')[2].partition('?')[0]}"


def now(client: redis.Redis) -> float:
    """Return Redis' own time, in seconds since 1970: the clocks of the farm's machines need not agree."""
    seconds, microseconds = client.time()
    return float(seconds + microseconds / 1e6)


@contextmanager
def reachable(url: str) -> Iterator[None]:
    """Turn faults of Redis inside the block into a ``ServiceError`` that names the address."""
    try:
        yield
    except (redis.ConnectionError, redis.TimeoutError) as error:
        reason = "it refuses the password" if isinstance(error, redis.AuthenticationError) else str(error)
        raise ServiceError(f"Redis at {without_secret(url)} cannot be reached: {reason}") from None
    except REDIS_FAULTS as error:
        raise ServiceError(f"Redis at {without_secret(url)} refuses for now: {error}") from None
