"""PromQL in the few forms that the dashboards need.

A farm is what has one label ``namespace``; a pool of workers is what has one label ``pool``. Both are labels
of scrape targets. Where a target has none, the dashboards' variables match it as long as they say "All".
"""

from __future__ import annotations

FARM = 'namespace=~"$namespace"'
POOL = 'pool=~"$pool"'

#: The interval of rates of what happens all the time: at least four scrapes, and each point of a graph once.
OFTEN = "$__rate_interval"

#: The interval of figures of whole jobs, of which there may be few.
SELDOM = "1h"

#: The interval of sums over all that a dashboard shows.
SHOWN = "$__range"


def select(metric: str, *matchers: str) -> str:
    """Return the selector of a metric of the chosen farms."""
    return f"{metric}{{{', '.join((FARM, *matchers))}}}"


def by(labels: str) -> str:
    """Return what aggregates by labels, or to one value for "" ."""
    return f" by ({labels}) " if labels else ""


def ratio(part: str, whole: str) -> str:
    """Return the quotient of two expressions, and nothing where the second is 0."""
    return f"{part} / ({whole} > 0)"


def seen(expr: str) -> str:
    """Return the series of an expression that are not 0, where most always are."""
    return f"{expr} > 0"


def sum_of(metric: str, *matchers: str, labels: str = "") -> str:
    """Return the sum of a gauge that each process has of itself."""
    return f"sum{by(labels)}({select(metric, *matchers)})"


def farm_wide(metric: str, *labels: str, by_label: str = "") -> str:
    """Return a gauge that the leading scheduler tells of a farm, summed over the chosen farms.

    Args:
        metric: The gauge.
        labels: All its labels.
        by_label: The label to keep.
    """
    each = ", ".join(("namespace", *labels))
    return f"sum{by(by_label)}(max by ({each}) ({select(metric)}))"


def longest(age: str, by_label: str) -> str:
    """Return the highest of a gauge of seconds, by a label."""
    return f"max by ({by_label}) ({select(age)})"


def rate(counter: str, *matchers: str, labels: str = "", over: str = OFTEN) -> str:
    """Return how fast a counter grows, by the second."""
    return f"sum{by(labels)}(rate({select(counter, *matchers)}[{over}]))"


def increase(counter: str, *matchers: str, labels: str = "", over: str = SHOWN) -> str:
    """Return by how much a counter has grown."""
    return f"sum{by(labels)}(increase({select(counter, *matchers)}[{over}]))"


def quantile(share: float, histogram: str, *matchers: str, labels: str = "", over: str = OFTEN) -> str:
    """Return the value that a share of a histogram's observations stays below."""
    each = ", ".join(filter(None, (labels, "le")))
    return f"histogram_quantile({share}, {rate(f'{histogram}_bucket', *matchers, labels=each, over=over)})"
