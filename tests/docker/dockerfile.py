"""The Dockerfile's instructions, as far as ours uses them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"


@dataclass(frozen=True)
class Instruction:
    """One instruction: number of its stage (from 0; -1 before the first), name, and the rest."""

    stage: int
    name: str
    rest: str


def instructions() -> list[Instruction]:
    """Return what ``docker/Dockerfile`` says."""
    lines = [line for line in (DOCKER / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    found, stage = [], -1
    for text in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if text.strip():
            name, _, rest = text.partition(" ")
            stage += name == "FROM"
            found.append(Instruction(stage, name, rest.strip()))
    return found


def stage(name: str) -> int:
    """Return the number of a stage."""
    return next(
        instruction.stage
        for instruction in instructions()
        if instruction.name == "FROM" and instruction.rest.endswith(f" AS {name}")
    )


def copied(within: int | None = None) -> Iterator[tuple[str, PurePosixPath]]:
    """Yield what one stage, or all, copy from the build's context: path there, and path in the image."""
    for instruction in instructions():
        if instruction.name == "COPY" and "--from=" not in instruction.rest:
            *sources, target = [word for word in instruction.rest.split() if not word.startswith("--")]
            for source in sources:
                if within in (None, instruction.stage):
                    folder = target.endswith("/") and not (ROOT / source).is_dir()
                    yield source, PurePosixPath(target) / (PurePosixPath(source).name if folder else "")


def in_context(path: str) -> bool:
    """Tell whether ``.dockerignore`` lets a file into the context: the last pattern that matches decides."""
    allowed = True
    parts = PurePosixPath(path).parts
    for line in (ROOT / ".dockerignore").read_text().split():
        pattern = line.removeprefix("!")
        if pattern.startswith("**/"):
            matches = any(fnmatch(part, pattern[3:]) for part in parts)
        else:
            # Of what lies below a folder too; * stops at slashes.
            wanted = PurePosixPath(pattern).parts
            matches = len(parts) >= len(wanted) and all(map(fnmatch, parts, wanted))
        if matches:
            allowed = line.startswith("!")
    return allowed
