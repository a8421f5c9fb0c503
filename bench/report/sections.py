"""Each bench's own tables, from what its script wrote."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

from bench.readings import MIB, encoding_cost
from bench.report.tables import table


def start_up(figures: Any) -> str:
    """The wall and CPU seconds of two commands."""
    transcode = f"`gopfarm transcode` of {figures['clip_seconds']:g} s, {figures['preset']}"
    rows = [
        (name, *(f"{row[kind]:.2f} s" for kind in ("best", "median", "cpu")))
        for name, row in (("`gopfarm --help`", figures["help"]), (transcode, figures["transcode"]))
    ]
    return table(("command", "best", f"median of {figures['rounds']}", "CPU"), rows)


def against_ffmpeg(figures: Any) -> str:
    """The farm over everything that it was compared with."""
    compared = {name: row for name, row in figures.items() if isinstance(row, dict) and "cpu_ratio" in row}
    rows = [(name, _ratio(row, "cpu_ratio"), _ratio(row, "wall_ratio")) for name, row in compared.items()]
    cpu, wall = (statistics.median(run[kind] for run in figures["gopfarm"]) for kind in ("cpu", "wall"))
    told = f"gopfarm took {cpu:.1f} CPU s and {wall:.1f} s on {figures['cores']} cores."
    return (
        table((f"gopfarm over, {figures['preset']}", "CPU ratio", "wall ratio"), rows)
        + f"\n\nMedians of {len(figures['gopfarm'])} rounds; {told}"
    )


def _ratio(row: Any, name: str) -> str:
    return f"{row[name]:.3f}" if row.get(name) is not None else ""


def pictures(figures: Any) -> str:
    """The milliseconds of each kind of picture, the cheapest first."""
    rows = sorted(figures.items(), key=lambda item: float(item[1]["ratio"]))
    return table(
        ("source", "ms", "ratio"),
        [(name, f"{row['milliseconds']:.1f}", f"{row['ratio']:.1f}") for name, row in rows],
    )


def quality(figures: Any) -> str:
    """Chunks of each length against the whole."""
    rows = [
        (
            f"{row['chunk_seconds']:g} s",
            str(row["joints"]),
            f"{row['vmaf']:.1f}",
            f"{row['vmaf_difference']:+.2f}",
            f"{100 * row['bitrate_difference']:+.1f}%",
            f"{row['at_joints']:+.2f}",
            f"{row['worst_at_joint']:+.1f}",
            f"{row['lowest_at_joint']:.1f}",
            f"{row['lowest']:.1f}",
            f"{row['deviation']:.1f}",
            f"{100 * row['least_fullness']:.0f}%",
        )
        for row in figures["chunks"]
    ]
    heads = ("chunks", "joints", "VMAF", "less whole", "bitrate", "at joints", "largest loss", "lowest there")
    return (
        table((*heads, "lowest of whole", "deviation", "buffer at least"), rows)
        + f"\n\nRendition {figures['rendition']}, {figures['preset']}. The cascade costs "
        f"{figures['cascade_vmaf_cost']:.2f} points of VMAF."
    )


def memory(figures: Any) -> str:
    """The most memory of a task's child, and what a worker has besides."""
    rows = [
        (
            f"{row['seconds']} s",
            row["preset"],
            str(row["renditions"]),
            *(f"{row[kind] / MIB:.0f}" for kind in ("rss", "pss", "uss", "reported")),
        )
        for row in figures["children"]
    ]
    worker = {name: f"{size / MIB:.0f} MiB" for name, size in figures["worker"].items()}
    heads = ("film", "preset", "renditions", "RSS, MiB", "PSS", "USS", "`job.json` (RSS)")
    return (
        table(heads, rows) + f"\n\nBesides its children, a worker has {worker['worker']} and its fork server "
        f"{worker['fork_server']} at rest; of sources it keeps at most {worker['shared_blocks']}, and "
        f"{worker['reader']} for each slot."
    )


