"""docs/benchmarks.md is what the stored results say, and tells what is missed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.goals import Target, at_least, at_most, over, under
from bench.report.document import PAGE, Places, blocks, fill
from bench.report.plots import PLOTS, save
from bench.report.sections import SECTIONS
from bench.results import Machine, Result, Results, store, stored
from bench.suite import BENCHES, BY_NAME
from bench.targets import TARGETS

#: What a curve's script writes, as far as it is read here.
CURVE: list[dict[str, Any]] = [
    {"tasks": 10_000, "scheduler_cpu": 7.0, "redis_cpu": 3.0, "memory_per_waiting_task": 1300.0},
    {"tasks": 100_000, "scheduler_cpu": 77.0, "redis_cpu": 43.0, "memory_per_waiting_task": 1350.0},
]


def result(bench: str, figures: object) -> Result:
    """Return a result of a bench."""
    machine = Machine(cores=2, processor="a processor", python="3", ffmpeg="7", pyav="18", pyav_ffmpeg="8")
    return Result(
        bench=bench,
        command=BY_NAME[bench].command(),
        date="2026-01-31",
        minutes=1.5,
        quick=False,
        source=None,
        machine=machine,
        figures=figures,
    )


def test_the_page_is_what_the_stored_results_say() -> None:
    results = stored(Places.in_repository().results)
    assert PAGE.read_text() == fill(PAGE.read_text(), results), "run: make bench ARGS=--render"


def test_stored_results_are_of_runs_in_earnest_as_the_suite_lists_them() -> None:
    for name, found in stored(Places.in_repository().results).items():
        assert not found.quick, name
        assert found.command == BY_NAME[name].command(), f"{name} was run in another way"


def test_every_target_that_is_missed_says_why() -> None:
    results = stored(Places.in_repository().results)
    assert [target.what for target in TARGETS if target.met(results) is False and not target.why] == []


def test_every_target_names_a_bench_and_every_bench_has_a_section() -> None:
    assert {target.bench for target in TARGETS} <= BY_NAME.keys()
    assert SECTIONS.keys() == BY_NAME.keys()
    assert {bench for plot in PLOTS for bench in plot.benches} <= BY_NAME.keys()
    assert len({target.what for target in TARGETS}) == len(TARGETS)


@pytest.mark.parametrize(
    ("goal", "figure", "met"),
    [
        (at_most(2), 2, True),
        (at_most(2), 2.1, False),
        (under(2), 2, False),
        (at_least(2), 2, True),
        (at_least(2), 1.9, False),
        (over(2), 2, False),
    ],
)
def test_a_figure_is_held_against_its_goal(goal: Any, figure: float, met: bool) -> None:
    target = Target("a thing", "pictures", lambda figures: figures, digits=1, unit=" s", goal=goal)
    assert target.met({"pictures": result("pictures", figure)}) is met
    assert target.met({}) is None
    assert replace(target, goal=None).met({"pictures": result("pictures", figure)}) is None


def test_a_missed_target_is_listed_with_its_figure_and_the_verdict() -> None:
    results: Results = {"control_plane_curve": result("control_plane_curve", CURVE)}
    told = blocks(results)
    row = next(line for line in told["summary"].splitlines() if "1,000,000 tasks" in line)
    assert "| at most 1.1 | 1.20 | **no** | `python -m bench.control_plane --curve" in row
    assert "(1.20, not at most 1.1)" in told["summary"]
    assert "| 100,000 | 77.0 | 0.77 | 43.0 | 0.43 | 1350 |" in told["control_plane_curve"]
    assert "2 cores of a processor" in told["conditions"]
    assert "Not measured yet" in told["pictures"]


def test_a_page_whose_blocks_are_not_those_that_are_made_is_refused() -> None:
    page = PAGE.read_text()
    with pytest.raises(ValueError, match="pictures"):
        fill(page.replace("<!-- begin:pictures -->", ""), {})
    with pytest.raises(ValueError, match="unheard-of"):
        fill(page + "<!-- begin:unheard-of -->\n<!-- end:unheard-of -->\n", {})
    with pytest.raises(ValueError, match="pictures"):
        fill(page + "<!-- begin:pictures -->\n<!-- end:pictures -->\n", {})


def test_results_are_read_as_they_were_stored(tmp_path: Path) -> None:
    found = result("control_plane_curve", CURVE)
    store(found, tmp_path)
    assert stored(tmp_path) == {"control_plane_curve": found}
    assert [bench.name for bench in BENCHES if bench.name in stored(tmp_path)] == ["control_plane_curve"]


def test_the_same_figures_are_the_same_picture(tmp_path: Path) -> None:
    results = {"control_plane_curve": result("control_plane_curve", CURVE)}
    plot = next(plot for plot in PLOTS if plot.name == "control-plane")
    for name in ("one.svg", "other.svg"):
        save(plot, results, tmp_path / name)
    drawn = (tmp_path / "one.svg").read_text()
    assert drawn == (tmp_path / "other.svg").read_text()
    assert "CPU seconds" in drawn, "text stays text"
