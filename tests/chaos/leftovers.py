"""What a farm has left behind: in Redis, at the destinations, on the disk, and among the processes."""

from __future__ import annotations

import redis

from tests.chaos.farm import WORKERS, Farm
from tests.chaos.film import PARTIAL
from tests.chaos.scene import Scene

#: Where jobs and tasks under way are written down: Redis removes such a key with its last member.
_EMPTY = (
    "gopfarm:leases",
    "gopfarm:live",
    "gopfarm:queued",
    "gopfarm:preparing",
    "gopfarm:publishing",
    "gopfarm:growing",
    "gopfarm:active",
    "gopfarm:tenant:*:jobs",
    "gopfarm:tenant:*:runs",
    "gopfarm:job:*:owners",
    "gopfarm:job:*:queued",
)


def _members(client: redis.Redis, key: str) -> list[object]:
    kind = str(client.type(key))
    if kind == "zset":
        return list(client.zrange(key, 0, -1))
    return list(client.hkeys(key) if kind == "hash" else client.smembers(key) if kind == "set" else [])


def in_redis(client: redis.Redis) -> list[str]:
    """Return leases, owners and messages that nobody should have any more.

    A message that a killed process had fetched is not one of them: dramatiq gives it again when the process
    has been silent for half a minute, and whoever gets it finds nothing to do.
    """
    keys = [key for pattern in _EMPTY for key in client.scan_iter(pattern)]
    found = [f"{key}: {', '.join(map(str, _members(client, str(key))))}" for key in keys]
    held: set[str] = set()
    for key in client.scan_iter("dramatiq:__acks__.*"):
        held |= {str(identity) for identity in client.smembers(key)}
    for key in client.scan_iter("dramatiq:*.msgs"):
        queue = str(key).removesuffix(".msgs")
        if queue.endswith(".XQ"):  # dead letters, kept for a week to be read by people
            continue
        queued = [str(identity) for identity in client.lrange(queue, 0, -1)]
        found += [f"message queued in {queue}: {client.hget(key, one)!s}" for one in queued]
        bodies = {str(identity): str(body) for identity, body in client.hgetall(key).items()}
        lost = bodies.keys() - held - set(queued)
        found += [f"message in {key} that no queue names: {bodies[one]}" for one in lost]
    return found


def at_destination(scene: Scene) -> list[str]:
    """Return files that belong to no published stream: partial ones, and those of cancelled jobs."""
    found = []
    for job in scene.jobs:
        for name in job.place.sizes():
            if job.expected == "cancelled":
                found.append(f"{job.name} was cancelled and has {name}")
            elif name.endswith(PARTIAL):
                found.append(f"{job.name} has {name}")
    return found


def working(farm: Farm) -> list[str]:
    """Return children of workers that still run."""
    return [f"child {child.pid} of {name}" for name in WORKERS for child in farm.children(name)]


def while_running(scene: Scene) -> list[str]:
    """Return everything that an idle farm must not have."""
    try:
        with scene.valkey.client() as client:
            found = in_redis(client)
    except redis.RedisError as error:
        found = [f"Redis does not answer: {error}"]
    return found + at_destination(scene) + working(scene.farm)


def after_stop(farm: Farm) -> list[str]:
    """Return processes and scratch files that a stopped farm has left."""
    found = []
    for process in farm.orphans():
        command = " ".join(process.cmdline()[:6])
        found.append(f"process {process.pid}: {command}")
    return found + [f"scratch {path.name}" for path in sorted(farm.scratch.iterdir())]
