"""The plots of the page: small SVG files that read well on light and on dark, and are the same each time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.goals import Target
from bench.readings import MIB
from bench.results import Results
from bench.targets import TARGETS
from scheduler.shape import Grouping

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: A grey that stands out from white and from near black alike, and the colours of Okabe and Ito in a middle
#: tone, which people who see few colours tell apart as well.
_GREY = "#7c848d"
_COLOURS = ("#2a8fd0", "#e07b1f", "#18a17a", "#c26aa0", "#b0992c")
_BLUE, _ORANGE, _GREEN, _PURPLE, _ = _COLOURS

_STYLE: Any = {
    "svg.hashsalt": "gopfarm",  # the same picture is the same file
    "svg.fonttype": "none",  # text stays text, in the reader's own font: files are small
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "figure.titlesize": 11,
    "legend.frameon": False,
    "savefig.transparent": True,
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), _GREY),
    "grid.color": _GREY,
    "grid.alpha": 0.25,
}


#: Bars of targets end here, in shares of the goal; the figure beside them is the true one.
_MOST_SHOWN = 2.0


@dataclass(frozen=True)
class Plot:
    """A plot of what some benches found; it is drawn once any of them has been measured."""

    name: str
    title: str
    benches: tuple[str, ...]
    draw: Callable[[Results], Figure]

    def drawable(self, results: Results) -> bool:
        """Tell whether there is anything to draw."""
        return any(bench in results for bench in self.benches)


def save(plot: Plot, results: Results, file: Path) -> None:
    """Draw a plot into an SVG file."""
    with _styled():
        figure = plot.draw(results)
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
        from matplotlib import pyplot

        pyplot.close(figure)


@contextmanager
def _styled() -> Iterator[None]:
    import matplotlib as mpl

    mpl.use("Agg")
    with mpl.rc_context(_STYLE):
        yield


def _axes(columns: int = 1, *, width: float, height: float = 3.2) -> tuple[Figure, Sequence[Axes]]:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, columns, figsize=(width, height), layout="constrained", squeeze=False)
    return figure, axes[0]


def _less_is_better(target: Target) -> bool:
    return target.goal is not None and target.goal.bound.upper and target.goal.figure > 0


def targets(results: Results) -> Figure:
    """Draw how much of its goal every target takes up, where less is better and the goal is not nothing."""
    found = [
        (target, value)
        for target in filter(_less_is_better, TARGETS)
        if (value := target.figure(results)) is not None
    ]
    figure, (axes,) = _axes(height=0.9 + 0.28 * len(found), width=9)
    for place, (target, value) in enumerate(found):
        assert target.goal is not None
        share = value / target.goal.figure
        axes.barh(
            place, min(share, _MOST_SHOWN), height=0.65, color=_GREEN if target.met(results) else _ORANGE
        )
        told = f" {target.shown(value)}"
        axes.annotate(told, (min(max(share, 1), _MOST_SHOWN), place), va="center", fontsize=8)
    axes.axvline(1, color=_GREY, lw=1.5)
    axes.set_yticks(range(len(found)), [_short(target.what) for target, _ in found], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, _MOST_SHOWN * 1.15)
    figure.suptitle("measured, as a share of the goal (the line): shorter is better")
    return figure


def _short(what: str) -> str:
    plain = what.replace("`", "")
    return plain if len(plain) < 60 else f"{plain[:58]}…"


def against_ffmpeg(results: Results) -> Figure:
    """Draw the farm's time over that of others, each with its goal."""
    found = [
        (target, value)
        for target in TARGETS
        if target.bench in AGAINST_FFMPEG and (value := target.figure(results)) is not None
    ]
    figure, (axes,) = _axes(height=0.9 + 0.35 * len(found), width=8)
    for place, (target, value) in enumerate(found):
        axes.barh(place, value, height=0.6, color=_BLUE if target.what.startswith("CPU") else _PURPLE)
        axes.annotate(f" {value:.3f}", (value, place), va="center")
        if target.goal:
            axes.plot([target.goal.figure] * 2, [place - 0.4, place + 0.4], color=_ORANGE, lw=2.5)
    axes.axvline(1, color=_GREY, lw=1, ls=":")
    axes.set_yticks(range(len(found)), [_short(target.what) for target, _ in found])
    axes.invert_yaxis()
    axes.margins(x=0.12)
    figure.suptitle("gopfarm over ffmpeg; the goals are marked")
    return figure


def memory(results: Results) -> Figure:
    """Draw the memory of tasks for films of each length."""
    children = results["memory"].figures["children"]
    rows = sorted(children, key=lambda row: (row["renditions"], row["preset"], row["seconds"]))
    figure, (axes,) = _axes(height=0.9 + 0.3 * len(rows), width=7)
    lengths = sorted({row["seconds"] for row in rows})
    for place, row in enumerate(rows):
        value = row["rss"] / MIB
        axes.barh(place, value, height=0.6, color=_COLOURS[lengths.index(row["seconds"]) % len(_COLOURS)])
        axes.annotate(f" {value:.0f}", (value, place), va="center")
    names = [
        f"{row['renditions']} of the ladder, {row['preset']}, film of {row['seconds']} s" for row in rows
    ]
    axes.set_yticks(range(len(rows)), names)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    figure.suptitle("memory of a task (RSS), MiB")
    return figure


