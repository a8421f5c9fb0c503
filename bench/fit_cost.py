"""Fit the cost model: run real tasks over renditions and presets, and solve for its constants.

Each row is one task in a process of its own: some renditions of the standard ladder, one preset, a piece of
a clip. Short pieces tell what it takes to begin, long ones what each picture takes from then on. CPU seconds
are modelled as a sum of features (see ``scheduler/cost.py``); the constants minimise the squared relative
errors over all rows, none of them below zero. Prints the constants, to be copied into ``scheduler/cost.py``,
and how far the model is from each row.

    python -m bench.fit_cost CLIP [--presets veryfast,medium] [--seconds 0.5,3] [--places 3,2] [--json FILE]
"""

from __future__ import annotations

import multiprocessing
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.films import probed
from bench.script import options_of, report
from encoders.tasks import run_task
from gopfarm.facts import SourceFacts
from gopfarm.plan import SegmentPlan, VideoTask
from gopfarm.profile import X264_PRESETS
from ladder import load_profile
from scheduler.cost import FIRST_FRAMES, Features, features_of
from scheduler.planner import make_plan, part_of
from scheduler.shape import Shape

#: Rounds of dropping the constants that come out below zero.
_ROUNDS = 20

#: Fewer pictures than this is what beginning an encode costs, surely.
_MOST_FIRST_FRAMES = 60


@dataclass(frozen=True)
class Piece:
    """How long pieces are (seconds), from how many places, and whether renditions are tried alone too."""

    seconds: float
    places: int
    alone: bool


def tasks(facts: SourceFacts, presets: Sequence[str], pieces: Sequence[Piece]) -> Iterator[VideoTask]:
    """Make tasks of every preset and piece: all renditions together, all but the largest, and each alone."""
    video = facts.video
    assert video is not None
    for preset, piece in product(presets, pieces):
        frames = max(1, round(piece.seconds * video.grid_rate))
        profile = load_profile("standard").model_copy(update={"preset": preset, "segment_seconds": 20})
        plan = make_plan(facts, profile, "libx264", "bench", Shape(Fraction(100_000)))
        whole = next(task for task in plan.tasks if isinstance(task, VideoTask))
        ladder = whole.renditions
        groups = [ladder, ladder[1:], *((rendition,) for rendition in ladder)] if piece.alone else [ladder]
        for place in range(piece.places):
            start = (2 * place + 1) * video.grid_frames // (2 * piece.places) - frames // 2
            seek = max((key for key in video.keyframes if key.slot <= start), key=lambda key: key.slot)
            chunk = replace(whole, seek=seek, segments=(SegmentPlan(0, start, frames),))
            for group in dict.fromkeys(groups):
                if group:
                    yield part_of(chunk, group)


def measure(facts: SourceFacts, task: VideoTask) -> float:
    """Run a task; return its CPU seconds."""
    with (
        tempfile.TemporaryDirectory(prefix="gopfarm-fit-") as folder,
        Path(facts.source.url).open("rb") as clip,
    ):
        return run_task(task, clip, Path(folder), lambda *_: None, lambda _: None).cpu_seconds


def solve(rows: Sequence[Features], measured: Sequence[float]) -> tuple[dict[str, float], float]:
    """Return the constants, by feature, and the squared relative errors that they leave.

    They leave the least, none of them below zero.
    """
    names = sorted({name for row in rows for name in row})
    weights = 1 / np.asarray(measured)
    table: NDArray[np.float64] = np.asarray([[row.get(name, 0.0) for name in names] for row in rows])
    kept = list(range(len(names)))
    found = np.zeros(len(names))
    for _ in range(_ROUNDS):
        answer = np.linalg.lstsq(table[:, kept] * weights[:, None], np.ones(len(rows)), rcond=None)[0]
        if (answer >= 0).all():
            found[kept] = answer
            break
        kept = [column for column, value in zip(kept, answer, strict=True) if value >= 0]
    left = float(((table @ found * weights - 1) ** 2).sum())
    return {name: float(value) for name, value in zip(names, found, strict=True)}, left


