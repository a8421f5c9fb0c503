"""The chart, rendered by the real Helm with the values of ``helm/gopfarm/ci`` and those that a test gives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import helm_python
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "gopfarm"

#: The matrix: sets of values by name.
MATRIX = {
    path.name.removesuffix("-values.yaml"): yaml.safe_load(path.read_text())
    for path in sorted((CHART / "ci").glob("*-values.yaml"))
}

RELEASE, NAMESPACE = "demo", "video"

Object = dict[str, Any]


def defaults() -> Object:
    """Return the chart's own values."""
    return dict(yaml.safe_load((CHART / "values.yaml").read_text()))


@lru_cache(maxsize=1)
def _chart() -> helm_python.Chart:
    return helm_python.Chart.load(CHART)


@lru_cache(maxsize=64)
def _rendered(values: str) -> tuple[list[Object], str]:
    objects, told = [], ""
    for path, text in _chart().render(json.loads(values), name=RELEASE, namespace=NAMESPACE).items():
        if path.endswith("NOTES.txt"):
            told = text
        else:
            objects += [item for item in yaml.load_all(text, yaml.CSafeLoader) if item is not None]
    return objects, told


def render(values: Object | None = None) -> list[Object]:
    """Return the objects that an install with these values makes. They are shared: only to be looked at.

    Raises:
        helm_python.HelmError: Helm refuses the values.
    """
    return _rendered(json.dumps(values or {}))[0]


def notes(values: Object | None = None) -> str:
    """Return what Helm prints after an install with these values."""
    return _rendered(json.dumps(values or {}))[1]


def of_kind(objects: list[Object], *kinds: str) -> list[Object]:
    """Return the objects of some kinds."""
    return [item for item in objects if item["kind"] in kinds]


def named(objects: list[Object], kind: str, ending: str) -> Object:
    """Return the one object of a kind whose name ends so."""
    (found,) = [item for item in of_kind(objects, kind) if item["metadata"]["name"].endswith(ending)]
    return found


def pods(objects: list[Object]) -> Iterator[tuple[str, Object]]:
    """Yield name and pod template (labels and spec) of everything that makes pods."""
    for item in of_kind(objects, "Deployment", "StatefulSet"):
        yield item["metadata"]["name"], item["spec"]["template"]
    for item in of_kind(objects, "Pod"):
        yield item["metadata"]["name"], item


def container(objects: list[Object], ending: str) -> Object:
    """Return the one container of a Deployment."""
    (found,) = named(objects, "Deployment", ending)["spec"]["template"]["spec"]["containers"]
    return dict(found)
