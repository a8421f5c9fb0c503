"""How figures are taken out of what bench scripts write, where that is more than a name or two."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.control_plane.measure import RECORDS
from gopfarm.profile import X264_PRESETS

MIB = 2**20

#: What ``bench/against_ffmpeg.py`` compares the farm with, by the names that its figures have.
ONE_COMMAND = "one ffmpeg command"
SEPARATE = "separate ffmpeg commands"
FLOOR = "the floor"


def against(other: str, kind: str) -> Callable[[Any], float | None]:
    """Read the farm's time over that of something else; ``kind`` is ``cpu`` or ``wall``."""

    def read(figures: Any) -> float | None:
        ratios = figures.get(other)
        return None if ratios is None else float(ratios[f"{kind}_ratio"])

    return read


def memory(renditions: str) -> Callable[[Any], float]:
    """Read the most memory of a task's child in MiB: with ``one`` rendition, or ``all``."""
    return lambda figures: max(row["rss"] for row in _children(figures, renditions)) / MIB


def memory_by_length(figures: Any) -> float:
    """Read the most memory for the longest film over that for the shortest, with all renditions."""
    rows = _children(figures, "all")
    most = {row["seconds"]: 0.0 for row in rows}
    for row in rows:
        most[row["seconds"]] = max(most[row["seconds"]], row["rss"])
    return most[max(most)] / most[min(most)]


def _children(figures: Any, renditions: str) -> list[Any]:
    return [row for row in figures["children"] if (row["renditions"] == 1) == (renditions == "one")]


def worst_chunks(value: Callable[[Any], float]) -> Callable[[Any], float]:
    """Read the largest of something over all lengths of chunks."""
    return lambda figures: max(value(row) for row in figures["chunks"])


def least_chunks(value: Callable[[Any], float]) -> Callable[[Any], float]:
    """Read the smallest of something over all lengths of chunks."""
    return lambda figures: min(value(row) for row in figures["chunks"])


def on_farm(name: str, value: str) -> Callable[[Any], float]:
    """Read what is expected of the chosen shape over that of the undivided, on a farm."""

    def read(figures: Any) -> float:
        row = next(row for row in figures["simulated"] if row["farm"] == name)
        return float(row["chosen"][value] / row["undivided"][value])

    return read


def tail_share(figures: Any) -> float:
    """Read the per cent of the time in which, at the end, a slot had nothing left to do."""
    chosen = figures["measured"][0]
    return float(100 * chosen["tail_seconds"] / chosen["wall_seconds"])


def chosen_over_undivided(figures: Any) -> float:
    """Read the measured time of the chosen shape over that of the undivided."""
    chosen, undivided = figures["measured"][0], figures["measured"][-1]
    return float(chosen["wall_seconds"] / undivided["wall_seconds"])


def growth(figures: Any) -> float:
    """Read what a task costs scheduler and Redis in the longest run over the same in the shortest."""
    cost = [(run["scheduler_cpu"] + run["redis_cpu"]) / run["tasks"] for run in figures]
    return float(cost[-1] / cost[0])


def left_behind(figures: Any) -> int:
    """Count the kinds of keys that jobs left in Redis beyond their records."""
    return len(set(figures[0]["left_behind"]) - RECORDS)


def highest_rate(figures: Any) -> float:
    """Read the most tasks that ended in a second."""
    return float(max(run["tasks_per_second"] for run in figures))


def efficiency(slots: int) -> Callable[[Any], float]:
    """Read the efficiency, in per cent, of the shape that is chosen for so many slots."""
    return lambda figures: float(
        100 * next(row["chosen_efficiency"] for row in figures["rows"] if row["slots"] == slots)
    )


def encoding_cost(figures: Any) -> dict[str, float]:
    """Read the fitted CPU milliseconds that encoding a million pixels takes, by preset."""
    constants = figures["constants"]
    names = {preset: f"encode {preset}" for preset in X264_PRESETS}
    return {preset: 1e3 * constants[name] for preset, name in names.items() if name in constants}