def beginning_with(row: Features, task: VideoTask, frames: int) -> Features:
    """Return a task's features as they would be if an encoder's first pictures cost so many more."""
    pixels = sum(rendition.width * rendition.height for rendition in task.renditions) / 1e6
    name = f"encode {task.renditions[0].preset}"
    return {**row, name: row[name] + (frames - FIRST_FRAMES) * pixels}


def run(clip: Path, presets: Sequence[str], pieces: Sequence[Piece]) -> dict[str, Any]:
    """Measure, fit, and return constants, rows and errors as plain data."""
    facts = probed(clip)
    rows, measured, labels, made = [], [], [], []
    for task in tasks(facts, presets, pieces):
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
            taken = alone.submit(measure, facts, task).result()
        names = "+".join(rendition.name for rendition in task.renditions)
        made.append(task)
        labels.append((task.renditions[0].preset, names, task.start, task.end - task.start))
        rows.append(features_of(task, facts))
        measured.append(taken)
        print(
            f"{labels[-1][0]:10} {names:24} {labels[-1][3]:4} frames from {task.start:4}: {taken:7.2f} CPU s",
            flush=True,
        )
    tried = {
        frames: [beginning_with(row, task, frames) for row, task in zip(rows, made, strict=True)]
        for frames in range(_MOST_FIRST_FRAMES)
    }
    first = min(tried, key=lambda frames: solve(tried[frames], measured)[1])
    rows = tried[first]
    constants, _ = solve(rows, measured)
    table: list[dict[str, Any]] = []
    for label, row, taken in zip(labels, rows, measured, strict=True):
        modelled = sum(constants[name] * amount for name, amount in row.items())
        table.append(
            {
                "preset": label[0],
                "renditions": label[1],
                "start": label[2],
                "frames": label[3],
                "measured": round(taken, 3),
                "modelled": round(modelled, 3),
            }
        )
    errors = [abs(row["modelled"] / row["measured"] - 1) for row in table]
    return {
        "first_frames": first,
        "constants": {name: round(value, 6) for name, value in constants.items()},
        "rows": table,
        "median_error": round(statistics.median(errors), 3),
        "largest_error": round(max(errors), 3),
    }


def table_of(figures: dict[str, Any]) -> str:
    """Return the figures for reading."""
    lines = [f"{'preset':10} {'renditions':24} {'frames':>6} {'measured':>9} {'model':>9} {'error':>7}"]
    for row in figures["rows"]:
        error = row["modelled"] / row["measured"] - 1
        lines.append(
            f"{row['preset']:10} {row['renditions']:24} {row['frames']:6} {row['measured']:9.2f} "
            f"{row['modelled']:9.2f} {error:+7.0%}"
        )
    lines += ["", f"median error {figures['median_error']:.0%}, largest {figures['largest_error']:.0%}", ""]
    lines += [f"first frames: {figures['first_frames']}", "constants:"]
    lines += [f"    {name:28} {value:.6f}" for name, value in figures["constants"].items()]
    return "\n".join(lines)


def main() -> None:
    parser = options_of(__spec__.name, __doc__, "clip")
    parser.add_argument("--presets", default=",".join(X264_PRESETS))
    parser.add_argument("--seconds", default="0.5,3", help="of short pieces, and of long ones")
    parser.add_argument("--places", default="3,2", help="of the clip where short, and long, pieces begin")
    options = parser.parse_args()
    short, long = (float(seconds) for seconds in options.seconds.split(","))
    places, fewer = (int(places) for places in options.places.split(","))
    pieces = [Piece(short, places, alone=True), Piece(long, fewer, alone=False)]
    figures = run(options.clip, options.presets.split(","), pieces)
    report(figures, table_of(figures), options.json)


if __name__ == "__main__":
    main()
