from __future__ import annotations

import re
from pathlib import Path

import pytest

from gopfarm import metrics
from gopfarm.metrics import CATALOGUE, Metric, Role
from gopfarm.metrics import labels as every
from gopfarm.metrics.labels import SCRIPTS
from gopfarm.queues import WORKER_QUEUES
from gopfarm.store import LIVE_STATES, Finish, GivenBack, JobState
from gopfarm.store.deliveries import Outcome
from scheduler.dispatch import QUEUES

ROOT = Path(__file__).parents[3]

#: What must never be a label: a job's id, a path, a secret, a name that a user has chosen.
ALIEN = (
    "90d54dbe-b486-5c4d-b3c6-647ed2730280",
    "s3://films/a.mp4",
    "/tmp/a film.mp4",
    "tenant-17",
    "",
    "a\nb",
)

#: The labels whose values are not listed here, with who bounds them.
BOUNDED_ELSEWHERE = {"tenant_class", "version", "route", "status"}


def of(metric: Metric) -> str:
    return metric.name


@pytest.mark.parametrize("metric", CATALOGUE, ids=of)
def test_names_follow_the_conventions_of_prometheus(metric: Metric) -> None:
    assert re.fullmatch(r"gopfarm_[a-z][a-z_]*[a-z]", metric.name)
    assert metric.name.endswith("_total") is (metric.kind == "counter")
    assert not re.search(r"_(count|sum|bucket|ms|minutes|hours|mb|kb)(_|$)", metric.name)
    if metric.kind == "histogram":
        assert re.search(r"_(seconds|bytes|factor)$", metric.name)
    assert metric.help.endswith(".")
    assert metric.asks.endswith("?")
    assert metric.roles


@pytest.mark.parametrize("metric", CATALOGUE, ids=of)
def test_no_label_takes_what_is_not_among_its_values(metric: Metric) -> None:
    for label in metric.labels:
        if label.name in BOUNDED_ELSEWHERE:
            assert not label.values
            continue
        assert len(set(label.values)) == len(label.values) > 1
        assert all(re.fullmatch(r"\w[\w. ]*", value) for value in label.values)
        for value in ALIEN:
            assert label.bound(value) == "other"


def test_a_process_has_few_series() -> None:
    """Without classes of tenants and routes. It matters where there are a thousand processes."""
    counted = {"worker": 0, "scheduler": 0}
    for metric in CATALOGUE:
        series = {"histogram": 14}.get(metric.kind, 1)
        for label in metric.labels:
            series *= max(1, len(label.values) + 1)
        for role in counted:
            if Role[role.upper()] in metric.roles:
                counted[role] += series
    # Of commands and outcomes, which are most of it, no process has more than a fifth.
    assert max(counted.values()) < 3500, counted


@pytest.mark.parametrize("alien", ALIEN)
def test_a_counter_that_is_given_another_value_counts_it_as_other(alien: str) -> None:
    counted = metrics.TASKS.labels("other", "other")
    before = counted._value.get()
    metrics.TASKS.labels(alien, alien).inc()
    metrics.TASKS.labels(kind=alien, outcome=alien).inc()
    assert counted._value.get() == before + 2
    with pytest.raises(ValueError, match="zip"):
        metrics.TASKS.labels("video")


def test_labels_name_what_the_farm_can_say() -> None:
    assert set(WORKER_QUEUES) == set(QUEUES) == set(every.QUEUE.values)
    assert set(every.LIVE_STATE.values) == {state.value for state in LIVE_STATES}
    assert set(every.END.values) == {state.value for state in JobState if state.ended}
    assert set(every.LEASE_OUTCOME.values) == {outcome.value for outcome in GivenBack}
    assert {outcome.value for outcome in Finish} - {"last"} <= set(every.TASK_OUTCOME.values)
    assert set(every.DELIVERY.values) == {outcome.value for outcome in Outcome}


def test_every_repair_has_its_name() -> None:
    found = set(re.findall(r"note\('(\w+)'\)", (ROOT / "gopfarm/store/lua/repair.lua").read_text()))
    counted = set(re.findall(r'REPAIRS\.labels\("(\w+)"\)', (ROOT / "scheduler/reconcile.py").read_text()))
    assert found | counted == set(every.REPAIR.values)


def test_every_script_is_a_command_of_its_own() -> None:
    assert {path.stem for path in (ROOT / "gopfarm/store/lua").glob("*.lua")} == set(SCRIPTS)
    assert len(set(every.REDIS_COMMAND.values)) == len(every.REDIS_COMMAND.values)


def test_the_names_that_a_query_can_ask_for_are_told() -> None:
    names = metrics.sample_names()
    assert {"gopfarm_tasks_total", "gopfarm_job_duration_seconds_bucket", "gopfarm_farm_workers"} <= names
    assert "gopfarm_job_duration_seconds" not in names
