"""Fills the blocks of the page, and writes it with its plots."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from bench.report.plots import PLOTS, save
from bench.report.sections import SECTIONS
from bench.report.summary import conditions, summary
from bench.results import Results, stored
from bench.script import ROOT
from bench.suite import BENCHES

PAGE = ROOT / "docs" / "benchmarks.md"

_BLOCK = re.compile(r"<!-- begin:(?P<name>\S+) -->\n.*?<!-- end:(?P=name) -->", re.DOTALL)


@dataclass(frozen=True)
class Places:
    """Where results are stored, and the page with its plots."""

    results: Path
    page: Path
    images: Path

    @classmethod
    def in_repository(cls) -> Places:
        """Those that are committed."""
        return cls(ROOT / "bench" / "results", PAGE, PAGE.parent / "images")

    @classmethod
    def below(cls, folder: Path) -> Places:
        """All in one folder."""
        return cls(folder / "results", folder / PAGE.name, folder / "images")


def blocks(results: Results) -> dict[str, str]:
    """Return what is between the comments, by their name."""
    found = {"summary": summary(results), "conditions": conditions(results)}
    for bench in BENCHES:
        result = results.get(bench.name)
        told = SECTIONS[bench.name](result.figures) if result else "Not measured yet."
        command = result.command if result else bench.command()
        when = f"*{result.date}, {result.minutes:.1f} minutes.*" if result else ""
        found[bench.name] = "\n\n".join(filter(None, (f"```sh\n{command}\n```", told, when)))
    for plot in PLOTS:
        drawn = plot.drawable(results)
        found[f"plot-{plot.name}"] = f"![{plot.title}](images/{plot.name}.svg)" if drawn else ""
    return found


def fill(page: str, results: Results) -> str:
    """Return the page with its blocks made anew.

    Raises:
        ValueError: A block is missing, or is there twice, or nobody knows it.
    """
    made = blocks(results)
    names = [match["name"] for match in _BLOCK.finditer(page)]
    if sorted(names) != sorted(made):
        wrong = sorted({*names} ^ made.keys()) or sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"blocks of the page that are missing, unknown or twice there: {', '.join(wrong)}")

    def block(match: re.Match[str]) -> str:
        name = match["name"]
        text = f"\n{made[name]}\n\n" if made[name] else ""
        return f"<!-- begin:{name} -->\n{text}<!-- end:{name} -->"

    return _BLOCK.sub(block, page)


def write(places: Places) -> None:
    """Write page and plots from the results that are stored; the prose is that of the repository's page."""
    results = stored(places.results)
    page = fill(PAGE.read_text(), results)
    places.images.mkdir(parents=True, exist_ok=True)
    for plot in PLOTS:
        if plot.drawable(results):
            save(plot, results, places.images / f"{plot.name}.svg")
    places.page.write_text(page)
