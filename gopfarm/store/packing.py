"""How plans, tasks and results lie in Redis: small, for a large farm has many.

The tasks of a job repeat each other: the source, how its pictures are normalised, the renditions. What
several of them have in common is stored once, and each task names it.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gopfarm.plan import Task
from gopfarm.serial import task_from_json, to_json

#: Member of a task's document that says which field has which of the common values. No field has this name.
_COMMON = "="

#: A value whose JSON is shorter than this is not worth a reference.
_WORTH_SHARING = 40

#: Fast, and for JSON nearly as small as any level.
_LEVEL = 6


@dataclass(frozen=True)
class PackedTasks:
    """The tasks of a job: by id the JSON of each, and by name that of the values that they have in common."""

    documents: dict[str, str]
    common: dict[str, str]


def pack_tasks(tasks: Sequence[Task]) -> PackedTasks:
    """Take tasks apart into what they have in common and what is each one's own."""
    split = {task.id: {name: _text(value) for name, value in _fields(task).items()} for task in tasks}
    uses = Counter(text for fields in split.values() for text in fields.values())
    shared = [text for text, count in uses.items() if count > 1 and len(text) >= _WORTH_SHARING]
    names = {text: str(number) for number, text in enumerate(shared)}
    documents = {}
    for task_id, fields in split.items():
        members = {name: text for name, text in fields.items() if text not in names}
        members[_COMMON] = _text({name: names[text] for name, text in fields.items() if text in names})
        documents[task_id] = _object(members)
    return PackedTasks(documents, {name: text for text, name in names.items()})


def unpack_task(document: str, common: Mapping[str, str]) -> Task:
    """Put a task together again."""
    fields: dict[str, Any] = json.loads(document)
    references: dict[str, str] = fields.pop(_COMMON)
    members = {name: _text(value) for name, value in fields.items()}
    members |= {name: common[reference] for name, reference in references.items()}
    return task_from_json(_object(members))


def squeeze(value: object) -> str:
    """Return a plan or a result as compressed JSON, in text that goes through every client."""
    return base64.b64encode(zlib.compress(to_json(value), _LEVEL)).decode("ascii")


def expand(text: str) -> bytes:
    """Return the JSON that ``squeeze`` has compressed."""
    return zlib.decompress(base64.b64decode(text))


def _fields(task: Task) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(to_json(task))
    return fields


def _text(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _object(members: Mapping[str, str]) -> str:
    return "{" + ",".join(f"{_text(name)}:{text}" for name, text in members.items()) + "}"
