"""The faults: each waits for its moment, does one thing to the farm, and says what it has done."""

from __future__ import annotations

import json
import signal
import uuid
from collections.abc import Callable

import psutil
import redis

from tests.chaos.farm import SCHEDULERS, WORKERS
from tests.chaos.logs import SCHEDULER_AT_WORK
from tests.chaos.scene import MissedError, RefusedError, Scene

#: Seconds within which the children of a cancelled job have to end.
_CANCEL_SECONDS = 5.0

Fault = Callable[[Scene], None]

#: Error texts by which the store refuses writes, and how it is told to.
_REFUSALS = {
    "OOM": ("CONFIG", "SET", "maxmemory", "1"),
    "NOREPLICAS": ("CONFIG", "SET", "min-replicas-to-write", "1"),
    "READONLY": ("REPLICAOF", "127.0.0.1", "1"),
}
_ACCEPTANCE = {
    "OOM": ("CONFIG", "SET", "maxmemory", "0"),
    "NOREPLICAS": ("CONFIG", "SET", "min-replicas-to-write", "0"),
    "READONLY": ("REPLICAOF", "NO", "ONE"),
}


def kill_worker(scene: Scene) -> None:
    """A worker is killed outright: a machine that loses its power."""
    name = scene.busy_worker()
    scene.hit("kill_worker", name, (name,))
    scene.farm.signal(name, signal.SIGKILL)


def kill_child(scene: Scene) -> None:
    """An encoding process is killed: out of memory, or a crash in a codec."""
    name = scene.busy_worker()
    children = scene.until(lambda: scene.farm.children(name) or scene.ended(), "it has a child", 10)
    if children is True:
        raise MissedError
    child = scene.rng.choice(children)
    scene.hit("kill_child", f"child of {name}", (name,))
    child.kill()


def zombie(scene: Scene) -> None:
    """A worker stands still for longer than its lease, then goes on as if nothing had been."""
    name = scene.busy_worker()
    scene.hit("zombie", name, (name,))
    scene.farm.signal(name, signal.SIGSTOP)
    scene.sleep(scene.lease_seconds * scene.rng.uniform(1.3, 1.8))
    scene.farm.signal(name, signal.SIGCONT)
    scene.note(f"{name} goes on")


def preempt_worker(scene: Scene) -> None:
    """A worker is told to go at once: a spot machine is taken back."""
    name = scene.busy_worker()
    scene.hit("preempt_worker", name, (name,))
    scene.farm.signal(name, signal.SIGTERM)


def kill_leader(scene: Scene) -> None:
    """The scheduler that leads is killed outright."""
    scene.at_a_random_moment()
    name = leader(scene)
    scene.hit("kill_leader", name)
    scene.farm.signal(name, signal.SIGKILL)


def kill_follower(scene: Scene) -> None:
    """The scheduler that does not lead is killed outright."""
    scene.at_a_random_moment()
    leads = leader(scene)
    name = next(name for name in SCHEDULERS if name != leads)
    scene.hit("kill_follower", name)
    scene.farm.signal(name, signal.SIGKILL)


def kill_schedulers(scene: Scene) -> None:
    """All schedulers are killed at once."""
    scene.at_a_random_moment()
    scene.hit("kill_schedulers", "both")
    for name in SCHEDULERS:
        scene.farm.signal(name, signal.SIGKILL)


def leader(scene: Scene) -> str:
    """Return the scheduler that leads: as its lock says, else the one that last did something."""
    try:
        with scene.valkey.client() as client:
            holder = str(client.get("gopfarm:leader") or "")
    except redis.RedisError:
        holder = ""
    for name in SCHEDULERS:
        if str(scene.farm.pid(name)) in holder.split("-"):
            return name
    working = [line.role for line in scene.farm.logs.lines() if line.event in SCHEDULER_AT_WORK]
    return working[-1] if working else SCHEDULERS[0]


def restart_redis(scene: Scene) -> None:
    """Redis is killed outright and comes back with what it had."""
    scene.at_a_random_moment()
    scene.hit("restart_redis", "Valkey")
    scene.valkey.kill()
    scene.sleep(scene.rng.uniform(0.2, 4))
    scene.valkey.start()
    scene.healed()


