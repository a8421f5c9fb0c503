"""The page docs/metrics.md, and the same as data, written from the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import resources
from string import Template
from typing import Any

from gopfarm.metrics.catalogue import ALL, Label, Metric, Role, catalogue

#: The tables of the page, by their name in ``page.md``: what somebody exports beyond what every process does.
_TABLES = {
    "leader": Role.LEADER,
    "scheduler": Role.SCHEDULER,
    "worker": Role.WORKER,
    "api": Role.API,
}

#: Of a label that more metrics have, only their number is told.
_FEW = 3


def markdown() -> str:
    """Return the page."""
    page = Template((resources.files("gopfarm.metrics") / "page.md").read_text("utf-8"))
    everyone = [metric for metric in catalogue() if metric.roles == ALL]
    tables = {
        name: _table(metric for metric in catalogue() if role in metric.roles and metric not in everyone)
        for name, role in _TABLES.items()
    }
    return page.substitute(tables, every=_table(everyone), labels=_labels(catalogue()))


def as_data() -> list[dict[str, Any]]:
    """Return the catalogue as plain data."""
    return [
        {
            "name": metric.name,
            "type": metric.kind,
            "help": metric.help,
            "asks": metric.asks,
            "exported_by": [role.value for role in metric.roles],
            "labels": {label.name: list(label.values) for label in metric.labels},
        }
        for metric in catalogue()
    ]


def _table(metrics: Iterable[Metric]) -> str:
    rows = [
        (
            f"`{metric.name}`",
            metric.kind,
            ", ".join(f"`{label.name}`" for label in metric.labels),
            metric.help,
            metric.asks,
        )
        for metric in metrics
    ]
    return _rows(("metric", "type", "labels", "what it is", "what it answers"), rows)


def _labels(metrics: Iterable[Metric]) -> str:
    users: dict[Label, list[str]] = {}
    for metric in metrics:
        for label in metric.labels:
            users.setdefault(label, []).append(f"`{metric.name}`")
    rows = [
        (
            f"`{label.name}`",
            ", ".join(names) if len(names) <= _FEW else f"{len(names)} metrics",
            " ".join(f"`{value}`" for value in label.values),
            label.meaning,
        )
        for label, names in users.items()
    ]
    return _rows(("label", "of", "values", "meaning"), rows)


def _rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
