"""Each alert fires when it must and is silent when it must be, says what is wrong, and has a runbook."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from gopfarm import metrics
from tests.helm.chart import NAMESPACE, of_kind, render
from tests.prometheus.dashboards import DASHBOARDS
from tests.prometheus.rules import ALERTS, RECORDING, RECORDS, RULES, RUNBOOKS, Alert, metrics_in, records_in
from tests.prometheus.tools import prometheus_tool

#: Cases by the name of their alert. All is text: "0x30" is a row of samples, not 48.
CASES: dict[str, list[dict[str, Any]]] = yaml.load(
    (Path(__file__).parent / "alerts.yaml").read_text(), yaml.BaseLoader
)

every_alert = pytest.mark.parametrize("alert", ALERTS.values(), ids=lambda alert: alert.name)


def promtool(*arguments: object) -> None:
    """Run promtool, which must find nothing wrong."""
    done = subprocess.run(
        [prometheus_tool("promtool"), *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_the_rules() -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", *RULES)


def as_promtool(alert: Alert, case: dict[str, Any]) -> dict[str, Any]:
    """Return a case of ``alerts.yaml`` as a test of promtool's, with all that an alert says."""
    expected = [
        {
            "exp_labels": alert.labels | fires["labels"],
            "exp_annotations": alert.annotations | {"summary": fires["summary"]},
        }
        for fires in case.get("fires", ())
    ]
    # An alert that must be silent is looked at each minute: a moment's trouble must not fire it.
    last = int(case["at"].removesuffix("m"))
    minutes = [case["at"]] if expected else [f"{minute}m" for minute in range(1, last + 1)]
    return {
        "name": f"{alert.name}: {case['it']}",
        "interval": "1m",
        "input_series": [{"series": series, "values": values} for series, values in case["series"].items()],
        "alert_rule_test": [
            {"eval_time": minute, "alertname": alert.name, "exp_alerts": expected} for minute in minutes
        ],
    }


def written(path: Path, document: dict[str, Any]) -> str:
    """Write YAML and return where."""
    path.write_text(yaml.safe_dump(document))
    return str(path)


def try_alerts(
    folder: Path, recording: list[dict[str, Any]], tried: list[tuple[Alert, list[dict[str, Any]]]]
) -> None:
    """Try each alert beside the records alone: promtool evaluates all that it is given, every minute."""
    records = written(folder / "records.yaml", {"groups": [{"name": "records", "rules": recording}]})
    tests = []
    for alert, cases in tried:
        rules = {"groups": [{"name": "alert", "rules": [alert.rule]}]}
        test = {
            "rule_files": [records, written(folder / f"{alert.name}.yaml", rules)],
            "evaluation_interval": "1m",
            "group_eval_order": ["records", "alert"],
            "tests": [as_promtool(alert, case) for case in cases],
        }
        tests.append(written(folder / f"{alert.name}.test.yaml", test))
    promtool("test", "rules", *tests)


def test_alerts_fire_when_they_must_and_only_then(tmp_path: Path) -> None:
    try_alerts(tmp_path, list(RECORDING), [(alert, CASES[name]) for name, alert in ALERTS.items()])


def elsewhere(case: dict[str, Any]) -> dict[str, Any]:
    """Return a case as it is seen by a farm that has nothing to do with it."""
    series = {
        name.replace('namespace="video"', 'namespace="elsewhere"'): values
        for name, values in case["series"].items()
    }
    return {"it": f"{case['it']}, elsewhere", "series": series, "at": case["at"]}


def test_the_chart_s_alerts_are_for_its_own_farm(tmp_path: Path) -> None:
    """They fire for what happens in it, and not for what happens in another beside it."""
    (item,) = of_kind(render({"metrics": {"prometheusRule": {"enabled": True}}}), "PrometheusRule")
    rules = [rule for group in item["spec"]["groups"] for rule in group["rules"]]
    promtool("check", "rules", "--lint=all", "--lint-fatal", written(tmp_path / "all.yaml", item["spec"]))
    tried = []
    for alert in (Alert(rule) for rule in rules if "alert" in rule):
        cases = [
            case
            for case in CASES[alert.name]
            if "fires" in case and all('namespace="video"' in name for name in case["series"])
        ]
        assert cases, alert.name
        others = [elsewhere(case) for case in cases]
        if alert.name == "GopfarmNoLeader":  # of this farm nothing is left then
            others[0]["fires"] = [{"labels": {"namespace": NAMESPACE}, "summary": "No scheduler leads"}]
        tried.append((alert, cases + others))
    try_alerts(tmp_path, [rule for rule in rules if "record" in rule], tried)


def test_every_alert_has_cases_in_which_it_fires_and_others_in_which_it_does_not() -> None:
    assert CASES.keys() == ALERTS.keys()
    for name, cases in CASES.items():
        assert {"fires" in case for case in cases} == {True, False}, name


@every_alert
def test_an_alert_waits_and_says_what_is_wrong_how_bad_and_what_to_do(alert: Alert) -> None:
    assert re.fullmatch(r"\d+m", alert.lasts)
    assert alert.labels.keys() == {"severity"}
    assert alert.labels["severity"] in {"critical", "warning", "info"}
    assert alert.annotations.keys() == {"summary", "description", "runbook_url"}
    assert len(alert.annotations["summary"]) <= 120
    # What it says of values stands in the summary, which the cases above hold word by word.
    assert "{{" not in alert.annotations["description"]
    assert alert.annotations["description"].endswith(".")
    assert alert.annotations["runbook_url"] == f"docs/runbooks.md#{alert.name.lower()}"


def test_every_alert_has_its_section_in_the_runbooks_and_every_section_its_alert() -> None:
    headings = re.findall(r"^### (\w+)$", RUNBOOKS.read_text(), re.MULTILINE)
    assert sorted(headings) == sorted(ALERTS)


@every_alert
def test_a_section_tells_meaning_users_checks_and_cures(alert: Alert) -> None:
    text = RUNBOOKS.read_text()
    section = re.split(r"^##+ ", text.partition(f"\n### {alert.name}\n")[2], flags=re.MULTILINE)[0]
    parts = re.findall(r"^\*\*(\w+)\.\*\* \S", section, re.MULTILINE)
    assert parts == ["Meaning", "Users", "Check", "Fix", "Prevent"]
    assert section.strip().startswith(f"`{alert.labels['severity']}` ({alert.lasts})")


def test_rules_ask_for_metrics_that_exist() -> None:
    for expr in (*(alert.expr for alert in ALERTS.values()), *RECORDS.values()):
        assert metrics_in(expr) <= metrics.sample_names(), expr
        assert records_in(expr) <= RECORDS.keys(), expr


def test_nothing_is_recorded_that_nobody_asks_for() -> None:
    alerts = [alert.expr for alert in ALERTS.values()]
    panels = [query.expr for board in DASHBOARDS.values() for query in board.queries]
    asked = set().union(*map(records_in, (*alerts, *panels, *RECORDS.values())))
    assert asked == RECORDS.keys()
