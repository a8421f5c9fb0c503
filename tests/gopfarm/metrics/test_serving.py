from __future__ import annotations

import errno
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from gopfarm import metrics
from gopfarm.metrics import CATALOGUE, FARM, Role, registry_of
from tests.farm.ports import free_port, has_ipv6

needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")

FARM_WIDE = {metric: {tuple(label.values[0] for label in metric.labels): 1.0} for metric in FARM.metrics}


@pytest.fixture(autouse=True)
def _leads_not() -> Iterator[None]:
    FARM.hide()
    yield
    FARM.hide()


def exposition(*roles: Role, classes: tuple[str, ...] = ()) -> str:
    return generate_latest(registry_of(roles, classes)).decode()


def names(text: str) -> set[str]:
    return {
        family.name for family in text_string_to_metric_families(text) if family.name.startswith("gopfarm_")
    }


@pytest.mark.parametrize("role", [Role.SCHEDULER, Role.WORKER, Role.API])
def test_a_process_tells_what_its_role_exports_and_nothing_else(role: Role) -> None:
    FARM.show(FARM_WIDE)
    exported = {metric.name.removesuffix("_total") for metric in CATALOGUE if role in metric.roles}
    assert names(exposition(role)) == exported


def test_only_who_leads_tells_of_the_farm() -> None:
    everything = {metric.name for metric in FARM.metrics}
    assert not names(exposition(Role.LEADER))
    FARM.show(FARM_WIDE)
    assert names(exposition(Role.LEADER)) == everything
    FARM.hide()
    assert not names(exposition(Role.LEADER))


def test_figures_of_the_farm_that_grow_old_are_told_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    # Not time.monotonic itself: event loops of other tests' servers would sleep until that clock comes by.
    monkeypatch.setattr("gopfarm.metrics.farm.time", SimpleNamespace(monotonic=lambda: now))
    FARM.show(FARM_WIDE)
    now += metrics.STALE_SECONDS
    assert names(exposition(Role.LEADER))
    now += 1
    assert not names(exposition(Role.LEADER))


def test_rare_events_are_counted_from_zero() -> None:
    """Those without a class may have been counted by whatever ran in this process before."""
    text = exposition(Role.SCHEDULER, classes=("new-class", "other"))
    for sample in (
        'gopfarm_jobs_ended_total{state="failed",tenant_class="new-class"} 0.0',
        'gopfarm_jobs_refused_total{reason="limit"} ',
        'gopfarm_repairs_total{kind="backlog"} ',
        "gopfarm_task_twins_total ",
    ):
        assert f"\n{sample}" in text


def test_what_is_told_passes_promtool() -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is missing: install the Debian package prometheus")
    FARM.show(FARM_WIDE)
    text = exposition(Role.LEADER, Role.SCHEDULER, Role.WORKER, Role.API, classes=("other",))
    ours = "".join(
        line + "\n" for line in text.splitlines() if "gopfarm_" in line
    )  # Python's own collectors have names that are not ours to choose
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=ours, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_who_asks_for_open_metrics_gets_it() -> None:
    port = free_port()
    metrics.serve_metrics(port, Role.WORKER)
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
        assert answer.read().endswith(b"# EOF\n")


@pytest.mark.parametrize("address", ["127.0.0.1", pytest.param("[::1]", marks=needs_ipv6)])
def test_metrics_are_answered_at_addresses_of_both_families(address: str) -> None:
    port = free_port()
    metrics.serve_metrics(port, Role.WORKER)
    with urllib.request.urlopen(f"http://{address}:{port}/metrics", timeout=5) as answer:
        assert b"gopfarm_" in answer.read()


def test_a_machine_without_ipv6_answers_by_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    class OnlyFour(socket.socket):
        def __init__(self, family: int = -1, *others: int, **named: int | None) -> None:
            if family == socket.AF_INET6:
                raise OSError(errno.EAFNOSUPPORT, "no such family")
            super().__init__(family, *others, **named)

    monkeypatch.setattr("gopfarm.metrics.serving.socket.socket", OnlyFour)
    port = free_port()
    metrics.serve_metrics(port, Role.WORKER)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        assert b"gopfarm_" in answer.read()
