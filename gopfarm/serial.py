"""Facts, plans and results as JSON, and the fingerprint of a plan."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import TypeAdapter

from gopfarm.plan import PLAN_VERSION, Task

T = TypeVar("T")


_adapters: dict[Any, TypeAdapter[Any]] = {}


def _adapter(cls: Any) -> TypeAdapter[Any]:
    """Return the validator of a class, built once: building costs milliseconds, using it microseconds."""
    if cls not in _adapters:
        _adapters[cls] = TypeAdapter(cls)
    return _adapters[cls]


def prepare(kind: Any) -> None:
    """Build what reads and writes values of a type, so that the first one costs no more than the others."""
    _adapter(kind)


def to_json(value: object) -> bytes:
    """Serialise facts, a plan or results; fractions become ``"30000/1001"``."""
    return bytes(_adapter(type(value)).dump_json(value))


def from_json(cls: type[T], document: str | bytes) -> T:
    """Read back what ``to_json`` wrote."""
    value: T = _adapter(cls).validate_json(document)
    return value


def task_from_json(document: str | bytes) -> Task:
    """Read back a task of any kind."""
    task: Task = _adapter(Task).validate_json(document)
    return task


def fingerprint(parts: Iterable[object]) -> str:
    """Hash values into the 12 hexadecimal digits that name published folders."""
    digest = hashlib.sha256(f"gopfarm plan {PLAN_VERSION}\n".encode())
    for part in parts:
        digest.update(to_json(part))
        digest.update(b"\n")
    return digest.hexdigest()[:12]
