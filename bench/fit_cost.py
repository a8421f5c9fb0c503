"""Fit the cost model: run real tasks over renditions and presets, and solve for its constants.

Each row is one task in this process: some renditions of the standard ladder, one preset, a second of a clip.
CPU seconds are modelled as a sum of features (see ``scheduler/cost.py``); the constants minimise the squared
relative errors over all rows, none of them below zero. Prints the constants, to be copied into
``scheduler/cost.py``, and how far the model is from each row.

    python bench/fit_cost.py CLIP [--presets veryfast,medium] [--seconds 1] [--places 3] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from encoders.tasks import run_task
from gopfarm.facts import SourceFacts
from gopfarm.plan import SegmentPlan, VideoTask
from gopfarm.profile import X264_PRESETS
from gopfarm.settings import get_settings
from ladder import load_profile
from scheduler.cost import Features, features_of
from scheduler.planner import make_plan, part_of
from scheduler.prepare import probe_url
from scheduler.shape import Shape

#: Rounds of dropping the constants that come out below zero.
_ROUNDS = 20


def tasks(facts: SourceFacts, presets: Sequence[str], seconds: float, places: int) -> Iterator[VideoTask]:
    """Make tasks of every preset: all renditions together, all but the largest, and each alone."""
    video = facts.video
    assert video is not None
    frames = max(1, round(seconds * video.grid_rate))
    for preset in presets:
        profile = load_profile("standard").model_copy(update={"preset": preset, "segment_seconds": 20})
        plan = make_plan(facts, profile, "libx264", "bench", Shape(Fraction(100_000)))
        whole = next(task for task in plan.tasks if isinstance(task, VideoTask))
        ladder = whole.renditions
        groups = [ladder, ladder[1:], *((rendition,) for rendition in ladder)]
        for place in range(places):
            start = (2 * place + 1) * video.grid_frames // (2 * places) - frames // 2
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


def solve(rows: Sequence[Features], measured: Sequence[float]) -> dict[str, float]:
    """Return the constants, by feature: the least squares of the relative errors, none below zero."""
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
    return {name: float(value) for name, value in zip(names, found, strict=True)}


def run(clip: Path, presets: Sequence[str], seconds: float, places: int) -> dict[str, Any]:
    """Measure, fit, and return constants, rows and errors as plain data."""
    facts = probe_url(str(clip), get_settings())
    if facts.video is None:
        sys.exit("the clip has no picture")
    rows, measured, labels = [], [], []
    for task in tasks(facts, presets, seconds, places):
        taken = measure(facts, task)
        names = "+".join(rendition.name for rendition in task.renditions)
        labels.append((task.renditions[0].preset, names, task.start))
        rows.append(features_of(task, facts))
        measured.append(taken)
        print(f"{labels[-1][0]:10} {names:24} from frame {task.start:4}: {taken:7.2f} CPU s", flush=True)
    constants = solve(rows, measured)
    table = []
    for label, row, taken in zip(labels, rows, measured, strict=True):
        modelled = sum(constants[name] * amount for name, amount in row.items())
        table.append(
            {
                "preset": label[0],
                "renditions": label[1],
                "start": label[2],
                "measured": round(taken, 3),
                "modelled": round(modelled, 3),
            }
        )
    errors = [abs(row["modelled"] / row["measured"] - 1) for row in table]
    return {
        "clip": clip.name,
        "constants": {name: round(value, 6) for name, value in constants.items()},
        "rows": table,
        "median_error": round(statistics.median(errors), 3),
        "largest_error": round(max(errors), 3),
    }


def main() -> None:
    """Fit and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", type=Path)
    parser.add_argument("--presets", default=",".join(X264_PRESETS))
    parser.add_argument("--seconds", type=float, default=1.0, help="of the clip, in each task")
    parser.add_argument("--places", type=int, default=3, help="of the clip that are tried")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    figures = run(options.clip.absolute(), options.presets.split(","), options.seconds, options.places)
    print(f"\n{'preset':10} {'renditions':24} {'measured':>9} {'model':>9} {'error':>7}")
    for row in figures["rows"]:
        error = row["modelled"] / row["measured"] - 1
        print(
            f"{row['preset']:10} {row['renditions']:24} {row['measured']:9.2f} "
            f"{row['modelled']:9.2f} {error:+7.0%}"
        )
    print(
        f"\nmedian error {figures['median_error']:.0%}, largest {figures['largest_error']:.0%}\n\nconstants:"
    )
    for name, value in figures["constants"].items():
        print(f"    {name:28} {value:.6f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
