"""How a metric is declared: once, with all that Prometheus, readers, rules and tests have to know of it.

A declaration makes the metric of ``prometheus_client``, and is added to ``CATALOGUE``, from which the page
``docs/metrics.md`` is written. A label has a bounded set of values, and cannot be given another one.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal, TypeVar

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.registry import Collector

Kind = Literal["counter", "gauge", "histogram"]

_Base = TypeVar("_Base", bound=MetricWrapperBase)

# When each counter was made: as many series again, and none that is needed.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Role(enum.StrEnum):
    """Who exports a metric."""

    LEADER = "the leading scheduler"
    SCHEDULER = "schedulers"
    WORKER = "workers"
    API = "the API"


#: Every process of the farm.
ALL = (Role.SCHEDULER, Role.WORKER, Role.API)


@dataclass(frozen=True)
class Label:
    """A label with all its values.

    Args:
        name: Its name.
        meaning: What it tells, for readers.
        values: All its values; none where somebody else bounds it, which ``meaning`` then says.
        rest: What any other value becomes.
    """

    name: str
    meaning: str
    values: tuple[str, ...] = ()
    rest: str = "other"

    def bound(self, value: object) -> str:
        """Return a value of the label: the one given, or ``rest`` if that is none."""
        text = str(value)
        return text if not self.values or text in self.values else self.rest


@dataclass(frozen=True, eq=False)
class Metric:
    """A metric's declaration.

    Args:
        name: As Prometheus stores it, ``_total`` included.
        kind: Its type.
        help: What it is, in words that end up in the exposition too.
        asks: The question of an operator that it answers.
        labels: Its labels, in order.
        roles: Who exports it.
        collector: What ``prometheus_client`` collects it by.
        from_zero: Whether all its label sets are there from the start: the first event is an increase then.
    """

    name: str
    kind: Kind
    help: str
    asks: str
    labels: tuple[Label, ...]
    roles: tuple[Role, ...]
    collector: Collector
    from_zero: bool = False

    @property
    def samples(self) -> tuple[str, ...]:
        """The names that a query can ask for."""
        if self.kind == "histogram":
            return tuple(f"{self.name}_{part}" for part in ("bucket", "sum", "count"))
        return (self.name,)

    def label_sets(self) -> Iterator[tuple[str, ...]]:
        """Yield all sets of label values that can occur, where the catalogue bounds them all."""
        if all(label.values for label in self.labels):
            yield from product(*({*label.values, label.rest} for label in self.labels))


_declared: dict[str, Metric] = {}


def declare(metric: Metric) -> Metric:
    """Add a declaration to the catalogue."""
    assert metric.name not in _declared, f"{metric.name} is declared twice"
    _declared[metric.name] = metric
    return metric


def catalogue() -> tuple[Metric, ...]:
    """Return all declarations, in the order in which they were made."""
    return tuple(_declared.values())


class _Bounded(MetricWrapperBase):
    """A metric whose labels cannot have values that were not declared."""

    bounds: tuple[Label, ...] = ()

    def labels(self: _Base, *values: object, **by_name: object) -> _Base:
        """Return the metric for some label values."""
        bounds: tuple[Label, ...] = self.bounds  # type: ignore[attr-defined]
        given = values or tuple(by_name[label.name] for label in bounds)
        bounded = [label.bound(value) for label, value in zip(bounds, given, strict=True)]
        return super().labels(*bounded)


class _Counter(_Bounded, Counter):
    pass


class _Gauge(_Bounded, Gauge):
    pass


class _Histogram(_Bounded, Histogram):
    pass


def counter(
    name: str, text: str, asks: str, roles: Sequence[Role], *labels: Label, from_zero: bool = False
) -> Counter:
    """Declare a counter, whose name ends in ``_total``."""
    made = _Counter(name, text, [label.name for label in labels])
    made.bounds = labels
    declare(Metric(name, "counter", text, asks, labels, tuple(roles), made, from_zero))
    return made


def gauge(name: str, text: str, asks: str, roles: Sequence[Role], *labels: Label) -> Gauge:
    """Declare a gauge that a process has of itself."""
    made = _Gauge(name, text, [label.name for label in labels])
    made.bounds = labels
    declare(Metric(name, "gauge", text, asks, labels, tuple(roles), made))
    return made


def histogram(
    name: str, text: str, asks: str, roles: Sequence[Role], buckets: Sequence[float], *labels: Label
) -> Histogram:
    """Declare a histogram with the upper edges of its buckets."""
    made = _Histogram(name, text, [label.name for label in labels], buckets=tuple(buckets))
    made.bounds = labels
    declare(Metric(name, "histogram", text, asks, labels, tuple(roles), made))
    return made
