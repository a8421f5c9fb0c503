"""The top of the page: every target with its goal, what was measured and how, and why some were missed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from bench.goals import Target
from bench.report.tables import table
from bench.results import Results
from bench.suite import BY_NAME
from bench.targets import MANY_MACHINES, ONE_MACHINE, TARGETS

_VERDICTS = {True: "yes", False: "**no**", None: ""}


def summary(results: Results) -> str:
    """Return the tables of targets, and the reasons of those that are missed."""
    quick = any(result.quick for result in results.values())
    parts = [
        "**This was a quick run, whose figures mean nothing.**" if quick else _counted(results),
        "### On one machine",
        _targets(ONE_MACHINE, results),
        "### On many machines",
        _targets(MANY_MACHINES, results),
    ]
    missed = [target for target in TARGETS if target.met(results) is False]
    if missed:
        parts += ["### Why some are missed", "\n".join(_reason(target, results) for target in missed)]
    return "\n\n".join(parts)


def conditions(results: Results) -> str:
    """Say on what machines and on what clips the figures were taken."""
    if not results:
        return "Nothing has been measured yet."
    where: dict[str, list[str]] = defaultdict(list)
    on_what: dict[str, list[str]] = defaultdict(list)
    for name, result in results.items():
        where[str(result.machine)].append(name)
        if result.source:
            on_what[str(result.source)].append(name)
    lines = []
    for title, found in (("Machine", where), ("`CLIP`", on_what)):
        lines += [f"- {title}{_only(names, found)}: {fact}." for fact, names in found.items()]
    return "\n".join(lines)


def _only(names: list[str], found: dict[str, list[str]]) -> str:
    return f" for {', '.join(f'`{name}`' for name in names)}" if len(found) > 1 else ""


def _counted(results: Results) -> str:
    verdicts = [target.met(results) for target in TARGETS if target.goal]
    missing = sum(target.figure(results) is None for target in TARGETS)
    told = f"{verdicts.count(True)} of {len(verdicts)} goals are met, {verdicts.count(False)} are missed"
    return f"{told}; {missing} figures are not measured yet." if missing else f"{told}."


def _targets(targets: Iterable[Target], results: Results) -> str:
    rows = []
    for target in targets:
        figure = target.figure(results)
        measured = "not measured" if figure is None else target.shown(figure)
        result = results.get(target.bench)
        command = f"`{result.command if result else BY_NAME[target.bench].command()}`"
        rows.append((target.what, target.wanted, measured, _VERDICTS[target.met(results)], command))
    return table(("target", "goal", "measured", "met", "command"), rows)


def _reason(target: Target, results: Results) -> str:
    figure = target.figure(results)
    assert figure is not None
    return f"- {target.what} ({target.shown(figure)}, not {target.wanted}): {target.why}"
