"""A job's progress for people: a bar for each rendition, and a summary table at the end."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from cli.output import bit_rate, byte_size, clock
from gopfarm.plan import AudioTask, Plan, SubtitleTask, Task, renditions_of
from gopfarm.store import JobState, JobView
from scheduler.outlook import Expected
from stitcher import RenditionReport

#: Seconds between lines where there is no terminal to draw bars in.
_LINE_SECONDS = 5.0

#: How the names of renditions begin that are listed after the ladder.
_AFTER_THE_PICTURE = ("audio-", "subtitles-")


class ProgressView:
    """Bars in a terminal; elsewhere a line now and then."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description:<14}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[speed]:>12}"),
            TimeRemainingColumn(compact=True),
            console=console,
            disable=not console.is_terminal,
            transient=True,
            refresh_per_second=4,
        )
        self._state: JobState | None = None
        self._status = self._progress.add_task("starting", total=None, speed="")
        self._bars: dict[str, TaskID] = {}
        self._told = False
        self._begun = 0.0
        self._eta = ""
        self._line_at = 0.0

    def __enter__(self) -> ProgressView:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show_state(self, state: JobState) -> None:
        """Say what the job is doing now."""
        if state is self._state:
            return
        self._state = state
        if state is JobState.ENCODING:
            self._progress.update(self._status, visible=False)
        else:
            self._progress.update(self._status, description=state.value, visible=True)

    def show_playable(self, view: JobView) -> None:
        """Say once from when on a job can be watched, before it is done."""
        if self._told or "playable" not in view.times or view.master is None:
            return
        self._told = True
        seconds = view.times["playable"] - view.times["queued"]
        self._console.print(f"playable since +{clock(seconds)}: ", style="bold", end="", highlight=False)
        self._console.print(view.master, markup=False, highlight=False, soft_wrap=True)

    def show_tasks(self, plan: Plan, done: dict[str, int]) -> None:
        """Draw how far each rendition is, given the frames or samples done by task."""
        if not self._begun:
            self._begun = time.monotonic()
        elapsed = max(0.001, time.monotonic() - self._begun)
        lines = []
        for name, total, finished, rate in _by_rendition(plan, done):
            if name not in self._bars:
                self._bars[name] = self._progress.add_task(name, total=total, speed="")
            seconds = finished / rate
            picture = not name.startswith(_AFTER_THE_PICTURE)
            speed = f"{finished / elapsed:.0f} fps" if picture else f"{seconds / elapsed:.1f}x"
            self._progress.update(self._bars[name], completed=finished, speed=speed)
            lines.append(f"{name} {100 * finished // max(1, total)}%")
        if not self._console.is_terminal and time.monotonic() - self._line_at > _LINE_SECONDS:
            self._line_at = time.monotonic()
            self._console.print(f"encoding: {', '.join(lines)}{self._eta}", highlight=False, soft_wrap=True)

    def show_eta(self, expected: Expected | None) -> None:
        """Say when all tasks are expected to be done."""
        if expected is None:
            return
        self._eta = f"; about {clock(expected.seconds)} left"
        self._progress.update(self._status, description=f"encoding{self._eta}", visible=True)


def _by_rendition(plan: Plan, done: dict[str, int]) -> list[tuple[str, int, int, float]]:
    """Return name, total, done and units per second of every rendition."""
    totals: dict[str, list[int]] = {}
    rates: dict[str, float] = {}
    for task in plan.tasks:
        length = sum(segment.length for segment in task.segments)
        for rendition in renditions_of(task):
            entry = totals.setdefault(rendition.name, [0, 0])
            entry[0] += length
            entry[1] += min(length, done.get(task.id, 0))
            rates[rendition.name] = _units_per_second(task, plan)
    ordered = sorted(totals, key=lambda name: name.startswith(_AFTER_THE_PICTURE))
    return [(name, totals[name][0], totals[name][1], rates[name]) for name in ordered]


def _units_per_second(task: Task, plan: Plan) -> float:
    if isinstance(task, AudioTask):
        return float(task.rendition.sample_rate)
    return float(1 / task.unit if isinstance(task, SubtitleTask) else plan.grid_rate)


def summary_table(renditions: tuple[RenditionReport, ...], wall_seconds: float) -> Table:
    """Return what was published, a row for each rendition."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading, right in (
        ("rendition", False),
        ("size", False),
        ("average", True),
        ("peak", True),
        ("length", True),
        ("stored", True),
        ("speed", True),
    ):
        table.add_column(heading, justify="right" if right else "left")
    for row in renditions:
        table.add_row(
            row.name,
            f"{row.width}x{row.height}" if row.width else "",
            bit_rate(row.average_bitrate),
            bit_rate(row.peak_bitrate),
            clock(row.seconds),
            byte_size(row.bytes),
            f"{row.seconds / max(0.001, wall_seconds):.2f}x",
        )
    return table
