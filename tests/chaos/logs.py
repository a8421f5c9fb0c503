"""What the roles say of themselves: their JSON logs, read as they grow."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

STARTED, DONE, GIVEN_BACK = "task started", "task done", "task given back"

#: End of the name under which a slow task runs a second time.
TWIN = "~"

#: After these a worker has let go of a task.
_LET_GO = (DONE, GIVEN_BACK)

#: Lines that only a scheduler at work writes.
SCHEDULER_AT_WORK = ("job submitted", "job planned", "task queued", "lease ended", "job done")


@dataclass(frozen=True)
class Line:
    """One line of a role's log. ``at`` is in seconds since 1970."""

    at: float
    role: str
    event: str
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def task(self) -> tuple[str, str]:
        """Job and task that the line is about; empty where it is about none. A twin is its task."""
        return str(self.fields.get("job", "")), str(self.fields.get("task", "")).removesuffix(TWIN)

    @property
    def worker(self) -> str:
        """Id of the worker that wrote the line."""
        return str(self.fields.get("worker", ""))


class Logs:
    """All logs in a folder, one file a role."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._offsets: dict[Path, int] = {}
        self._lines: list[Line] = []

    def lines(self) -> list[Line]:
        """Read what is new, and return everything so far in the order of time."""
        for path in sorted(self._folder.glob("*.log")):
            with path.open("rb") as file:
                file.seek(self._offsets.get(path, 0))
                data = file.read()
            whole = data[: data.rfind(b"\n") + 1]
            self._offsets[path] = self._offsets.get(path, 0) + len(whole)
            self._lines += filter(None, (_parse(path.stem, text) for text in whole.splitlines()))
        self._lines.sort(key=lambda line: line.at)
        return self._lines


def _parse(role: str, text: bytes) -> Line | None:
    if not text.startswith(b"{"):
        return None
    try:
        fields = json.loads(text)
        return Line(datetime.fromisoformat(fields["timestamp"]).timestamp(), role, fields["event"], fields)
    except (ValueError, KeyError):
        return None  # two processes' words in one line, as when a role is killed in the middle of one


def in_hand(lines: Iterable[Line], worker: str) -> list[tuple[str, str]]:
    """Return the tasks that a worker has started and not let go of."""
    held: dict[tuple[str, str], None] = {}
    for line in lines:
        if line.worker != worker:
            continue
        if line.event == STARTED:
            held[line.task] = None
        elif line.event in _LET_GO:
            held.pop(line.task, None)
    return list(held)
