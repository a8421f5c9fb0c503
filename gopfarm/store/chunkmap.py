"""The map of a job's chunks: which task makes which renditions of which chunk, and how far each is."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from threading import Lock
from typing import Literal

import redis
from pydantic import BaseModel, ConfigDict, Field

from gopfarm.serial import from_json
from gopfarm.store import keys
from gopfarm.store.models import Failure, JobState
from gopfarm.store.packing import expand
from gopfarm.store.tasks import TWIN

TaskKind = Literal["video", "audio", "subtitles"]

#: waiting: not given out yet. queued: in a queue of workers. failed: so did its last attempt, and the job.
TaskState = Literal["waiting", "queued", "running", "done", "failed"]

#: Tasks that plans which are remembered taken apart may have in all, some 60 MB: a page that shows a job asks
#: for it every second or so. The plan asked for last is remembered however many it has.
_REMEMBERED_TASKS = 20_000


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
    kind: TaskKind = Field(description="What it makes.")
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


# What is read of a plan: reading all of it takes a second for a film of five thousand tasks.


@dataclass(frozen=True)
class _Named:
    name: str


@dataclass(frozen=True)
class _Span:
    start: int
    length: int


@dataclass(frozen=True)
class _PlannedTask:
    id: str
    kind: TaskKind
    segments: tuple[_Span, ...]
    rendition: _Named | None = None
    renditions: tuple[_Named, ...] = ()

    @property
    def span(self) -> tuple[int, int]:
        """The first slot, and the first one behind the last."""
        last = self.segments[-1]
        return self.segments[0].start, last.start + last.length


@dataclass(frozen=True)
class _Planned:
    grid_rate: Fraction
    video_start: Fraction
    video: tuple[_Named, ...]
    audio: tuple[_Named, ...]
    subtitles: tuple[_Named, ...]
    tasks: tuple[_PlannedTask, ...]


@dataclass(frozen=True)
class _Outline:
    """What does not change of a job from its planning on.

    Args:
        chunks, renditions: As they are told.
        tasks: Each as it is while it waits.
        lengths: Frames or samples of each task, by its id.
        done: The tasks that were seen done, which do not change any more, by their ids.
    """

    chunks: tuple[Chunk, ...] = ()
    renditions: tuple[str, ...] = ()
    tasks: tuple[TaskRow, ...] = ()
    lengths: Mapping[str, int] = field(default_factory=dict)
    done: dict[str, TaskRow] = field(default_factory=dict)


@dataclass(frozen=True)
class _Progress:
    """What does change, each by the id of a task or of its runs, as Redis has it.

    ``failed`` has the last attempt at each task that failed.
    """

    job: JobState
    failed: Mapping[str, int]
    queued: set[str]
    owners: Mapping[str, str]
    results: set[str]
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
        outline = self._outline(job_id, plan_hash, since) if plan_hash and has_tasks else _Outline()
        failed = {one.task: one.attempt for one in map(Failure.model_validate_json, failures)}
        progress = _Progress(JobState(state), failed, set(queued), owners, set(results), *rest)
        return ChunkMap(
            job=job_id,
            state=progress.job,
            now=seconds + micros / 1e6,
            chunks=outline.chunks,
            renditions=outline.renditions,
            tasks=tuple(_row(task, outline, progress) for task in outline.tasks),
        )

    def _outline(self, job_id: str, plan_hash: str, since: str) -> _Outline:
        """Return what does not change of a job; nothing if that is forgotten just now."""
        name = job_id, plan_hash, since
        with self._lock:
            if name in self._outlines:
                self._outlines.move_to_end(name)
                return self._outlines[name]
        with self._redis.pipeline() as pipe:  # at once: those of two plans do not fit together
            pipe.get(keys.plan(job_id))
            pipe.hgetall(keys.orders(job_id))
            document, orders = pipe.execute()
        if not document or not orders:
            return _Outline()
        outline = _outline_of(from_json(_Planned, expand(document)), orders)
        with self._lock:
            self._outlines[name] = outline
            self._outlines.move_to_end(name)
            tasks = sum(len(one.tasks) for one in self._outlines.values())
            while tasks > _REMEMBERED_TASKS and len(self._outlines) > 1:
                _, forgotten = self._outlines.popitem(last=False)
                tasks -= len(forgotten.tasks)
        return outline


def _outline_of(plan: _Planned, orders: Mapping[str, str]) -> _Outline:
    spans = sorted({task.span for task in plan.tasks if task.kind == "video"})
    places = {span: place for place, span in enumerate(spans)}
    chunks = (
        Chunk(
            index=place,
            start=float(plan.video_start + start / plan.grid_rate),
            duration=float((end - start) / plan.grid_rate),
        )
        for place, (start, end) in enumerate(spans)
    )
    tasks, lengths = [], {}
    for task in plan.tasks:
        queue, _, expected, length = orders[task.id].split()
        made = task.renditions if task.rendition is None else (task.rendition,)
        lengths[task.id] = int(length)
        tasks.append(
            TaskRow(
                id=task.id,
                kind=task.kind,
                chunk=places[task.span] if task.kind == "video" else None,
                renditions=tuple(rendition.name for rendition in made),
                queue=queue,
                expected_seconds=float(expected),
                state="waiting",
                done=0.0,
                attempts=0,
                worker=None,
                started=None,
                seconds=None,
            )
        )
    names = tuple(rendition.name for rendition in (*plan.video, *plan.audio, *plan.subtitles))
    return _Outline(tuple(chunks), names, tuple(tasks), lengths)


def _row(task: TaskRow, outline: _Outline, now: _Progress) -> TaskRow:
    if task.id in outline.done:
        return outline.done[task.id]
    state = _state(task.id, now)
    if state == "waiting" and task.id not in now.attempts:
        return task
    runs = (task.id, task.id + TWIN)
    owner = next((now.owners[run] for run in runs if run in now.owners), "") if state == "running" else ""
    started = next((now.started[run] for run in runs if run in now.started), None)
    finished = max(int(now.progress.get(run, 0)) for run in runs) / max(1, outline.lengths[task.id])
    row = task.model_copy(
        update={
            "state": state,
            "done": {"done": 1.0, "running": min(1.0, finished)}.get(state, 0.0),
            "attempts": int(now.attempts.get(task.id, 0)),
            "worker": owner.partition("#")[0] or None,
            "started": float(started) if started is not None else None,
            "seconds": float(now.seconds[task.id]) if task.id in now.seconds else None,
        }
    )
    if state == "done":
        outline.done[task.id] = row
    return row


def _state(task_id: str, now: _Progress) -> TaskState:
    if task_id in now.results:
        return "done"
    if now.job.ended:
        attempts = int(now.attempts.get(task_id, 0))
        return "failed" if now.job is JobState.FAILED and now.failed.get(task_id) == attempts else "waiting"
    if task_id in now.owners or task_id + TWIN in now.owners:
        return "running"
    return "queued" if task_id in now.queued else "waiting"
