"""What it costs to look at a farm, and at a job: processor time of who looks, and of Redis.

Fills a Valkey of its own with jobs whose tasks wait, workers, a task at every slot, and a film that has very
many tasks. Then it looks at the farm, and at that film, several times.

    python -m bench.views [--slots 10000] [--jobs 1000] [--tasks 110000] [--film-tasks 5000] [--json FILE]
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import count, islice

import redis

from bench.control_plane.work import facts_of, result_of, spec_of
from bench.script import options_of, report
from cli.embedded import PrivateValkey
from gopfarm.plan import Plan
from gopfarm.store import Fleet, JobState, TaskStore, Wanted, WorkerView, connect
from gopfarm.store.chunkmap import ChunkMaps
from gopfarm.store.overview import Overview
from ladder import load_profile
from scheduler.backlog import backlog_seconds
from scheduler.dispatch import queue_of
from scheduler.planner import make_plan
from scheduler.shape import Shape

_SLOTS_OF_A_WORKER = 8
_TENANTS = 50
_LOOKS = 10
_LEASE_SECONDS = 3600.0
_TTL_SECONDS = 86400


@dataclass(frozen=True)
class Look:
    """What a look takes, in the mean: milliseconds of processor time here and in Redis, and bytes of JSON.

    ``first`` is what the first one takes here.
    """

    what: str
    first: float
    cpu: float
    redis: float
    size: int


def figures(slots: int, jobs: int, tasks: int, film_tasks: int) -> list[Look]:
    """Fill a store, and look at it."""
    with _store() as (client, store):
        _fill(client, store, slots, jobs, tasks)
        overview = Overview(client, {}, backlog_seconds)
        farm = _looks("farm", client, lambda: overview.look().model_dump_json())
        _begin(store, "film", _plan(film_tasks))
        _run(store, ["film"] * (film_tasks // 2), done=True)
        maps = ChunkMaps(client)

        def look() -> str:
            chunk_map = maps.of("film")
            assert chunk_map is not None
            return chunk_map.model_dump_json()

        return [farm, _looks("chunk map", client, look)]


def _looks(what: str, client: redis.Redis, look: Callable[[], str]) -> Look:
    begun = time.process_time()
    size = len(look())
    first = time.process_time() - begun
    begun, there = time.process_time(), _redis_cpu(client)
    for _ in range(_LOOKS):
        look()
    here = time.process_time() - begun
    there = _redis_cpu(client) - there
    return Look(what, 1000 * first, 1000 * here / _LOOKS, 1000 * there / _LOOKS, size)


def _redis_cpu(client: redis.Redis) -> float:
    cpu = client.info("cpu")
    return float(cpu["used_cpu_user"]) + float(cpu["used_cpu_sys"])


@contextmanager
def _store() -> Iterator[tuple[redis.Redis, TaskStore]]:
    server = PrivateValkey()
    try:
        with connect(server.url) as client:
            yield client, TaskStore(client, _TTL_SECONDS)
    finally:
        server.stop()


def _plan(tasks: int) -> Plan:
    """Return the plan of a film that has about so many tasks."""
    facts = facts_of(spec_of(0, tasks, "bench").source)
    return make_plan(facts, load_profile("standard"), "libx264", "bench", Shape())


def _fill(client: redis.Redis, store: TaskStore, slots: int, jobs: int, tasks: int) -> None:
    plan = _plan(tasks // jobs)
    names = [f"job-{number}" for number in range(jobs)]
    for number, name in enumerate(names):
        _begin(store, name, plan, f"tenant-{number % _TENANTS}")
    _run(store, [names[number % jobs] for number in range(slots)])
    fleet = Fleet(client)
    for number in range(slots // _SLOTS_OF_A_WORKER):
        here, name, host = {"encode.cpu": _SLOTS_OF_A_WORKER}, f"w{number}", f"host-{number}"
        fleet.announce(WorkerView(id=name, host=host, pid=1, slots=here, encoders=("libx264",), seen=0))


def _begin(store: TaskStore, job: str, plan: Plan, tenant: str = "bench") -> None:
    store.create(job, spec_of(0, len(plan.tasks), tenant))
    store.move(job, JobState.PROBING)
    store.move(job, JobState.PLANNING)
    queues = {task.id: queue_of(task) for task in plan.tasks}
    ranks = {task.id: rank for rank, task in enumerate(plan.tasks)}
    store.start_encoding(job, plan, queues, ranks, dict.fromkeys(queues, 30.0), {})


def _run(store: TaskStore, jobs: list[str], done: bool = False) -> None:
    """Have a task of each job run by workers, or done by them."""
    numbers, queue = count(), iter(jobs)
    while page := list(islice(queue, 100)):
        given = store.give_out_many([Wanted(job, "encode.cpu") for job in page], {}).given
        for one in given:
            if one is None:
                continue
            token = f"w{next(numbers) // _SLOTS_OF_A_WORKER}#1"
            started = store.start(one.job, one.run, token, _LEASE_SECONDS, one.message)
            if done and not isinstance(started, str):
                store.finish(one.job, one.run, token, result_of(started.task, 30.0), 1, _hash(store, one.job))


def _hash(store: TaskStore, job: str) -> str:
    growing = store.growing(job)
    assert growing is not None
    return growing.plan_hash or ""


def main() -> None:
    """Measure, and print a table."""
    parser = options_of(__spec__.name, __doc__)
    for name, default in (("slots", 10_000), ("jobs", 1000), ("tasks", 110_000), ("film-tasks", 5000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    looks = figures(options.slots, options.jobs, options.tasks, options.film_tasks)
    rows = [f"{'a look at':<12} {'first, ms':>10} {'then, ms':>10} {'Redis, ms':>10} {'KiB':>8}"]
    rows.extend(
        f"{one.what:<12} {one.first:>10.1f} {one.cpu:>10.1f} {one.redis:>10.1f} {one.size / 1024:>8.0f}"
        for one in looks
    )
    report([asdict(one) for one in looks], "\n".join(rows), options.json)


if __name__ == "__main__":
    main()