def joints(results: Results) -> Figure:
    """Draw the quality of chunks less that of the whole encode, picture by picture around joints."""
    figures = results["quality"].figures
    figure, (axes,) = _axes(width=7)
    for row, colour in zip(figures["chunks"], _COLOURS, strict=False):
        reach = len(row["around_joints"]) // 2
        label = f"chunks of {row['chunk_seconds']:g} s, {row['joints']} joints"
        axes.plot(range(-reach, reach), row["around_joints"], color=colour, label=label)
    axes.axvline(0, color=_GREY, ls=":", lw=1)
    axes.axhline(0, color=_GREY, lw=1)
    axes.set(xlabel="pictures from the joint", ylabel="VMAF, chunked less whole")
    deviation = figures["chunks"][0]["deviation"]
    figure.suptitle(f"around joints; the standard deviation of the clip's own pictures is {deviation:.1f}")
    axes.grid()
    axes.legend(fontsize=9)
    return figure


def first_playable(results: Results) -> Figure:
    """Draw when films can be watched, in the time until they are done."""
    films = results["first_playable"].figures["films"]
    figure, (axes,) = _axes(height=1.9, width=7)
    for place, film in enumerate(films):
        waited, rest = film["first_playable"], film["total"] - film["first_playable"]
        axes.barh(place, waited, height=0.6, color=_ORANGE, label=None if place else "waiting")
        axes.barh(
            place, rest, left=waited, height=0.6, color=_GREEN, label=None if place else "can be watched"
        )
        axes.annotate(f" {film['share']:.0%}", (film["total"], place), va="center")
    axes.set_yticks(range(len(films)), ["long", "short"][: len(films)])
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set(xlabel="seconds from the start of the command")
    axes.legend(fontsize=9, ncols=2, loc="upper right", bbox_to_anchor=(1, 1.35))
    return figure


def control_plane(results: Results) -> Figure:
    """Draw what ever more tasks cost, with a line along which cost is linear."""
    runs = results["control_plane_curve"].figures
    figure, (axes,) = _axes(width=7)
    tasks = [run["tasks"] for run in runs]
    for name, key, colour in (("scheduler", "scheduler_cpu", _BLUE), ("Redis", "redis_cpu", _ORANGE)):
        cpu = [run[key] for run in runs]
        axes.plot(tasks, cpu, "o-", color=colour, label=name)
        guide = [cpu[0] * count / tasks[0] for count in tasks]
        axes.plot(tasks, guide, ":", color=colour, label=f"{name}, were it linear")
    axes.set(xscale="log", yscale="log", xlabel="tasks, all waiting at once", ylabel="CPU seconds")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid()
    axes.legend(fontsize=9)
    return figure


def strong_scaling(results: Results) -> Figure:
    """Draw efficiency and time over slots, for chunks of each length and as the farm chooses."""
    figures: Any = results["strong_scaling"].figures
    rows = figures["rows"]
    slots = [row["slots"] for row in rows]
    figure, (left, right) = _axes(2, height=4.0, width=11)
    together = [name for name in rows[0]["efficiency"] if name.endswith(Grouping.TOGETHER.value)]
    for number, name in enumerate(together):
        style: dict[str, Any] = {"lw": 1, "alpha": 0.9, "color": _COLOURS[number % len(_COLOURS)]}
        label = name.partition(",")[0] + " chunks"
        left.plot(slots, [100 * row["efficiency"][name] for row in rows], label=label, **style)
        right.plot(slots, [row["seconds"][name] for row in rows], label=label, **style)
    thick: dict[str, Any] = {"lw": 2.5, "color": _GREY, "label": "as the farm chooses"}
    left.plot(slots, [100 * row["chosen_efficiency"] for row in rows], **thick)
    right.plot(slots, [row["chosen_seconds"] for row in rows], **thick)
    right.plot(slots, [figures["cpu_seconds"] / count for count in slots], ":", color=_GREY, label="ideal")
    right.axhline(figures["sound_seconds"], color=_GREY, ls="--", lw=1, label="the sound alone")
    for axes, title in ((left, "efficiency, %"), (right, "seconds to the end")):
        axes.set(xscale="log", xlabel="slots", title=title)
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.grid()
        axes.legend(fontsize=8)
    right.set_yscale("log")
    right.yaxis.set_major_formatter("{x:,.0f}")
    left.set_ylim(0, 105)
    figure.suptitle(f"{figures['hours']:g} hours of 1080p30, {figures['preset']}: simulated")
    return figure


#: The benches of the farm against ffmpeg.
AGAINST_FFMPEG = ("against_ffmpeg", "against_ffmpeg_medium", "against_ffmpeg_six_minutes")

PLOTS = (
    Plot(
        "targets",
        "Every figure as a share of its goal",
        tuple(target.bench for target in TARGETS if _less_is_better(target)),
        targets,
    ),
    Plot("against-ffmpeg", "CPU and wall time over ffmpeg's", AGAINST_FFMPEG, against_ffmpeg),
    Plot("memory", "Memory of tasks", ("memory",), memory),
    Plot("joints", "Quality around joints", ("quality",), joints),
    Plot("first-playable", "Waiting and watching", ("first_playable",), first_playable),
    Plot("control-plane", "CPU seconds over tasks", ("control_plane_curve",), control_plane),
    Plot("strong-scaling", "Efficiency and time over slots", ("strong_scaling",), strong_scaling),
)
