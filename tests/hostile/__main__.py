"""Make the sources, transcode each, judge, and print a table: ``python -m tests.hostile [NAME ...]``.

A NAME is a shell pattern. ``--keep DIR`` keeps sources, published streams and the last verdict on each there,
so that the next run is quicker; ``--wrong`` then does again only what was wrong. ``--check`` compares what is
expected with what the ffmpeg binary decodes of the sources themselves, and transcodes nothing.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import random
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.hostile.judge import judge
from tests.hostile.recipes import RECIPES
from tests.hostile.runner import ROOT, publish, second_opinion, self_check
from tests.hostile.sources import Kit
from tests.hostile.verdict import Verdict


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("names", nargs="*", default=["*"], metavar="NAME")
    parser.add_argument("--keep", type=Path, metavar="DIR")
    parser.add_argument("--wrong", action="store_true", help="only what was wrong the last time")
    parser.add_argument("--new", action="store_true", help="only what was not judged yet")
    parser.add_argument("--half", type=int, choices=(0, 1), help="every other one, to run two at a time")
    parser.add_argument("--shuffle", action="store_true", help="in random order, to see the worst early")
    parser.add_argument("--list", action="store_true", help="only list them")
    parser.add_argument("--make", action="store_true", help="only make the sources")
    parser.add_argument("--check", action="store_true", help="only check what is expected")
    parser.add_argument("--product", type=Path, default=ROOT, metavar="DIR", help="whose gopfarm is run")
    parser.add_argument("--streamcheck", type=Path, metavar="FILE", help="another judge of MASTER and SOURCE")
    return parser.parse_args()


class Verdicts:
    """The last verdict on each source, and a list of those that are wrong, in files of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "verdicts.json"
        self.faults: dict[str, list[str]] = {}
        self._load()

    def _load(self) -> None:
        if self._path.exists():
            self.faults = json.loads(self._path.read_text())

    def add(self, name: str, verdict: Verdict) -> None:
        """Write down a verdict; another run may do the same at the same time."""
        self._load()
        self.faults[name] = verdict.faults
        self._path.write_text(json.dumps(self.faults, indent=1))
        lines = [
            f"{name}: {'; '.join(faults)} [{self._folder / 'sources' / name}]"
            for name, faults in sorted(self.faults.items())
            if faults
        ]
        (self._folder / "failures.txt").write_text("".join(f"{line}\n" for line in lines))


def main() -> int:
    """Run from the command line."""
    options = _options()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.keep or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        verdicts = Verdicts(folder)
        names = [name for name in RECIPES if any(fnmatch.fnmatch(name, one) for one in options.names)]
        if options.wrong:
            names = [name for name in names if verdicts.faults.get(name)]
        if options.new:
            names = [name for name in names if name not in verdicts.faults]
        if options.shuffle:
            random.Random(1).shuffle(names)
        if options.half is not None:
            names = names[options.half :: 2]
        if options.list:
            for name in names:
                print(f"{name:32} {RECIPES[name].expected.verdict:7} {RECIPES[name].note}")
            return 0
        wrong = 0
        for name in names:
            started = time.monotonic()
            try:
                verdict = _one(options, name, folder)
            except Exception as error:
                verdict = Verdict([f"the test itself failed: {error}"])
                traceback.print_exc()
            wrong += not verdict.right
            seconds = time.monotonic() - started
            print(f"{name:32} {'right' if verdict.right else 'WRONG':6} {seconds:5.1f} s", flush=True)
            for line in (*verdict.faults, *(f"({note})" for note in verdict.notes)):
                print(f"    {line}", flush=True)
            if not options.check and not options.make:
                verdicts.add(name, verdict)
        print(f"{len(names) - wrong} of {len(names)} right")
        return 1 if wrong else 0


def _one(options: argparse.Namespace, name: str, folder: Path) -> Verdict:
    recipe = RECIPES[name]
    source = Kit(folder / "sources", RECIPES).source(name)
    if options.make:
        return Verdict()
    if options.check:
        return self_check(recipe, source)
    published = publish(source, folder / "published" / name, options.product)
    verdict = judge(recipe, source, published)
    if options.streamcheck and not published.code:
        verdict.notes += second_opinion(options.streamcheck, published.folder, source)
    return verdict


if __name__ == "__main__":
    sys.exit(main())
