"""The map of a job's chunks: which task makes which renditions of which chunk, and how far each is."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, Literal

import redis
from pydantic import BaseModel, ConfigDict, Field

from gopfarm.plan import Plan, VideoTask, renditions_of
from gopfarm.serial import from_json
from gopfarm.store import keys
from gopfarm.store.models import Failure, JobState
from gopfarm.store.packing import expand
from gopfarm.store.tasks import TWIN

#: waiting: not given out yet. queued: in a queue of workers. failed: so did its last attempt, and the job.
TaskState = Literal["waiting", "queued", "running", "done", "failed"]

#: Plans that are remembered taken apart: a page that shows a job asks for it every second or so.
_REMEMBERED = 64


class Chunk(BaseModel):
    """A part of the picture that is encoded on its own. Times are seconds of the published stream."""

    model_config = ConfigDict(frozen=True)

    index: int = Field(description="Place among the chunks, from 0.")
    start: float = Field(description="When it begins, in seconds.")
    duration: float = Field(description="How long it is, in seconds.")


class TaskRow(BaseModel):
    """A task as it is now; what its speculative twin does counts as its own."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(description="Id of the task.")
    kind: Literal["video", "audio", "subtitles"] = Field(description="What it makes.")
    chunk: int | None = Field(description="Index of its chunk; null where it spans the whole film.")
    renditions: tuple[str, ...] = Field(description="Names of the renditions that it makes a part of.")
    queue: str = Field(description="Queue of the workers that can run it.")
    expected_seconds: float = Field(description="What it is expected to take at one slot, in seconds.")
    state: TaskState = Field(description="Where it is.")
    done: float = Field(description="Share of it that is done, from 0 to 1.")
    attempts: int = Field(description="How often it was started.")
    worker: str | None = Field(description="Worker that runs it now.")
    started: float | None = Field(description="When it was started last, in seconds since 1970.")
    seconds: float | None = Field(description="Seconds from its start to its result, once it is done.")


class ChunkMap(BaseModel):
    """A job's chunks, renditions and tasks.

    All three are empty before the job is planned, and again a minute after its end: by then its tasks are
    forgotten.
    """

    model_config = ConfigDict(frozen=True)

    job: str = Field(description="Id of the job.")
    state: JobState = Field(description="State of the job.")
    now: float = Field(description="When this was so, by Redis' clock, in seconds since 1970.")
    chunks: tuple[Chunk, ...] = Field(description="The chunks, in the order in which they are shown.")
    renditions: tuple[str, ...] = Field(description="Names: of video, then audio, then subtitles.")
    tasks: tuple[TaskRow, ...] = Field(description="The tasks, in the order of the plan.")


@dataclass(frozen=True)
class _Fixed:
    """What does not change of a task; ``length`` is its frames or samples."""

    id: str
    kind: Literal["video", "audio", "subtitles"]
    chunk: int | None
    renditions: tuple[str, ...]
    queue: str
    expected_seconds: float
    length: int


@dataclass(frozen=True)
class _Outline:
    """What does not change of a job from its planning on."""

    chunks: tuple[Chunk, ...]
    renditions: tuple[str, ...]
    tasks: tuple[_Fixed, ...]


_NOTHING = _Outline((), (), ())


@dataclass(frozen=True)
class _Progress:
    """What does change, each by the id of a task or of its runs, as Redis has it.

    ``failed`` has the last attempt at each task that failed.
    """

    queued: set[str]
    owners: Mapping[str, str]
    results: set[str]
    failed: Mapping[str, int]
    started: Mapping[str, str]
    progress: Mapping[str, str]
    attempts: Mapping[str, str]
    seconds: Mapping[str, str]


