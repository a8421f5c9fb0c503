"""The command: run benches, store what each found, and write docs/benchmarks.md.

python -m bench [--source CLIP] [--only NAME ...] [--quick] [--into FOLDER]
python -m bench --list
python -m bench --render
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.clips import Clip, Clips
from bench.report.document import Places, write
from bench.results import Machine, Result, store
from bench.script import ROOT
from bench.suite import BENCHES, BY_NAME, Bench

#: Clips stay here after a run, so that a single script can be run on them.
CLIPS = ROOT / "build" / "bench"

#: Quick runs write here unless told otherwise: their figures are none.
QUICK = CLIPS / "quick"


def run(bench: Bench, clips: Clips | None, quick: bool) -> Result:
    """Run one bench to its end.

    Raises:
        subprocess.CalledProcessError: It failed, and has said why.
    """
    files: Mapping[Clip, Path] = clips.files if clips else {}
    words = [files[word] if isinstance(word, Clip) else word for word in bench.words(quick)]
    with tempfile.TemporaryDirectory(prefix="gopfarm-bench-") as folder:
        figures, started = Path(folder, "figures.json"), time.monotonic()
        command = [sys.executable, "-m", bench.module, *words, "--json", figures]
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": path}, check=True)
        return Result(
            bench=bench.name,
            command=bench.command(quick),
            date=datetime.datetime.now(datetime.UTC).date().isoformat(),
            minutes=round((time.monotonic() - started) / 60, 1),
            quick=quick,
            source=clips.source if clips and bench.clips(quick) else None,
            machine=Machine.here(),
            figures=json.loads(figures.read_text()),
        )


def run_all(benches: Sequence[Bench], given: Path | None, places: Places, quick: bool) -> list[str]:
    """Run benches in turn; store each result and renew the page as soon as it is there.

    Returns what failed.
    """
    total = sum(bench.minutes for bench in benches)
    print("a quick look:" if quick else f"about {total:.0f} minutes on two quiet cores:")
    print(listed(benches), flush=True)
    wanted = {clip for bench in benches for clip in bench.clips(quick)}
    clips = Clips.make(QUICK if quick else CLIPS, given, wanted, quick) if wanted else None
    failed = []
    for number, bench in enumerate(benches, 1):
        print(f"\n[{number}/{len(benches)}] {bench.name}: {bench.command(quick)}", flush=True)
        try:
            store(run(bench, clips, quick), places.results)
        except subprocess.CalledProcessError as error:
            print(f"{bench.name} failed with status {error.returncode}", file=sys.stderr, flush=True)
            failed.append(bench.name)
        if not _written(places):
            failed.append(f"the page after {bench.name}")
    return failed


def _written(places: Places) -> bool:
    """Write the page; should a stored result be of an earlier form of its script, say so and go on."""
    try:
        write(places)
    except (LookupError, TypeError, ValueError) as error:
        said = f"the page could not be written: {error!r}"
        print(f"{said} (is a result in {places.results} of an earlier form?)", file=sys.stderr, flush=True)
        return False
    return True


def listed(benches: Sequence[Bench]) -> str:
    """Return what there is, for people."""
    return "\n".join(f"  {bench.name:28} {bench.minutes:5.1f} min  {bench.about}" for bench in benches)


def main() -> None:
    """Read the command line, and run."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Run benches, and write the page.")
    parser.add_argument(
        "--source", type=Path, metavar="CLIP", help="the clip (default: one made on the spot)"
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=BY_NAME, help="only these benches")
    parser.add_argument("--quick", action="store_true", help="see that all works; the figures mean nothing")
    parser.add_argument("--into", type=Path, metavar="FOLDER", help="write results, page and plots there")
    parser.add_argument("--list", action="store_true", help="list the benches")
    parser.add_argument("--render", action="store_true", help="write the page anew from stored results")
    options = parser.parse_args()
    into = options.into or (QUICK if options.quick else None)
    places = Places.below(into.absolute()) if into else Places.in_repository()
    benches = [bench for bench in BENCHES if not options.only or bench.name in options.only]
    if options.list:
        print(listed(benches))
    elif options.render:
        write(places)
        print(places.page)
    else:
        if options.source and not options.source.is_file():
            parser.error(f"{options.source}: no such file")
        failed = run_all(benches, options.source, places, options.quick)
        print(f"\n{places.page}")
        if failed:
            sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
