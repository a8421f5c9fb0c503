"""Strong scaling on paper: one film on 1 to 1,000 idle slots, by simulation. Nothing is encoded.

The film is made up (H.264, 1080p30, a keyframe every 4 s, one track of sound); it is cut by the real planner.
Tasks take what the cost model says, and each besides the time to get from the queue to a worker, to fork a
child, and to read the first bytes from S3. They are given out longest first, no faster than the scheduler
can, to the slot that is free first. Efficiency is the CPU time of the cheapest shape divided by slots x time.
Sound is one continuous task: from some number of slots on, everybody waits for it.

    python bench/strong_scaling.py [--hours 2] [--preset medium] [--plot FILE.svg] [--json FILE]
"""

from __future__ import annotations

import argparse
import heapq
import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from films import described

from gopfarm.facts import SourceFacts
from gopfarm.plan import Plan, VideoTask
from gopfarm.profile import Profile
from ladder import load_profile
from scheduler.cost import expected_seconds
from scheduler.load import Load
from scheduler.planner import make_plan
from scheduler.shape import CHUNK_SECONDS, Grouping, Shape
from scheduler.shaping import choose_shape

SLOTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)

#: Seconds from a free slot to the first frame that is decoded: a message through Redis, a forked child (both
#: measured, see docs/benchmarks.md), and three ranged reads of S3, each of which is taken to be 50 ms.
_OVERHEAD_SECONDS = 0.02 + 0.03 + 3 * 0.05

#: Tasks that one scheduler gives out in a second, cautiously.
_TASKS_PER_SECOND = 500.0

#: Seconds of probing and planning before the tasks, and of publishing after them, in which slots stand idle.
_SERIAL_SECONDS = 3.0

RATE = Fraction(30)
_KEYFRAME_SECONDS = 4
_BYTES_PER_SECOND = 700_000


def film(seconds: int) -> SourceFacts:
    """Return what probing would find."""
    return described(int(seconds * RATE), RATE, _KEYFRAME_SECONDS, _BYTES_PER_SECOND)


def lengths(plan: Plan) -> list[float]:
    """Return the seconds of each task, the longest first, as they are given out."""
    return sorted((expected_seconds(task, plan.facts) for task in plan.tasks), reverse=True)


def play(seconds: Sequence[float], slots: int) -> float:
    """Return when the last task ends: each begins when a slot is free and the scheduler has come to it."""
    free = [0.0] * min(slots, len(seconds))
    last = 0.0
    for number, task in enumerate(seconds):
        begin = max(free[0], number / _TASKS_PER_SECOND)
        end = begin + _OVERHEAD_SECONDS + task
        heapq.heapreplace(free, end)
        last = max(last, end)
    return _SERIAL_SECONDS + last


def run(hours: float, preset: str) -> dict[str, Any]:
    """Return the figures as plain data: for each number of slots, each chunk length and the chosen shape."""
    facts = film(int(hours * 3600))
    profile = Profile.model_validate(load_profile("standard").model_dump() | {"preset": preset})

    def planned(shape: Shape) -> Plan:
        return make_plan(facts, profile, "libx264", "bench", shape)

    fixed = {
        f"{float(seconds):g} s, {grouping.value}": lengths(planned(Shape(seconds, grouping=grouping)))
        for seconds in (Fraction(60), *CHUNK_SECONDS)
        for grouping in (Grouping.TOGETHER, Grouping.LARGEST_APART)
    }
    whole = planned(Shape())
    alone = sum(lengths(whole))
    sound = sum(expected_seconds(task, facts) for task in whole.tasks if not isinstance(task, VideoTask))
    rows = []
    for slots in SLOTS:
        shape = choose_shape(facts, profile, "libx264", Load(slots))
        chosen = lengths(planned(shape))
        times = {name: play(tasks, slots) for name, tasks in fixed.items()}
        best = min(times, key=lambda name: times[name])
        end = play(chosen, slots)
        rows.append(
            {
                "slots": slots,
                "seconds": {name: round(value, 1) for name, value in times.items()},
                "efficiency": {name: round(alone / value / slots, 4) for name, value in times.items()},
                "best_fixed": best,
                "chosen": f"{float(shape.chunk_seconds):g} s, tail {shape.tail}, {shape.grouping.value}",
                "chosen_tasks": len(chosen),
                "chosen_seconds": round(end, 1),
                "chosen_efficiency": round(alone / end / slots, 4),
                "bound_by_sound": end < _SERIAL_SECONDS + sound + 2 * _OVERHEAD_SECONDS + 1,
            }
        )
    return {
        "hours": hours,
        "preset": preset,
        "cpu_seconds": round(alone, 1),
        "sound_seconds": round(sound, 1),
        "slots_from_which_sound_is_last": round(alone / sound),
        "rows": rows,
    }


def plot(figures: dict[str, Any], path: Path) -> None:
    """Draw efficiency and time over slots."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "gopfarm"  # the same picture is the same file
    import matplotlib.pyplot as plt

    rows = figures["rows"]
    slots = [row["slots"] for row in rows]
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    for name in rows[0]["efficiency"]:
        if name.endswith(Grouping.TOGETHER.value):
            label = name.partition(",")[0] + " chunks"
            left.plot(slots, [100 * row["efficiency"][name] for row in rows], lw=1, label=label)
            right.plot(slots, [row["seconds"][name] for row in rows], lw=1, label=label)
    left.plot(
        slots, [100 * row["chosen_efficiency"] for row in rows], "k", lw=2.2, label="as the farm chooses"
    )
    right.plot(slots, [row["chosen_seconds"] for row in rows], "k", lw=2.2, label="as the farm chooses")
    ideal = [figures["cpu_seconds"] / count for count in slots]
    right.plot(slots, ideal, "k:", lw=1, label="ideal")
    right.axhline(figures["sound_seconds"], color="grey", ls="--", lw=1, label="the sound alone")
    for axes, title in ((left, "efficiency, %"), (right, "seconds to the end")):
        axes.set(xscale="log", xlabel="slots", title=title)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    right.set_yscale("log")
    left.set_ylim(0, 105)
    figure.suptitle(f"{figures['hours']:g} hours of 1080p30, {figures['preset']}: simulated")
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--preset", default="medium")
    parser.add_argument("--plot", type=Path, help="draw a picture into this file (needs matplotlib)")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    figures = run(options.hours, options.preset)
    print(f"{figures['hours']:g} hours, {figures['preset']}: {figures['cpu_seconds']:.0f} CPU s, simulated")
    print(f"the sound takes {figures['sound_seconds']:.0f} s on one slot: the end is never nearer\n")
    print(f"{'slots':>5} {'best fixed length':24} {'s':>8} {'eff.':>6}   {'chosen':32} {'s':>8} {'eff.':>6}")
    for row in figures["rows"]:
        best = row["best_fixed"]
        print(
            f"{row['slots']:5} {best:24} {row['seconds'][best]:8.0f} {row['efficiency'][best]:6.1%}   "
            f"{row['chosen']:32} {row['chosen_seconds']:8.0f} {row['chosen_efficiency']:6.1%}"
            f"{'  waits for the sound' if row['bound_by_sound'] else ''}"
        )
    if options.plot:
        plot(figures, options.plot)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
