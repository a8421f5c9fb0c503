"""One mutated file on its way through the farm: probe, plan, the first task of each kind."""

from __future__ import annotations

import re
import time
import traceback
from dataclasses import dataclass, replace
from pathlib import Path

from encoders.child import PROBE
from gopfarm.child.limits import Limits
from gopfarm.child.parent import AbandonedError, run_in_child
from gopfarm.errors import FarmError
from gopfarm.facts import SourceFacts
from gopfarm.plan import Task
from gopfarm.profile import Profile, RenditionSpec
from gopfarm.serial import from_json, to_json
from gopfarm.storage import open_destination, open_source
from scheduler.load import Load
from scheduler.prepare import plan_source
from worker.run import run_task

#: Seconds for probing, or for a task without any progress, before that is called a hang. Sound files take
#: hundredths of a second; the rest is room for a machine that is busy.
HANG_SECONDS = 30.0

#: A task that makes progress is ended after so many seconds: it only has a lot to do.
LONG_SECONDS = 3.0

#: What no refusal may look like: a bug, or something that a user cannot read.
_UNCLEAN = re.compile(
    r"ended with code|stopped answering|Traceback|internal error|Error:|\n|result that is none"
)
_LONGEST_MESSAGE = 400

_SIGNAL = re.compile(r"was killed by (SIG\w+)")

_LIMITS = Limits(memory_bytes=1024 << 20)

_PROFILE = Profile(
    renditions=(RenditionSpec(name="48p", height=48, bitrate=60_000),), segment_seconds=1, preset="ultrafast"
)


@dataclass(frozen=True)
class Outcome:
    """How a file fared: ``kind`` is done, refused, long, crash, hang or unclean; ``detail`` says more."""

    kind: str
    detail: str = ""


class _HangError(Exception):
    pass


class _Patience:
    """Says whether a task goes on: not when it has long made progress, nor when it makes none."""

    def __init__(self) -> None:
        self.started = self.moved = time.monotonic()
        self._done = 0

    def keep(self, done: int) -> bool:
        now = time.monotonic()
        if done > self._done:
            self._done, self.moved = done, now
            return now - self.started < LONG_SECONDS
        if now - self.moved > HANG_SECONDS:
            raise _HangError
        return True


def try_file(path: Path, folder: Path) -> Outcome:
    """Send a file through the farm and tell how it fared."""
    stage = "probe"
    try:
        facts = _probe(path)
        stage = "plan"
        plan = plan_source(facts, _PROFILE, "libx264", Load(slots=2))
        long = False
        for task in _first_tasks(plan.tasks):
            stage = task.kind
            try:
                run_task(
                    replace(task, limit_seconds=HANG_SECONDS * 4),
                    open_destination(str(folder / "out")),
                    (),
                    folder,
                    1,
                    60.0,
                    _Patience().keep,
                    _LIMITS,
                )
            except AbandonedError:
                long = True
    except (_HangError, TimeoutError):
        return Outcome("hang", stage)
    except FarmError as error:
        return _judge(stage, str(error))
    except Exception:
        return Outcome("unclean", f"{stage}: {traceback.format_exc()}")
    return Outcome("long" if long else "done")


def _probe(path: Path) -> SourceFacts:
    with open_source(str(path)) as source:
        request = to_json(source.ref)
        answer = run_in_child(PROBE, request, source, source.ref.size, HANG_SECONDS, limits=_LIMITS)
        return from_json(SourceFacts, answer)


def _first_tasks(tasks: tuple[Task, ...]) -> list[Task]:
    first: dict[str, Task] = {}
    for task in tasks:
        first.setdefault(task.kind, task)
    return list(first.values())


def _judge(stage: str, message: str) -> Outcome:
    if found := _SIGNAL.search(message):
        return Outcome("crash", f"{found[1]} ({stage})")
    if "not done within" in message or "made no progress" in message:
        return Outcome("hang", stage)
    if _UNCLEAN.search(message) or len(message) > _LONGEST_MESSAGE:
        return Outcome("unclean", f"{stage}: {message}")
    return Outcome("refused", f"{stage}: {message}")
