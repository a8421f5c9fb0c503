"""How the shape of a job follows the farm: finer where slots stand idle, cheaper where work waits.

Simulated by the cost model, on a clip and farms of several sizes, idle and busy: the shape that the scheduler
chooses against the one of the longest chunks with all renditions in one task. With ``--real``, the clip is
also encoded on the slots of this machine in both shapes, and CPU seconds and wall time are measured.

    python bench/shapes.py CLIP [--preset veryfast] [--real] [--workers 2] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from encoders.tasks import run_task
from gopfarm.facts import SourceFacts
from gopfarm.plan import Task
from gopfarm.profile import Profile
from gopfarm.settings import get_settings
from ladder import load_profile
from scheduler.cost import expected_seconds
from scheduler.load import Load
from scheduler.ordering import ranks
from scheduler.planner import make_plan
from scheduler.prepare import probe_url
from scheduler.shape import Shape
from scheduler.shaping import Outlook, choose_shape, outlooks


@dataclass(frozen=True)
class Farm:
    """A farm in some state, and what to call it."""

    name: str
    load: Load


FARMS = (
    Farm("2 slots, idle", Load(2)),
    Farm("8 slots, idle", Load(8)),
    Farm("64 slots, idle", Load(64)),
    Farm("1,000 slots, idle", Load(1000)),
    Farm("64 slots, 100 jobs waiting", Load(64, jobs=100)),
    Farm("64 slots, 1,000 jobs waiting", Load(64, running=128, waiting=2000, jobs=1000)),
)


def words(shape: Shape) -> str:
    """Describe a shape in few words."""
    tail = f", shrinking for {shape.tail} slots" if shape.tail else ""
    return f"{float(shape.chunk_seconds):g} s{tail}, {shape.grouping.value}"


def simulated(facts: SourceFacts, profile: Profile, farm: Farm) -> dict[str, Any]:
    """Return what is expected of the chosen shape, and of the cheapest to compare with."""
    found = outlooks(facts, profile, "libx264", farm.load)
    shape = choose_shape(facts, profile, "libx264", farm.load)
    chosen = next(outlook for outlook in found if outlook.shape == shape)
    plain = next(outlook for outlook in found if outlook.shape == Shape())

    def figures(outlook: Outlook) -> dict[str, Any]:
        return {
            "shape": words(outlook.shape),
            "tasks": outlook.tasks,
            "cpu_seconds": round(outlook.cpu_seconds, 1),
            "finish_seconds": round(outlook.finish_seconds, 1),
        }

    return {"farm": farm.name, "chosen": figures(chosen), "undivided": figures(plain)}


def encode(task: Task, path: str) -> float:
    """Run a task in this process; return its CPU seconds."""
    with tempfile.TemporaryDirectory(prefix="gopfarm-shapes-") as folder, Path(path).open("rb") as clip:
        return run_task(task, clip, Path(folder), lambda *_: None, lambda _: None).cpu_seconds


def measured(facts: SourceFacts, profile: Profile, shape: Shape, workers: int) -> dict[str, Any]:
    """Encode a clip in a shape, in as many processes as there are slots."""
    plan = make_plan(facts, profile, "libx264", "bench", shape)
    order = ranks(plan.tasks, {task.id: expected_seconds(task, facts) for task in plan.tasks}, False)
    tasks = sorted(plan.tasks, key=lambda task: order[task.id])
    with ProcessPoolExecutor(workers) as pool:
        list(pool.map(abs, range(workers)))  # the processes are there
        started = time.monotonic()
        cpu = sum(pool.map(encode, tasks, [facts.source.url] * len(tasks)))
        wall = time.monotonic() - started
    return {
        "shape": words(shape),
        "tasks": len(tasks),
        "cpu_seconds": round(cpu, 2),
        "wall_seconds": round(wall, 2),
    }


def run(clip: Path, preset: str, real: bool, workers: int) -> dict[str, Any]:
    """Return the figures of all farms as plain data."""
    facts = probe_url(str(clip), get_settings())
    if facts.video is None:
        sys.exit("the clip has no picture")
    profile = Profile.model_validate(load_profile("standard").model_dump() | {"preset": preset})
    figures: dict[str, Any] = {
        "clip": clip.name,
        "preset": preset,
        "simulated": [simulated(facts, profile, farm) for farm in FARMS],
    }
    if real:
        chosen = choose_shape(facts, profile, "libx264", Load(workers))
        shapes = dict.fromkeys([chosen, Shape()])
        figures["workers"] = workers
        figures["measured"] = [measured(facts, profile, shape, workers) for shape in shapes]
    return figures


def main() -> None:
    """Simulate, perhaps measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", type=Path)
    parser.add_argument("--preset", default="veryfast")
    parser.add_argument("--real", action="store_true", help="also encode the clip on this machine")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    figures = run(options.clip.absolute(), options.preset, options.real, options.workers)
    print(f"simulated by the cost model: {figures['clip']}, {figures['preset']}\n")
    print(f"{'farm':30} {'shape':40} {'tasks':>5} {'CPU s':>8} {'end s':>8} {'CPU':>6} {'end':>6}")
    for row in figures["simulated"]:
        chosen, plain = row["chosen"], row["undivided"]
        print(
            f"{row['farm']:30} {chosen['shape']:40} {chosen['tasks']:5} {chosen['cpu_seconds']:8.1f} "
            f"{chosen['finish_seconds']:8.1f} {chosen['cpu_seconds'] / plain['cpu_seconds']:6.2f} "
            f"{chosen['finish_seconds'] / plain['finish_seconds']:6.2f}"
        )
    print("\nCPU, end: against chunks of 30 s, all renditions in one task, on the same farm")
    for row in figures.get("measured", ()):
        print(
            f"measured on {figures['workers']} slots: {row['shape']}: {row['tasks']} tasks, "
            f"{row['cpu_seconds']:.1f} CPU s, {row['wall_seconds']:.1f} s"
        )
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
