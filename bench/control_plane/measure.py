"""One run of the control plane: submit, plan, encode in pretence, and see what it took and what is left."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
import redis

from bench.control_plane.fleet import Tally
from bench.control_plane.fleets import Fleets
from bench.control_plane.work import mean_seconds, spec_of
from cli.embedded import PrivateValkey
from gopfarm.broker import JOBS_QUEUE, FarmBroker, send
from gopfarm.store import connect, keys
from gopfarm.store.scripts import Scripts

#: Scripts that hold Redis up for longer are named.
_SLOW_MICROSECONDS = 10_000

#: Seconds between looks whether all is planned; nothing more is planned ahead if that many looks saw
#: nothing new.
_LOOK_SECONDS = 0.5
_LOOKS = 20

#: Seconds between looks how many tasks were started.
_COUNT_SECONDS = 0.1

#: Seconds that anything may take before the run is given up.
_PATIENCE_SECONDS = 3600.0

#: What outlives a job for more than a minute: the record of it, and what the farm knows of itself.
RECORDS = frozenset(
    {
        "dramatiq:__heartbeats__",
        "gopfarm:bell",
        "gopfarm:events",
        "gopfarm:events:counted",
        "gopfarm:job:<id>",
        "gopfarm:jobs",
        "gopfarm:messages",
        "gopfarm:planned",
        "gopfarm:schedulers",
        "gopfarm:shares",
        "gopfarm:tenants",
        "gopfarm:throughput:<id>",
        "gopfarm:workers",
    }
)


@dataclass(frozen=True)
class Load:
    """What is asked of the farm. ``task_seconds`` is the mean time that a task is pretended to take."""

    slots: int
    jobs: int
    tenants: int
    tasks: int
    task_seconds: float


@dataclass(frozen=True)
class Figures:
    """What a run took. Times are seconds, memory is bytes.

    ``window`` is the time during which all figures of dispatching are taken: from when there have been
    twice as many starts as there are slots, until fewer tasks wait than there are slots. ``latency`` is
    from when a worker comes to the end of a task, be it done, to when the next one is started at that slot,
    with work waiting all the time: the result told, the message acknowledged, the next one fetched and
    started. ``lag`` is how late the pretending fleet itself came to that end. ``utilisation`` is the share
    of the slots' time that was neither. ``cores`` are CPU seconds by second of the window; ``cpu`` are
    those of the whole run, planning included.
    """

    load: Load
    tasks: int
    plan_cpu_per_job: float
    memory_per_waiting_task: float
    window: float
    tasks_per_second: float
    latency_median: float
    latency_p99: float
    lag_median: float
    lag_p99: float
    utilisation: float
    scheduler_cores: float
    redis_cores: float
    fleet_cores: float
    scheduler_cpu: float
    redis_cpu: float
    refused: int
    longest_scripts: dict[str, float]
    left_behind: dict[str, int]


class Farm:
    """Valkey, the scheduler's process, and a fleet that has yet to be opened."""

    def __init__(self, load: Load) -> None:
        self.load = load
        # Besides its chunks, a film has its sound.
        self.chunks = max(4, round(load.tasks / load.jobs) - 1)
        self.tasks = load.jobs * (self.chunks + 1)
        self.valkey = PrivateValkey()
        self.client = connect(self.valkey.url)
        self._broker = FarmBroker(self.valkey.url, {})
        self.client.config_set("slowlog-log-slower-than", _SLOW_MICROSECONDS)
        self.empty = self.memory()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.control_plane.scheduling", self.valkey.url]
        )
        self._usage = psutil.Process(self._process.pid)
        scale = load.task_seconds / mean_seconds(self.chunks)
        self.fleet = Fleets(self.valkey.url, load.slots, scale, load.slots / (load.task_seconds or 1.0))
        self._pretending = [psutil.Process(pid) for pid in self.fleet.pids()]
        self._tally: Tally | None = None

    def submit(self) -> None:
        """Submit all jobs."""
        for number in range(self.load.jobs):
            self.submit_one(number, f"tenant-{number % self.load.tenants}")

    def submit_one(self, number: int, tenant: str, priority: int = 5) -> str:
        """Submit a job; return its id."""
        spec = spec_of(number, self.chunks, tenant, priority)
        return send(self._broker, JOBS_QUEUE, "submit", spec.model_dump_json())

    def plan(self, jobs: int) -> None:
        """Wait until so many jobs are planned, or as many as the scheduler plans ahead; none is begun yet."""
        seen, until = [0], time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)
            seen.append(self.client.scard(keys.ACTIVE))
            if seen[-1] == jobs or (seen[-1] and seen[-_LOOKS:] == [seen[-1]] * _LOOKS):
                return
        raise TimeoutError("the jobs are not planned")

    def waiting(self) -> int:
        """Return how many tasks are planned and not finished; to be asked before the fleet is open."""
        return sum(self.client.hlen(keys.tasks(str(job))) for job in self.client.smembers(keys.ACTIVE))

    def memory(self) -> int:
        """Return the bytes that Redis uses for data."""
        return int(self.client.info("memory")["used_memory"])

    def usage(self) -> tuple[float, float, float]:
        """Return the CPU seconds so far of the scheduler, of Redis and of the fleet (while it is open)."""
        info = self.client.info("cpu")
        return (
            _cpu_seconds(self._usage),
            info["used_cpu_user"] + info["used_cpu_sys"],
            sum(map(_cpu_seconds, self._pretending)),
        )

    def run(self, until: Callable[[], bool]) -> None:
        """Let the farm work until something is so."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not until():
            if time.monotonic() > deadline:
                raise TimeoutError("the jobs do not end")
            time.sleep(_COUNT_SECONDS)

    def tally(self) -> Tally:
        """Stop the fleet; return what it saw."""
        if self._tally is None:
            self._tally = self.fleet.close()
        return self._tally

    def all_ended(self) -> bool:
        """Tell whether no job is left that has not ended."""
        return not self.client.exists(keys.LIVE)

    def close(self) -> None:
        """Stop everything."""
        self.tally()
        self._broker.close()
        self._process.terminate()
        self._process.wait()
        self.client.close()
        self.valkey.stop()


@contextmanager
def farm(load: Load) -> Iterator[Farm]:
    """Run a farm for as long as the block lasts."""
    running = Farm(load)
    try:
        yield running
    finally:
        running.close()


def measure(load: Load) -> Figures:
    """Run a load from submission to the end of the last job."""
    with farm(load) as running:
        return _measured(running)


def _measured(running: Farm) -> Figures:
    load, fleet = running.load, running.fleet
    idle = running.usage()
    running.submit()
    running.plan(load.jobs)
    planned = running.usage()
    jobs, waiting = running.client.scard(keys.ACTIVE), running.waiting()
    per_task = (running.memory() - running.empty) / waiting
    fleet.open()
    running.run(lambda: fleet.started() >= 2 * fleet.slots or running.all_ended())
    began, before = time.monotonic(), running.usage()
    running.run(lambda: running.tasks - fleet.started() < fleet.slots or running.all_ended())
    ended, after = time.monotonic(), running.usage()
    running.run(running.all_ended)
    whole, tally = running.usage(), running.tally()
    window = ended - began
    starts = [start for start in tally.starts if began <= start.at <= ended]
    latencies, lags = [start.latency for start in starts], [start.lag for start in starts]
    return Figures(
        load=load,
        tasks=running.tasks,
        plan_cpu_per_job=(planned[0] - idle[0]) / max(1, jobs),
        memory_per_waiting_task=per_task,
        window=window,
        tasks_per_second=len(latencies) / window,
        latency_median=_quantile(latencies, 0.5),
        latency_p99=_quantile(latencies, 0.99),
        lag_median=_quantile(lags, 0.5),
        lag_p99=_quantile(lags, 0.99),
        utilisation=1 - (sum(latencies) + sum(lags)) / (fleet.slots * window),
        scheduler_cores=(after[0] - before[0]) / window,
        redis_cores=(after[1] - before[1]) / window,
        fleet_cores=(after[2] - before[2]) / window,
        scheduler_cpu=whole[0] - idle[0],
        redis_cpu=whole[1] - idle[1],
        refused=tally.refused,
        longest_scripts=_longest_scripts(running.client),
        left_behind=left_behind(running.client),
    )


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))] if values else 0.0


def left_behind(client: redis.Redis) -> dict[str, int]:
    """Return what is in Redis for longer than a minute, by the kind of key, with how many bytes."""
    found: Counter[str] = Counter()
    for name in client.scan_iter(count=1000):
        if 0 <= client.ttl(name) <= 60:
            continue
        kind = ":".join("<id>" if any(c.isdigit() for c in word) else word for word in name.split(":"))
        found[kind] += client.memory_usage(name) or 0
    return dict(sorted(found.items()))


def _longest_scripts(client: redis.Redis) -> dict[str, float]:
    """Return the scripts that held Redis up for longest, in seconds."""
    names = {script.sha: name for name, script in Scripts(client)._scripts.items()}
    longest: dict[str, float] = {}
    for entry in client.slowlog_get(128):
        words = entry["command"].split()
        sha = words[1].decode() if len(words) > 1 else ""
        name = names.get(sha, words[0].decode())
        longest[name] = max(longest.get(name, 0.0), entry["duration"] / 1e6)
    return longest
