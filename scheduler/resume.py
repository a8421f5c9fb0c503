"""Taking stock: what of a plan has been done before, by what lies at the destination."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import groupby

from pydantic import ValidationError

from gopfarm.plan import Plan, Task, VideoTask, renditions_of
from gopfarm.results import RESULTS_FOLDER, RenditionResult, TaskResult, result_folder
from gopfarm.serial import from_json
from gopfarm.storage import Destination
from scheduler.planner import chunk_name, part_of, with_limits
from scheduler.shape import by_size

#: Results that are read at a time.
_THREADS = 8

_SUFFIX = ".json"


@dataclass(frozen=True)
class Stock:
    """A plan of which some is done: its tasks, and the results of those that need not be done again."""

    plan: Plan
    finished: dict[str, TaskResult]


def stored_plans(destination: Destination) -> frozenset[str]:
    """Return the hashes of the plans of which results lie at a destination.

    Raises:
        FarmError: The destination cannot be read.
    """
    keys = destination.sizes(RESULTS_FOLDER)
    return frozenset(key.split("/")[1] for key in keys)


def take_stock(plan: Plan, destination: Destination) -> Stock:
    """Find what of a plan lies at the destination, and plan only the rest of it.

    A worker leaves a task's result after all of its segments. The hash of the plan is made of the source's
    content and of all settings, and names the folders: what lies there with the size that the result says is
    what this plan would make. How renditions were grouped then does not matter: the tasks that are returned
    are those that were done, and for what is missing those of the plan, or parts of them.

    Raises:
        FarmError: The destination cannot be read.
    """
    folder = result_folder(plan.hash)
    keys = [key for key in destination.sizes(folder) if key.endswith(_SUFFIX)]
    if not keys:
        return Stock(plan, {})
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="resume") as pool:
        documents = list(pool.map(destination.get_bytes, keys))
        directories = sorted(
            {rendition.directory for task in plan.tasks for rendition in renditions_of(task)}
        )
        sizes = {
            key: size for stored in pool.map(destination.sizes, directories) for key, size in stored.items()
        }
    ids = [key.removeprefix(f"{folder}/").removesuffix(_SUFFIX) for key in keys]
    results = {
        task_id: result
        for task_id, document in zip(ids, documents, strict=True)
        if (result := _parsed(document)) is not None and result.task == task_id
    }
    return _stock(plan, results, sizes)


def _stock(plan: Plan, results: Mapping[str, TaskResult], sizes: Mapping[str, int]) -> Stock:
    of_chunk: dict[str, list[TaskResult]] = {}
    for result in results.values():
        of_chunk.setdefault(chunk_name(result.task), []).append(result)
    tasks: list[Task] = []
    finished: dict[str, TaskResult] = {}
    for name, group in groupby(plan.tasks, lambda task: chunk_name(task.id)):
        wanted = list(group)
        found = of_chunk.get(name, [])
        done = _done(wanted, sorted(found, key=lambda result: -len(result.renditions)), sizes)
        finished |= {task.id: result for task, result in done}
        tasks += [task for task, _ in done]
        tasks += _rest(wanted, {rendition.name for task, _ in done for rendition in renditions_of(task)})
    return Stock(with_limits(replace(plan, tasks=tuple(tasks))), finished)


def _done(
    wanted: list[Task], results: Iterable[TaskResult], sizes: Mapping[str, int]
) -> list[tuple[Task, TaskResult]]:
    """Return the tasks of a chunk, or of a track, that were done, no rendition in two of them."""
    done: list[tuple[Task, TaskResult]] = []
    taken: set[str] = set()
    for result in results:
        names = {part.rendition for part in result.renditions}
        task = _task_of(wanted, result, names)
        if task is not None and not names & taken and _is_whole(task, result, sizes):
            done.append((task, result))
            taken |= names
    return done


def _task_of(wanted: list[Task], result: TaskResult, names: set[str]) -> Task | None:
    """Return the task of which a result is: one of those wanted, or another group of their renditions."""
    for task in wanted:
        if task.id == result.task:
            return task
    whole = _whole([task for task in wanted if isinstance(task, VideoTask)])
    if whole is None or not names:
        return None
    group = tuple(rendition for rendition in whole.renditions if rendition.name in names)
    other = part_of(whole, group) if group else None
    return other if other is not None and other.id == result.task else None


def _whole(parts: list[VideoTask]) -> VideoTask | None:
    """Return the task that would make all renditions of a chunk."""
    if not parts:
        return None
    renditions = by_size([rendition for part in parts for rendition in part.renditions])
    return replace(parts[0], id=chunk_name(parts[0].id), renditions=renditions)


def _rest(wanted: list[Task], done: set[str]) -> list[Task]:
    """Return what is left of the tasks of a chunk: each in runs of renditions that are not done."""
    left: list[Task] = []
    whole = _whole([task for task in wanted if isinstance(task, VideoTask)])
    for task in wanted:
        if not isinstance(task, VideoTask):
            left += [] if renditions_of(task)[0].name in done else [task]
            continue
        assert whole is not None
        for is_done, run in groupby(task.renditions, lambda rendition: rendition.name in done):
            left += [] if is_done else [part_of(whole, tuple(run))]
    return left


def _parsed(document: bytes | None) -> TaskResult | None:
    try:
        return from_json(TaskResult, document) if document else None
    except ValidationError:
        return None


def _is_whole(task: Task, result: TaskResult, sizes: Mapping[str, int]) -> bool:
    """Tell whether a result is the task's, and everything that it names is at the destination."""
    parts = {part.rendition: part for part in result.renditions}
    directories = {rendition.name: rendition.directory for rendition in renditions_of(task)}
    planned = [(segment.number, segment.length) for segment in task.segments]
    return (
        parts.keys() == directories.keys()
        and all([(one.number, one.length) for one in part.segments] == planned for part in parts.values())
        and all(
            sizes.get(f"{directories[name]}/{file}") == size
            for name, part in parts.items()
            for file, size in _files(part)
        )
    )


def _files(part: RenditionResult) -> list[tuple[str, int]]:
    files = [*part.segments, *(file for file in (part.init, part.whole) if file is not None)]
    return [(file.file, file.size) for file in files]
