"""What the product did, and what the judge found."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Published:
    """What ``gopfarm transcode`` did: its exit code, what it said, and the folder it was given."""

    code: int
    said: str
    folder: Path


@dataclass
class Verdict:
    """What the judge found: faults, and things to know that are none."""

    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def right(self) -> bool:
        return not self.faults
