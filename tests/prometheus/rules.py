"""The rules as they are in the chart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "helm" / "gopfarm" / "rules").glob("*.yaml"))
RUNBOOKS = ROOT / "docs" / "runbooks.md"


@dataclass(frozen=True)
class Alert:
    """An alerting rule, as Prometheus reads it."""

    rule: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.rule["alert"])

    @property
    def expr(self) -> str:
        return str(self.rule["expr"])

    @property
    def lasts(self) -> str:
        """How long it is pending before it fires."""
        return str(self.rule.get("for", ""))

    @property
    def labels(self) -> dict[str, str]:
        return dict(self.rule["labels"])

    @property
    def annotations(self) -> dict[str, str]:
        return dict(self.rule["annotations"])


_RULES: list[dict[str, Any]] = [
    rule for path in RULES for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]
]

#: Alerts by name.
ALERTS = {rule["alert"]: Alert(rule) for rule in _RULES if "alert" in rule}

#: The recording rules in their order, and their expressions by the name of what they record.
RECORDING = [rule for rule in _RULES if "record" in rule]
RECORDS: dict[str, str] = {rule["record"]: rule["expr"] for rule in RECORDING}


def without_strings(expr: str) -> str:
    """Return an expression with all strings empty: what is left that looks like a name is one."""
    return re.sub(r'"[^"]*"', '""', expr)


def metrics_in(expr: str) -> set[str]:
    """Return the farm's own metrics that an expression asks for."""
    return set(re.findall(r"(?<![\w:])gopfarm_\w+(?![\w:])", without_strings(expr)))


def records_in(expr: str) -> set[str]:
    """Return the recorded series that an expression asks for."""
    return set(re.findall(r"namespace\w*:\w+:\w+", without_strings(expr)))