def reads(figures: Any) -> str:
    """What jobs read of films in several containers, and planning of films of two hours."""
    jobs = [
        (
            f"`{job['source']}`",
            *(f"{job[name] / 1e6:.1f}" for name in ("size", "planning", "picture", "sound")),
            str(job["requests"]),
            f"{job['picture_ratio']:.3f}",
            f"{job['ratio']:.3f}",
        )
        for job in figures["jobs"]
    ]
    plans = [
        (
            f"{plan['seconds'] / 3600:.1f} h at {plan['frame_rate']} frames/s, {plan['size'] / 1e9:.1f} GB",
            f"{plan['bytes_read'] / MIB:.2f} MiB",
            f"{plan['index'] / MIB:.2f} MiB",
            str(plan["requests"]),
            f"{plan['cpu_seconds']:.1f} s",
        )
        for plan in figures["plans"]
    ]
    heads = ("source", "MB", "planning", "picture", "sound", "requests", "picture/size", "all/(2 x size)")
    return (
        table(heads, jobs)
        + "\n\n"
        + table(("planning of an MP4", "read", "of which index", "requests", "CPU"), plans)
    )


def first_playable(figures: Any) -> str:
    """When each film could be watched, and when it was done."""
    rows = [
        (name, f"{film['first_playable']:.1f} s", f"{film['total']:.1f} s", f"{100 * film['share']:.1f}%")
        for name, film in zip(("long", "short"), figures["films"], strict=True)
    ]
    return table(("film", "playable after", "done after", "share"), rows)


def shapes(figures: Any) -> str:
    """The chosen shape against the undivided one: simulated, and as measured."""
    rows = []
    for row in figures["simulated"]:
        chosen, plain = row["chosen"], row["undivided"]
        ratios = (f"{chosen[kind] / plain[kind]:.2f}" for kind in ("cpu_seconds", "finish_seconds"))
        rows.append((row["farm"], chosen["shape"], str(chosen["tasks"]), *ratios))
    parts = [table(("farm (simulated)", "chosen shape", "tasks", "CPU", "time to the end"), rows)]
    measured = [
        (
            row["shape"],
            str(row["tasks"]),
            *(f"{row[f'{kind}_seconds']:.1f} s" for kind in ("cpu", "wall", "tail")),
        )
        for row in figures.get("measured", ())
    ]
    if measured:
        slots = f"shape, measured on {figures['workers']} slots"
        parts.append(table((slots, "tasks", "CPU", "time to the end", "tail"), measured))
    return "\n\n".join(parts)


def fit_cost(figures: Any) -> str:
    """What the fit found that encoding takes, and how far it is off."""
    cost = encoding_cost(figures)
    row = ("ms for a million pixels", *(f"{value:.1f}" for value in cost.values()))
    constants = figures["constants"]
    errors = (100 * figures[f"{which}_error"] for which in ("median", "largest"))
    return (
        "The median error is {:.0f}% and the largest {:.0f}% over ".format(*errors)
        + f"{len(figures['rows'])} tasks. Of CPU milliseconds for a million pixels, decoding takes "
        f"{1e3 * constants['decode']:.1f}, and reading or writing them on the way through the scaler "
        f"{1e3 * constants['scale']:.1f}. Beginning to encode costs as much as {figures['first_frames']} "
        "pictures. Encoding takes:\n\n" + table(("preset", *cost), [row])
    )


def strong_scaling(figures: Any) -> str:
    """The best chunks and the chosen shape for each number of slots."""
    rows = [
        (
            f"{row['slots']:,}",
            row["best_fixed"],
            f"{100 * row['efficiency'][row['best_fixed']]:.1f}%",
            row["chosen"],
            f"{100 * row['chosen_efficiency']:.1f}%",
            f"{row['chosen_seconds']:,.0f} s",
        )
        for row in figures["rows"]
    ]
    heads = ("slots", "best chunks of one length", "efficiency", "as the farm chooses", "efficiency")
    return (
        table((*heads, "time to the end"), rows)
        + f"\n\nFrom about {figures['slots_from_which_sound_is_last']} slots on everybody waits for the "
        f"sound, which is one continuous task of {figures['sound_seconds']:.0f} s."
    )


