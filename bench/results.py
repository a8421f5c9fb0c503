"""What benches have found: one small JSON file each, with how, when and where it was measured."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import av
import imageio_ffmpeg
from pydantic import BaseModel, ConfigDict

from bench.clips import Source
from bench.suite import BENCHES


class Machine(BaseModel):
    """What a bench ran on and with. ``ffmpeg`` is the program that the farm is measured against."""

    model_config = ConfigDict(frozen=True)

    cores: int
    processor: str
    python: str
    ffmpeg: str
    pyav: str
    pyav_ffmpeg: str

    @classmethod
    def here(cls) -> Machine:
        """Look at this machine."""
        cpuinfo = Path("/proc/cpuinfo")
        model = re.search(r"model name\s*: (.+)", cpuinfo.read_text() if cpuinfo.exists() else "")
        return cls(
            cores=len(os.sched_getaffinity(0)),
            processor=model[1] if model else platform.machine(),
            python=platform.python_version(),
            ffmpeg=imageio_ffmpeg.get_ffmpeg_version(),
            pyav=av.__version__,
            pyav_ffmpeg=av.ffmpeg_version_info,
        )

    def __str__(self) -> str:
        return (
            f"{self.cores} cores of {self.processor}, Python {self.python}, ffmpeg {self.ffmpeg}, "
            f"PyAV {self.pyav} (FFmpeg {self.pyav_ffmpeg})"
        )


class Result(BaseModel):
    """What one bench found.

    ``figures`` is what its script wrote, ``source`` is None where it needs no clip, ``minutes`` is how long
    it took, and ``quick`` says that it was a quick run, whose figures mean nothing.
    """

    model_config = ConfigDict(frozen=True)

    bench: str
    command: str
    date: str
    minutes: float
    quick: bool
    source: Source | None
    machine: Machine
    figures: Any


#: By the names of benches; those that have not been measured are missing.
Results: TypeAlias = Mapping[str, Result]


def store(result: Result, folder: Path) -> None:
    """Write a bench's result, in place of an earlier one."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{result.bench}.json").write_text(result.model_dump_json(indent=1) + "\n")


def stored(folder: Path) -> Results:
    """Read what is there of all benches."""
    files = {bench.name: folder / f"{bench.name}.json" for bench in BENCHES}
    return {
        name: Result.model_validate_json(file.read_text()) for name, file in files.items() if file.exists()
    }