def empty_redis(scene: Scene) -> None:
    """Redis is killed outright and comes back with nothing; the backend submits its jobs again."""
    scene.at_a_random_moment(0.85)
    scene.hit("empty_redis", "Valkey")
    scene.valkey.kill()
    scene.valkey.wipe()
    scene.sleep(scene.rng.uniform(0.2, 2))
    scene.valkey.start()
    scene.sleep(scene.rng.uniform(0.5, 2))
    for job in scene.jobs:
        scene.submit(job)
    scene.healed()


def pause_redis(scene: Scene) -> None:
    """Redis hangs: connections stay open, and nobody answers."""
    scene.at_a_random_moment()
    scene.hit("pause_redis", "Valkey")
    scene.valkey.pause()
    scene.sleep(scene.rng.uniform(2, 8))
    scene.valkey.resume()
    scene.healed()


def refuse_writes(scene: Scene) -> None:
    """Redis answers, but refuses what would change it: full, failing over, or without its replicas."""
    scene.at_a_random_moment()
    how = scene.rng.choice(sorted(_REFUSALS))
    with scene.valkey.client() as client:
        scene.hit("refuse_writes", how)
        client.execute_command(*_REFUSALS[how])
        scene.sleep(scene.rng.uniform(2, 8))
        client.execute_command(*_ACCEPTANCE[how])
    scene.healed()


def duplicate(scene: Scene) -> None:
    """Messages that give out a task come twice, some at once and some later."""
    scene.at_a_random_moment(0.75)
    copies = scene.until(lambda: _encode_messages(scene) or scene.ended(), "a task is queued")
    if copies is True:
        raise MissedError
    scene.hit("duplicate", f"{len(copies)} messages twice")
    with scene.valkey.client() as client:
        for _ in range(2):
            for queue, body in copies:
                message = json.loads(body)
                message["message_id"] = message["options"]["redis_message_id"] = str(uuid.uuid4())
                identity = message["options"]["redis_message_id"]
                client.hset(f"dramatiq:{queue}.msgs", identity, json.dumps(message))
                client.rpush(f"dramatiq:{queue}", identity)
            scene.sleep(scene.rng.uniform(0, 3))
    scene.healed()


def _encode_messages(scene: Scene) -> list[tuple[str, str]]:
    """Return queue and body of the messages that are queued or in a worker's hands just now."""
    found = []
    with scene.valkey.client() as client:
        for key in client.keys("dramatiq:encode.*.msgs"):
            queue = str(key).removeprefix("dramatiq:").removesuffix(".msgs")
            bodies = client.hvals(key)
            found += [(queue, str(body)) for body in bodies]
    return found


def cancel(scene: Scene) -> None:
    """A user cancels a job in its middle."""
    scene.at_a_random_moment(0.8)
    job = scene.rng.choice(scene.jobs)
    working = [name for name in WORKERS if any(held == job.id for held, _ in scene.farm.in_hand(name))]
    children = [child for name in working for child in scene.farm.children(name)]
    scene.hit("cancel", job.name)
    done = scene.farm.command("cancel", job.id)
    if done.returncode:
        if scene.state(job) in ("done", "stitching"):
            scene.injections.pop()
            raise MissedError
        raise RefusedError(f"cancel: {done.stderr.strip()}")
    job.expected = "cancelled"
    scene.healed()
    _, alive = psutil.wait_procs(children, timeout=_CANCEL_SECONDS)
    scene.faults += [f"child {child.pid} ran {_CANCEL_SECONDS:g} s after its job's end" for child in alive]


#: Faults that harm none of the others, and of which any two leave every task an attempt to spare.
_COMBINABLE: tuple[Fault, ...] = (
    kill_worker,
    kill_child,
    zombie,
    preempt_worker,
    kill_leader,
    kill_schedulers,
    restart_redis,
    pause_redis,
    refuse_writes,
    duplicate,
)


def several(scene: Scene) -> None:
    """Two of the others, one soon after the other."""
    for fault in scene.rng.sample(_COMBINABLE, 2):
        try:
            fault(scene)
        except MissedError:
            if not scene.injections:
                raise
            return
        scene.sleep(scene.rng.uniform(0, 2))