def control_plane(figures: Any) -> str:
    """The run of which most targets are."""
    run = figures[0]
    load = run["load"]
    rows = [
        ("scheduler", f"{run['scheduler_cores']:.2f} cores"),
        ("Redis", f"{run['redis_cores']:.2f} cores"),
        ("the pretending fleet", f"{run['fleet_cores']:.2f} cores"),
        ("tasks that ended each second", f"{run['tasks_per_second']:.0f}"),
        ("dispatch latency, median and 99th percentile", _two(run, "latency")),
        ("besides, the fleet was late, median and 99th percentile", _two(run, "lag")),
        ("slot utilisation while work waits", f"{100 * run['utilisation']:.2f}%"),
        ("Redis memory of a waiting task", f"{run['memory_per_waiting_task']:.0f} bytes"),
        ("planning of a job, scheduler CPU", f"{1e3 * run['plan_cpu_per_job']:.0f} ms"),
        ("messages in vain", str(run["refused"])),
    ]
    head = (
        f"{load['slots']:,} slots, {load['jobs']:,} jobs, {load['tenants']:,} tenants, {run['tasks']:,} tasks"
    )
    return table((f"{head} of {load['task_seconds']:g} s", "measured"), rows)


def _two(run: Any, name: str) -> str:
    return f"{1e3 * run[f'{name}_median']:.1f} ms, {1e3 * run[f'{name}_p99']:.0f} ms"


def control_plane_curve(figures: Any) -> str:
    """What ever more tasks cost."""
    rows = []
    for run in figures:
        cpu = [run["scheduler_cpu"], run["redis_cpu"]]
        costs = [cell for each in cpu for cell in (f"{each:,.1f}", f"{1e3 * each / run['tasks']:.2f}")]
        rows.append((f"{run['tasks']:,}", *costs, f"{run['memory_per_waiting_task']:.0f}"))
    heads = ("tasks, all waiting at once", "scheduler CPU s", "ms a task", "Redis CPU s", "ms a task")
    return table((*heads, "bytes a waiting task"), rows)


def control_plane_ceiling(figures: Any) -> str:
    """What ever shorter tasks come to."""
    rows = [
        (
            f"{run['load']['slots'] / run['load']['task_seconds']:.0f}",
            f"{run['tasks_per_second']:.0f}",
            f"{100 * run['utilisation']:.1f}%",
            f"{1e3 * run['latency_p99']:.0f} ms",
            *(f"{run[name]:.2f}" for name in ("scheduler_cores", "redis_cores", "fleet_cores")),
        )
        for run in figures
    ]
    heads = (
        "tasks/s asked for",
        "reached",
        "utilisation",
        "latency, p99",
        "scheduler, cores",
        "Redis",
        "fleet",
    )
    return table(heads, rows)


#: By the names of benches.
SECTIONS: dict[str, Callable[[Any], str]] = {
    "start_up": start_up,
    "against_ffmpeg": against_ffmpeg,
    "against_ffmpeg_medium": against_ffmpeg,
    "against_ffmpeg_six_minutes": against_ffmpeg,
    "pictures": pictures,
    "quality": quality,
    "memory": memory,
    "reads": reads,
    "first_playable": first_playable,
    "shapes": shapes,
    "tail": shapes,
    "fit_cost": fit_cost,
    "strong_scaling": strong_scaling,
    "control_plane": control_plane,
    "control_plane_curve": control_plane_curve,
    "control_plane_ceiling": control_plane_ceiling,
}
