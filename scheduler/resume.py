"""Taking stock: which tasks of a plan have been done before, by what lies at the destination."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from pydantic import ValidationError

from gopfarm.plan import Plan, Task, renditions_of
from gopfarm.results import RenditionResult, TaskResult, result_folder, result_key
from gopfarm.serial import from_json
from gopfarm.storage import Destination

#: Results that are read at a time.
_THREADS = 8


def finished_before(plan: Plan, destination: Destination) -> dict[str, TaskResult]:
    """Return the results, by task, of those tasks of a plan that need not be done again.

    A worker leaves a task's result after all of its segments. The hash of the plan is made of the source's
    content and of all settings, and names the folders: what lies there with the size that the result says is
    what this plan would make.

    Raises:
        FarmError: The destination cannot be read.
    """
    found = destination.sizes(result_folder(plan.hash))
    keys = {task.id: result_key(plan.hash, task.id) for task in plan.tasks}
    wanted = [task for task in plan.tasks if keys[task.id] in found]
    if not wanted:
        return {}
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="resume") as pool:
        documents = list(pool.map(lambda task: destination.get_bytes(keys[task.id]), wanted))
        directories = sorted({rendition.directory for task in wanted for rendition in renditions_of(task)})
        sizes = {
            key: size for stored in pool.map(destination.sizes, directories) for key, size in stored.items()
        }
    results = (
        (task, _parsed(document)) for task, document in zip(wanted, documents, strict=True) if document
    )
    return {
        task.id: result for task, result in results if result is not None and _is_whole(task, result, sizes)
    }


def _parsed(document: bytes) -> TaskResult | None:
    try:
        return from_json(TaskResult, document)
    except ValidationError:
        return None


def _is_whole(task: Task, result: TaskResult, sizes: Mapping[str, int]) -> bool:
    """Tell whether a result is the task's, and everything that it names is at the destination."""
    parts = {part.rendition: part for part in result.renditions}
    directories = {rendition.name: rendition.directory for rendition in renditions_of(task)}
    planned = [(segment.number, segment.length) for segment in task.segments]
    return (
        result.task == task.id
        and parts.keys() == directories.keys()
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