class ChunkMaps:
    """The maps of jobs. May be used by several threads.

    Args:
        client: A connection that decodes responses.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._outlines: OrderedDict[tuple[str, str, str], _Outline] = OrderedDict()
        self._lock = Lock()

    def of(self, job_id: str) -> ChunkMap | None:
        """Return the map of a job; None if there is no such job."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.hmget(keys.job(job_id), "state", "plan_hash", "at:encoding")
            pipe.time()
            pipe.exists(keys.orders(job_id))
            pipe.lrange(keys.failures(job_id), 0, -1)
            # In the order in which a task goes through them: so one that moves on meanwhile is found.
            pipe.hkeys(keys.queued(job_id))
            pipe.hgetall(keys.owners(job_id))
            pipe.hkeys(keys.results(job_id))
            for part in (keys.started, keys.progress, keys.attempts, keys.seconds):
                pipe.hgetall(part(job_id))
            record, (seconds, micros), has_tasks, failures, queued, owners, results, *rest = pipe.execute()
        state, plan_hash, since = record
        if state is None:
            return None
        outline = self._outline(job_id, plan_hash, since) if plan_hash and has_tasks else _NOTHING
        known, now = JobState(state), seconds + micros / 1e6
        failed = {one.task: one.attempt for one in map(Failure.model_validate_json, failures)}
        progress = _Progress(set(queued), owners, set(results), failed, *rest)
        return ChunkMap(
            job=job_id,
            state=known,
            now=now,
            chunks=outline.chunks,
            renditions=outline.renditions,
            tasks=tuple(_row(task, progress, known) for task in outline.tasks),
        )

    def _outline(self, job_id: str, plan_hash: str, since: str) -> _Outline:
        """Return what does not change of a job; nothing if that is forgotten just now."""
        name = job_id, plan_hash, since
        with self._lock:
            if name in self._outlines:
                self._outlines.move_to_end(name)
                return self._outlines[name]
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.get(keys.plan(job_id))
            pipe.hgetall(keys.orders(job_id))
            document, orders = pipe.execute()
        if not document or not orders:
            return _NOTHING
        outline = _outline_of(from_json(Plan, expand(document)), orders)
        with self._lock:
            self._outlines[name] = outline
            while len(self._outlines) > _REMEMBERED:
                self._outlines.popitem(last=False)
        return outline


def _outline_of(plan: Plan, orders: Mapping[str, str]) -> _Outline:
    """Take a plan apart."""
    spans = sorted({(task.start, task.end) for task in plan.tasks if isinstance(task, VideoTask)})
    places = {start: place for place, (start, _) in enumerate(spans)}
    fixed = []
    for task in plan.tasks:
        queue, _, expected, length = orders[task.id].split()
        fixed.append(
            _Fixed(
                id=task.id,
                kind=task.kind,
                chunk=places[task.start] if isinstance(task, VideoTask) else None,
                renditions=tuple(rendition.name for rendition in renditions_of(task)),
                queue=queue,
                expected_seconds=float(expected),
                length=int(length),
            )
        )
    chunks = (
        Chunk(
            index=place,
            start=float(plan.video_start + start / plan.grid_rate),
            duration=float((end - start) / plan.grid_rate),
        )
        for place, (start, end) in enumerate(spans)
    )
    return _Outline(tuple(chunks), tuple(one.name for one in plan.renditions), tuple(fixed))


def _row(task: _Fixed, now: _Progress, job: JobState) -> TaskRow:
    state, runs = _state(task.id, now, job), (task.id, task.id + TWIN)
    owner = next((now.owners[run] for run in runs if run in now.owners), None)
    started = next((now.started[run] for run in runs if run in now.started), None)
    frames = max(int(now.progress.get(run, 0)) for run in runs)
    done = 1.0 if state == "done" else min(1.0, frames / max(1, task.length))
    fields: dict[str, Any] = vars(task) | {
        "state": state,
        "done": done if state in ("done", "running") else 0.0,
        "attempts": int(now.attempts.get(task.id, 0)),
        "worker": owner.partition("#")[0] if owner is not None and state == "running" else None,
        "started": float(started) if started is not None else None,
        "seconds": float(now.seconds[task.id]) if task.id in now.seconds else None,
    }
    del fields["length"]
    return TaskRow.model_construct(**fields)


def _state(task_id: str, now: _Progress, job: JobState) -> TaskState:
    if task_id in now.results:
        return "done"
    if job.ended:
        attempts = int(now.attempts.get(task_id, 0))
        return "failed" if job is JobState.FAILED and now.failed.get(task_id) == attempts else "waiting"
    if task_id in now.owners or task_id + TWIN in now.owners:
        return "running"
    return "queued" if task_id in now.queued else "waiting"
