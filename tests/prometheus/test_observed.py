"""A real Prometheus understands every query and rule, and answers them from a farm that has worked."""

from __future__ import annotations

import re

import pytest

from tests.prometheus.dashboards import DASHBOARDS, DashboardFile
from tests.prometheus.rules import ALERTS, RECORDS, metrics_in, records_in
from tests.prometheus.server import Prometheus

#: What a dashboard's variables stand for here. The farm is seconds old, not hours: sums over all that is
#: shown look at every second instead of every minute.
VARIABLES = {
    "$namespace": ".*",
    "$pool": ".*",
    "$tenant_class": ".*",
    "$price": "0.05",
    "$__rate_interval": "1m",
    "$__range:1m": "5m:1s",
    "$__range": "5m",
}

_NO_FAILURE = "nothing failed"

#: Metrics that rightly have no series.
EMPTY_METRICS = {"gopfarm_storage_errors_total": _NO_FAILURE}

#: Recorded series that rightly do not exist.
EMPTY_RECORDS = {"namespace_store:gopfarm_storage_errors:rate5m": _NO_FAILURE}

#: Panels of which a query rightly has no data, though its metric has.
EMPTY_PANELS = {
    ("gopfarm-farm", "Failed, by reason"): _NO_FAILURE,
    ("gopfarm-farm", "Submitted"): "nothing was refused",
    ("gopfarm-health", "Alerts that fire"): "no alert fires",
    ("gopfarm-health", "Runs of tasks that did not end as done"): _NO_FAILURE,
}


def spelled_out(expr: str) -> str:
    """Return a dashboard's query with all variables replaced, as Grafana sends it."""
    for name, value in VARIABLES.items():
        expr = expr.replace(name, value)
    assert "$" not in expr, expr
    return expr


@pytest.mark.parametrize("board", DASHBOARDS.values(), ids=DASHBOARDS)
def test_every_query_of_every_panel_has_data(observed: Prometheus, board: DashboardFile) -> None:
    without = [query for query in board.queries if not observed.values(spelled_out(query.expr))]
    named = EMPTY_METRICS.keys() | EMPTY_RECORDS.keys()
    unexpected = [
        str(query)
        for query in without
        if (query.board, query.panel) not in EMPTY_PANELS
        and not named & (metrics_in(query.expr) | records_in(query.expr))
    ]
    assert unexpected == []


def test_panels_that_may_be_empty_exist() -> None:
    panels = {(query.board, query.panel) for board in DASHBOARDS.values() for query in board.queries}
    assert panels >= EMPTY_PANELS.keys()


@pytest.mark.parametrize("board", DASHBOARDS.values(), ids=DASHBOARDS)
def test_every_variable_has_values_to_choose(observed: Prometheus, board: DashboardFile) -> None:
    queries = [variable["query"]["query"] for variable in board.variables if variable["type"] == "query"]
    assert queries
    for query in queries:
        match = re.fullmatch(r"label_values\((.+), (\w+)\)", query)
        assert match is not None, query
        series = observed.api("series", **{"match[]": spelled_out(match[1])})
        assert any(match[2] in labels for labels in series), query


def test_every_rule_is_evaluated_without_an_error(observed: Prometheus) -> None:
    rules = [rule for group in observed.api("rules")["groups"] for rule in group["rules"]]
    assert {rule["name"] for rule in rules} == ALERTS.keys() | RECORDS.keys()
    assert [rule for rule in rules if rule["health"] != "ok"] == []


def test_every_record_has_a_series(observed: Prometheus) -> None:
    assert {name for name in RECORDS if not observed.values(name)} == EMPTY_RECORDS.keys()


def test_what_alerts_look_at_is_there(observed: Prometheus) -> None:
    """A label or value that does not exist would make an alert that never fires."""
    missing = set()
    for expr in (*(alert.expr for alert in ALERTS.values()), *RECORDS.values()):
        for name, matchers in re.findall(r"(?<![\w:])(gopfarm_\w+)(\{[^}]*\})?", expr):
            if not observed.values(f"count({name}{matchers})"):
                missing.add(name)
    # No answer was 5xx, and alerts look at such.
    assert missing == EMPTY_METRICS.keys() | {"gopfarm_http_requests_total"}


def test_a_farm_that_is_well_raises_no_alarm(observed: Prometheus) -> None:
    """Not even one that would fire if it stayed so; what is slow on a busy machine is another matter."""
    alerts = observed.api("alerts")["alerts"]
    raised = {alert["labels"]["alertname"] for alert in alerts}
    assert {name for name in raised if not name.endswith("Slow")} == set()
