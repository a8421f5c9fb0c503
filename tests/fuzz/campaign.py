"""A campaign: numbered mutations, dealt out to runners that may die, and a tally of what was met."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fuzz.mutate import mutated
from tests.fuzz.seeds import make_seeds
from tests.fuzz.trial import Outcome, try_file

ROOT = Path(__file__).parents[2]

#: Outcomes that fail a campaign.
FAULTS = ("hang", "unclean", "dead runner")

#: Where scratch folders and mutated files are written: memory, where there is a file system of it.
_MEMORY = Path("/dev/shm")


@dataclass
class Tally:
    """What a campaign met."""

    kinds: Counter[str] = field(default_factory=Counter)
    crashes: Counter[str] = field(default_factory=Counter)
    faults: list[dict[str, Any]] = field(default_factory=list)
    by_seed: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, line: dict[str, Any]) -> None:
        """Count one file."""
        self.kinds[line["kind"]] += 1
        self.by_seed.setdefault(line["seed_file"], Counter())[line["kind"]] += 1
        if line["kind"] == "crash":
            self.crashes[f"{line['detail']}: {line['seed_file']}"] += 1
        if line["kind"] in FAULTS:
            self.faults.append(line)


def temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """Make a folder for mutated files."""
    where = _MEMORY if _MEMORY.is_dir() else None
    return tempfile.TemporaryDirectory(prefix="fuzz-", dir=where)


def file_of(number: int, seed: int, seeds: list[Path]) -> tuple[str, bytes]:
    """Make the mutated file of a number: the name of what it was made from, and its bytes."""
    chance = random.Random(f"{seed}/{number}")
    path = seeds[number % len(seeds)]
    others = [seeds[chance.randrange(len(seeds))].read_bytes()]
    return path.name, mutated(path.read_bytes(), chance, others)


def run_share(seed: int, numbers: range, seeds: list[Path], work: Path) -> Iterator[dict[str, Any]]:
    """Try some numbers one after the other, in this process."""
    for number in numbers:
        name, data = file_of(number, seed, seeds)
        path = work / f"{number}{Path(name).suffix}"
        path.write_bytes(data)
        outcome = try_file(path, work)
        path.unlink()
        shutil.rmtree(work / "out", ignore_errors=True)
        yield {"number": number, "seed_file": name, "kind": outcome.kind, "detail": outcome.detail}


def run_campaign(count: int, seed: int, runners: int, report: Callable[[Tally], None]) -> Tally:
    """Try ``count`` files with some runners, each a process of its own that is started again if it dies."""
    tally = Tally()
    with temporary_folder() as folder:
        seeds_folder = Path(folder) / "seeds"
        seeds_folder.mkdir()
        seeds = make_seeds(seeds_folder)

        def share(start: int) -> None:
            at = start
            while at < count:
                at = _watch_runner(range(at, count, runners), seed, seeds, Path(folder), tally, report)

        with ThreadPoolExecutor(runners) as pool:
            list(pool.map(share, range(runners)))
    return tally


def _watch_runner(
    numbers: range,
    seed: int,
    seeds: list[Path],
    folder: Path,
    tally: Tally,
    report: Callable[[Tally], None],
) -> int:
    """Run one runner to its end; return the number to go on with."""
    arguments = [str(seed), str(numbers.start), str(numbers.stop), str(numbers.step)]
    at = numbers.start
    with (
        tempfile.TemporaryDirectory(dir=folder) as work,
        subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.runner", *arguments, work, *map(str, seeds)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        for text in process.stdout:
            line = json.loads(text)
            tally.add(line)
            report(tally)
            at = line["number"] + numbers.step
    if at < numbers.stop:
        died = Outcome("dead runner", f"code {process.returncode}")
        name = seeds[at % len(seeds)].name
        tally.add({"number": at, "seed_file": name, "kind": died.kind, "detail": died.detail})
        at += numbers.step
    return at
