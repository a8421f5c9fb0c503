"""The dashboards are those of the code, can be read, and ask for what exists."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from dashboards import documents
from gopfarm import metrics
from tests.prometheus.dashboards import DASHBOARDS, FOLDER, DashboardFile
from tests.prometheus.rules import ALERTS, RECORDS, metrics_in, records_in

every_board = pytest.mark.parametrize("board", DASHBOARDS.values(), ids=DASHBOARDS)


def test_the_files_are_what_the_code_makes() -> None:
    stored = {path.name: path.read_text() for path in FOLDER.iterdir()}
    assert stored == documents(), "run: make dashboards"


@every_board
def test_panels_ask_for_metrics_that_exist(board: DashboardFile) -> None:
    asked = [query.expr for query in board.queries]
    asked += [str(variable["query"]) for variable in board.variables]
    for expr in asked:
        assert metrics_in(expr) <= metrics.sample_names(), expr
        assert records_in(expr) <= RECORDS.keys(), expr


@every_board
def test_every_panel_says_what_it_shows_in_which_unit(board: DashboardFile) -> None:
    for panel in board.panels:
        assert panel["title"]
        assert len(panel["description"]) > 15, panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["targets"], panel["title"]
        for alert in re.findall(r"docs/runbooks\.md#(\w+)", panel["description"]):
            assert alert in {name.lower() for name in ALERTS}, panel["title"]


@every_board
def test_every_query_is_for_the_farm_that_is_chosen_in_the_data_source_that_is_chosen(
    board: DashboardFile,
) -> None:
    known = {variable["name"] for variable in board.variables}
    builtin = {"__rate_interval", "__range"}
    for query in board.queries:
        assert set(re.findall(r"\$(\w+)", query.expr)) - builtin <= known, query
        selectors = re.findall(
            r"\b(?:gopfarm_\w+|namespace\w*:[\w:]+|ALERTS|up\b|process_\w+)(\{[^}]*\})?", query.expr
        )
        assert selectors, query
        assert all('namespace=~"$namespace"' in matchers for matchers in selectors), query
    for panel in board.panels:
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}


@every_board
def test_panels_fill_their_lines_and_do_not_lie_upon_each_other(board: DashboardFile) -> None:
    lines: dict[int, list[tuple[int, int, int]]] = {}
    for panel in board.document["panels"]:
        place = panel["gridPos"]
        lines.setdefault(place["y"], []).append((place["x"], place["w"], place["h"]))
    for places in lines.values():
        ordered = sorted(places)
        assert ordered[0][0] == 0
        assert all(x + w == following for (x, w, _), (following, _, _) in pairwise(ordered))
        assert ordered[-1][0] + ordered[-1][1] == 24
        assert len({height for _, _, height in ordered}) == 1
    tops = sorted(lines)
    for top, following in pairwise(tops):
        assert top + lines[top][0][2] == following


def test_every_metric_of_the_farm_is_looked_at_by_somebody() -> None:
    panels = [query.expr for board in DASHBOARDS.values() for query in board.queries]
    asked = set().union(*map(metrics_in, (*panels, *RECORDS.values(), *(a.expr for a in ALERTS.values()))))
    assert {metric.name for metric in metrics.CATALOGUE if not asked & set(metric.samples)} == set()
