"""What a parent watches of its child from outside: the memory that it holds, and what it writes."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gopfarm.child.limits import MEBIBYTE, Limits

#: Seconds between looks.
_SECONDS: Final = 0.25

#: What a file takes at least, however little is in it.
_FILE_BYTES: Final = 4096

#: What counts as a process's own memory in /proc/<pid>/status, in KiB: neither files nor libraries on disk.
_OWN: Final = re.compile(r"^Rss(?:Anon|Shmem):\s+(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True)
class Excess:
    """That a child has used too much: what metrics call its end, and what it did, in words."""

    how: str
    words: str


class Watch:
    """Looks at a child now and then.

    Args:
        pid: The child.
        scratch: Its scratch folder.
        limits: What it may use.
    """

    def __init__(self, pid: int, scratch: Path, limits: Limits) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self._scratch = scratch
        self._limits = limits
        self._looked = 0.0
        self._sizes: dict[str, int] = {}

    def excess(self) -> Excess | None:
        """Return what the child has used too much of, or None. Costs little when asked often."""
        now = time.monotonic()
        if now - self._looked < _SECONDS:
            return None
        self._looked = now
        if self._held() > self._limits.memory_bytes:
            limit = self._limits.memory_bytes // MEBIBYTE
            return Excess("killed_memory", f"used more than {limit} MiB of memory")
        if self._written() > self._limits.output_bytes:
            limit = round(self._limits.output_bytes / 1e6)
            return Excess("killed_output", f"wrote more than {limit} MB, which is more than it can need")
        return None

    def _held(self) -> int:
        """Return the bytes of memory that the child has for itself."""
        try:
            return sum(map(int, _OWN.findall(self._status.read_text()))) * 1024
        except OSError:  # it has just ended
            return 0

    def _written(self) -> int:
        """Return the bytes written so far: files that are uploaded, and gone, still count."""
        for path, size in _files(str(self._scratch)):
            self._sizes[path] = max(size, _FILE_BYTES, self._sizes.get(path, 0))
        return sum(self._sizes.values())


def _files(folder: str) -> Iterator[tuple[str, int]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield entry.path, 0
                    yield from _files(entry.path)
                else:
                    yield entry.path, entry.stat(follow_symlinks=False).st_size
    except OSError:  # gone meanwhile
        return
