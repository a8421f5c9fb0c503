"""What all bench scripts have in common: their options, how they end, and what running a command took."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


def options_of(module: str | None, description: str | None, *clips: str) -> argparse.ArgumentParser:
    """Return a parser that knows some clips, in their order, and ``--json``.

    Args:
        module: The script's ``__spec__.name``.
        description: Its docstring, of which the first line is shown.
        clips: Names of the arguments that are paths of clips.
    """
    first_line = (description or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=first_line)
    for clip in clips:
        parser.add_argument(clip, type=lambda path: Path(path).absolute())
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    return parser


def report(figures: object, table: str, file: Path | None) -> None:
    """Print a table for people, and write the figures where they are asked for."""
    print(table)
    if file:
        file.write_text(json.dumps(figures, indent=1) + "\n")


@dataclass(frozen=True)
class Spent:
    """What a command took with all its children, in seconds."""

    cpu: float
    wall: float


def measure(command: Sequence[str], cwd: Path = ROOT, environment: Mapping[str, str] | None = None) -> Spent:
    """Run a command to its end; say what it took. Ends the bench where the command fails."""
    before, started = os.times(), time.monotonic()
    done = subprocess.run(
        command, env=os.environ | (environment or {}), cwd=cwd, capture_output=True, text=True, check=False
    )
    after, wall = os.times(), time.monotonic() - started
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Spent(cpu, wall)


def gopfarm(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> Spent:
    """Run ``gopfarm`` to its end, as ``measure``."""
    return measure([sys.executable, "-m", "gopfarm", *arguments], environment=environment)
