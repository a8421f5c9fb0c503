"""One run: a fresh Redis, a fresh farm, a job or two, a fault, a verdict."""

from __future__ import annotations

import json
import random
import shutil
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import redis

from tests.chaos.farm import SCHEDULERS, WORKERS, Farm
from tests.chaos.film import Film
from tests.chaos.kinds import KINDS, Kind
from tests.chaos.scene import HungError, Injection, Job, MissedError, RefusedError, Scene
from tests.chaos.valkey import Valkey
from tests.chaos.verdict import HUNG, WRONG, Verdict, judge, judge_stopped
from tests.chaos.watcher import Watcher

#: Two jobs at a time in so many of the runs.
_TWO_JOBS = 0.3

#: Seconds that a farm of five processes may take to start on a busy machine.
_START_SECONDS = 90.0

#: A run hangs when it takes longer than so many times the undisturbed job, so many leases, and these seconds:
#: what Redis and dramatiq may need to notice dead connections and dead processes.
_JOBS, _LEASES, _PATIENCE_SECONDS = 6, 5, 75.0


@dataclass
class Result:
    """What is known of a run when it is over. ``kept`` is the folder of one that failed."""

    seed: str
    kind: str
    jobs: int
    verdict: Verdict
    injections: list[Injection] = field(default_factory=list)
    seconds: float = 0.0
    missed: bool = False
    kept: Path | None = None

    @property
    def right(self) -> bool:
        """Tell whether every promise was kept."""
        return not self.verdict.faults


def run_once(
    film: Film, folder: Path, kind: str, seed: str, lease_seconds: float, keep: bool = False
) -> Result:
    """Do one run in a new folder, which is removed unless the run failed (or ``keep``).

    Everything that is random comes from ``seed``.
    """
    folder.mkdir(parents=True)
    started = time.monotonic()
    rng = random.Random(seed)
    valkey = Valkey(folder / "valkey")
    with KINDS[kind].storage(folder, film.source) as storage:
        valkey.start()
        farm = Farm(valkey.url, folder, lease_seconds, storage.environment)
        count = 2 if rng.random() < _TWO_JOBS else 1
        scene = Scene(
            rng=rng,
            film=film,
            farm=farm,
            valkey=valkey,
            jobs=[Job(name, storage.place(name)) for name in ("film-a", "film-b")[:count]],
            storage=storage,
            lease_seconds=lease_seconds,
            deadline=time.monotonic() + _START_SECONDS,
        )
        result = Result(seed, kind, count, Verdict())
        try:
            _attack(scene, KINDS[kind], result)
        finally:
            _keep_redis(scene, folder)
            farm.stop()
            judge_stopped(scene, result.verdict)
            valkey.kill()
            for orphan in farm.orphans():
                orphan.kill()
    result.injections = scene.injections
    result.seconds = time.monotonic() - started
    if result.right and not keep:
        shutil.rmtree(folder)
    else:
        result.kept = folder
        _write_down(scene, result, folder)
    return result


def _attack(scene: Scene, kind: Kind, result: Result) -> None:
    with Watcher(scene.film, [job.place for job in scene.jobs]) as watcher:
        try:
            scene.farm.start()
            _await_start(scene)
            expected = _JOBS * len(scene.jobs) * scene.film.seconds
            scene.deadline = time.monotonic() + expected + _LEASES * scene.lease_seconds + _PATIENCE_SECONDS
            for job in scene.jobs:
                scene.submit(job)
            try:
                kind.fault(scene)
            except MissedError:
                result.missed = True
                scene.note("too late: the fault was not made")
            scene.until(scene.ended, "all jobs have ended")
        except HungError as error:
            result.verdict.add(HUNG, [str(error)])
        except RefusedError as error:
            result.verdict.add(WRONG, [str(error)])
        scene.note("over")
        judged = judge(scene, watcher)
    judged.faults = result.verdict.faults + judged.faults
    result.verdict = judged


def _await_start(scene: Scene) -> None:
    def started() -> bool:
        said = {line.role for line in scene.farm.logs.lines() if line.event.endswith(" started")}
        return said >= {*SCHEDULERS, *WORKERS}

    scene.until(started, "the farm has started")
    scene.note("the farm has started")


def _keep_redis(scene: Scene, folder: Path) -> None:
    """Write down every key of Redis, readable."""
    readers = {"string": "get", "hash": "hgetall", "set": "smembers", "list": "lrange", "zset": "zrange"}
    lines = []
    try:
        with scene.valkey.client() as client:
            for key in sorted(client.scan_iter("*")):
                kind = str(client.type(key))
                span = (0, -1) if kind in ("list", "zset") else ()
                options = {"withscores": True} if kind == "zset" else {}
                value = getattr(client, readers[kind])(key, *span, **options) if kind in readers else kind
                lines.append(f"{key} = {value}")
    except redis.RedisError as error:
        lines.append(f"Redis does not answer: {error}")
    (folder / "redis.txt").write_text("\n".join(lines) + "\n")


def _write_down(scene: Scene, result: Result, folder: Path) -> None:
    """Write the verdict, and what happened in the order of time: our deeds and the farm's words."""
    document = {
        "seed": result.seed,
        "kind": result.kind,
        "missed": result.missed,
        "injections": [asdict(injection) for injection in result.injections],
        "verdict": asdict(result.verdict),
    }
    (folder / "verdict.json").write_text(json.dumps(document, indent=1))
    entries = [(at, f"*** {text}") for at, text in scene.diary]
    for line in scene.farm.logs.lines():
        known = ("timestamp", "event", "logger", "level", "worker")
        rest = " ".join(f"{key}={_last(value)}" for key, value in line.fields.items() if key not in known)
        entries.append((line.at, f"{line.role:<12} {line.event}  {rest}"))
    text = "".join(
        f"{datetime.fromtimestamp(at, tz=UTC).strftime('%H:%M:%S.%f')[:-3]}  {what}\n"
        for at, what in sorted(entries, key=lambda entry: entry[0])
    )
    (folder / "timeline.txt").write_text(text)


def _last(value: object) -> str:
    """Return the last line of what a role said: of a traceback, the one that names the error."""
    return (str(value).strip().splitlines() or [""])[-1]
