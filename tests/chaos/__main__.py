"""Break the farm on purpose, many times, and see whether it keeps its promises.

A run is told by its seed and its kind: ``--run-seed 7.12 --only zombie`` does that one again, alone.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.chaos.campaign import Plan, campaign, possible_kinds
from tests.chaos.film import make_film
from tests.chaos.kinds import KINDS
from tests.chaos.report import markdown, one_line, table
from tests.chaos.run import Result


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=50, metavar="N")
    parser.add_argument("--seed", default="7", help="what everything random comes from (default: 7)")
    parser.add_argument("--run-seed", metavar="SEED.N", help="do only this run of a campaign again")
    parser.add_argument(
        "--only", action="append", choices=sorted(KINDS), metavar="KIND", help="may be repeated"
    )
    parser.add_argument("--lease", type=float, default=15.0, metavar="SECONDS", help="default: 15")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the table as Markdown")
    parser.add_argument("--keep-going", action="store_true", help="go on after a run that was wrong")
    parser.add_argument("--keep", action="store_true", help="keep the folders of all runs")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="where runs work")
    parser.add_argument("--list", action="store_true", help="only list the kinds of faults")
    return parser.parse_args()


def _plan(options: argparse.Namespace) -> Plan:
    seed, runs, first, kinds = options.seed, options.runs, 1, options.only or possible_kinds()
    if options.run_seed:
        seed, _, number = options.run_seed.rpartition(".")
        first, runs = int(number), 1
    return Plan(seed, runs, kinds, options.lease, options.keep_going, options.keep, first)


def main() -> int:
    """Run from the command line; 1 if any promise was broken."""
    options = _options()
    if options.list:
        for name, kind in KINDS.items():
            print(f"{name:16} {(kind.fault.__doc__ or '').strip().splitlines()[0]}")
        return 0
    plan = _plan(options)
    folder = (options.folder or Path(tempfile.mkdtemp(prefix="chaos-"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    film = make_film(folder)
    print(f"{film.tasks} tasks a job; undisturbed it takes {film.seconds:.1f} s", flush=True)

    results: list[Result] = []

    def heard(number: int, result: Result) -> None:
        results.append(result)
        print(one_line(number, plan.first + plan.runs - 1, result), flush=True)

    try:
        campaign(plan, film, folder, heard)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    print(f"\n{table(results)}")
    if options.report:
        options.report.write_text(markdown(results))
    return 0 if len(results) == plan.runs and all(result.right for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
