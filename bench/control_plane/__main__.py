"""The command, see the package's own description."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from bench.control_plane.measure import Figures, Load, measure

#: Mean seconds of a task in the run that is measured against the targets: with a slow preset they are
#: longer, and fewer end each second.
_TASK_SECONDS = 30.0

#: The curve is taken with slots that finish at once, and a thousand tasks a job.
_CURVE_SLOTS = 500
_CURVE_TASKS_PER_JOB = 1000

#: Rates, in tasks each second, at which the ceiling is looked for, by fewer and shorter tasks.
_CEILING_SLOTS = 1000
_CEILING_RATES = (100, 200, 400, 800, 1600)
_CEILING_SECONDS = 30


def curve(counts: list[int]) -> list[Figures]:
    """Run ever more tasks through the farm at once."""
    return [
        measure(Load(_CURVE_SLOTS, max(1, count // _CURVE_TASKS_PER_JOB), 10, count, 0.0)) for count in counts
    ]


def ceiling() -> list[Figures]:
    """Run ever shorter tasks, until slots stand idle while work waits."""
    found = []
    for rate in _CEILING_RATES:
        tasks = max(4 * _CEILING_SLOTS, rate * _CEILING_SECONDS)
        found.append(measure(Load(_CEILING_SLOTS, tasks // 50, 100, tasks, _CEILING_SLOTS / rate)))
        if found[-1].utilisation < 0.9:
            break
    return found


def table(runs: list[Figures]) -> str:
    """Return the figures for reading."""
    rows = [
        ("slots", *(f"{run.load.slots}" for run in runs)),
        ("jobs", *(f"{run.load.jobs}" for run in runs)),
        ("tenants", *(f"{run.load.tenants}" for run in runs)),
        ("tasks", *(f"{run.tasks}" for run in runs)),
        ("window, s", *(f"{run.window:.1f}" for run in runs)),
        ("tasks each second", *(f"{run.tasks_per_second:.0f}" for run in runs)),
        ("dispatch latency, median, ms", *(f"{1e3 * run.latency_median:.1f}" for run in runs)),
        ("dispatch latency, p99, ms", *(f"{1e3 * run.latency_p99:.1f}" for run in runs)),
        ("besides, the fleet was late, median, ms", *(f"{1e3 * run.lag_median:.1f}" for run in runs)),
        ("besides, the fleet was late, p99, ms", *(f"{1e3 * run.lag_p99:.1f}" for run in runs)),
        ("slot utilisation, %", *(f"{100 * run.utilisation:.2f}" for run in runs)),
        ("scheduler, cores", *(f"{run.scheduler_cores:.3f}" for run in runs)),
        ("Redis, cores", *(f"{run.redis_cores:.3f}" for run in runs)),
        ("pretending fleet, cores", *(f"{run.fleet_cores:.3f}" for run in runs)),
        ("memory of a waiting task, bytes", *(f"{run.memory_per_waiting_task:.0f}" for run in runs)),
        ("planning of a job, scheduler CPU ms", *(f"{1e3 * run.plan_cpu_per_job:.1f}" for run in runs)),
        ("whole run, scheduler CPU s", *(f"{run.scheduler_cpu:.1f}" for run in runs)),
        ("whole run, Redis CPU s", *(f"{run.redis_cpu:.1f}" for run in runs)),
        ("messages in vain", *(f"{run.refused}" for run in runs)),
    ]
    width = max(len(row[0]) for row in rows)
    lines = [f"{row[0]:<{width}}  " + "  ".join(f"{value:>9}" for value in row[1:]) for row in rows]
    for run in runs:
        lines.append(
            f"longest scripts, ms: { {name: round(1e3 * s, 1) for name, s in run.longest_scripts.items()} }"
        )
        lines.append(f"left in Redis, bytes: {run.left_behind}")
    return "\n".join(lines)


def curve_table(runs: list[Figures]) -> str:
    """Return what the tasks of a curve cost, for reading."""
    lines = ["    tasks  scheduler CPU s  ms/task      Redis CPU s  ms/task  bytes waiting"]
    for run in runs:
        scheduler, redis = (
            f"{cpu:15.1f}  {1e3 * cpu / run.tasks:7.3f}" for cpu in (run.scheduler_cpu, run.redis_cpu)
        )
        lines.append(f"{run.tasks:9d}  {scheduler}  {redis}  {run.memory_per_waiting_task:13.0f}")
    return "\n".join(lines)


def main() -> None:
    """Read the command line, run, and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.control_plane", description="See the package.")
    parser.add_argument("--slots", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=1_000)
    parser.add_argument("--tenants", type=int, default=100)
    parser.add_argument("--tasks", type=int, default=50_000)
    parser.add_argument("--task-seconds", type=float, default=_TASK_SECONDS)
    parser.add_argument("--curve", metavar="COUNTS", help="tasks of each run, with commas between")
    parser.add_argument("--ceiling", action="store_true", help="look for the highest rate")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    options = parser.parse_args()
    if options.curve:
        runs = curve([int(count) for count in options.curve.split(",")])
    elif options.ceiling:
        runs = ceiling()
    else:
        load = Load(options.slots, options.jobs, options.tenants, options.tasks, options.task_seconds)
        runs = [measure(load)]
    print(curve_table(runs) if options.curve else table(runs))
    if options.json:
        options.json.write_text(json.dumps([asdict(run) for run in runs], indent=2) + "\n")


if __name__ == "__main__":
    main()
