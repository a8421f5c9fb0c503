"""Send mutated media through the farm and print what became of it: ``python -m tests.fuzz --count N``.

Ends with code 1 where a file made anything hang, killed a runner, or was refused in no clean way. A decoder
that crashes on a file is contained in its child; it is counted and told.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

from tests.fuzz.campaign import FAULTS, Tally, file_of, run_campaign
from tests.fuzz.seeds import make_seeds


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="mutated files")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runners", type=int, default=2, help="files at a time")
    parser.add_argument("--write", type=int, metavar="NUMBER", help="only write one file, and its original")
    return parser.parse_args()


def _write(number: int, seed: int) -> None:
    folder = Path("out/fuzz")
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "seeds").mkdir(parents=True)
    name, data = file_of(number, seed, make_seeds(folder / "seeds"))
    (folder / f"{number}-{name}").write_bytes(data)
    print(folder / f"{number}-{name}")


def _print(tally: Tally, seconds: float) -> None:
    total = sum(tally.kinds.values())
    print(f"\n{total} mutated files of {len(tally.by_seed)} originals in {seconds:.0f} s")
    meanings = {
        "done": "encoded",
        "long": "encoding, ended by the campaign as there was much to do",
        "refused": "refused in one line",
        "crash": "a decoder crashed in its child, which cost the attempt",
        "hang": "nothing moved any more",
        "unclean": "refused in no clean way",
        "dead runner": "the process outside the sandbox died",
    }
    for kind, meaning in meanings.items():
        print(f"  {kind:12} {tally.kinds[kind]:6}  {meaning}")
    for crash, number in tally.crashes.most_common():
        print(f"  crash: {number:4} x {crash}")
    for fault in tally.faults[:50]:
        print(f"  FAULT {fault['number']} ({fault['seed_file']}): {fault['kind']}: {fault['detail']}")


def main() -> int:
    """Run the campaign."""
    options = _options()
    if options.write is not None:
        _write(options.write, options.seed)
        return 0
    started = time.monotonic()

    def report(tally: Tally) -> None:
        total = sum(tally.kinds.values())
        if total % 100 == 0:
            faults = sum(tally.kinds[kind] for kind in FAULTS)
            print(f"{total} of {options.count}, {faults} faults", file=sys.stderr, flush=True)

    tally = run_campaign(options.count, options.seed, options.runners, report)
    _print(tally, time.monotonic() - started)
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
