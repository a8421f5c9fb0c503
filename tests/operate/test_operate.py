"""A day of an operator in minutes: jobs by HTTP, what is counted, how the farm scales, a fault and its alert.

``make operate`` runs this.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml
from playwright.sync_api import Browser, expect

from encoders.demo import make_demo_clip
from tests.browser.conftest import browser
from tests.farm.processes import ROOT, until
from tests.helm.chart import named, render
from tests.operate.site import TOKEN, Site, site
from tests.prometheus.tools import prometheus_tool

__all__ = ["browser"]  # a fixture

pytestmark = pytest.mark.slow

PROFILE = ROOT / "tests" / "farm" / "small.yaml"
PICTURES = ROOT / "build" / "operate"
SECONDS = (8, 6, 4)

#: Work that lasts for several looks at the farm, which the leading scheduler takes every 5 s.
PRESET = "veryslow"


@pytest.fixture
def operated(valkey: redis.Redis, valkey_url: str, s3: Any, tmp_path: Path) -> Iterator[Site]:
    prometheus_tool("prometheus")
    with site(valkey_url, tmp_path) as running:
        yield running


@pytest.fixture
def sources(s3: Any, tmp_path: Path) -> list[str]:
    """Films of several lengths in S3."""
    s3.create_bucket(Bucket="films")
    for seconds in SECONDS:
        make_demo_clip(tmp_path / f"{seconds}.mp4", seconds)
        s3.upload_file(str(tmp_path / f"{seconds}.mp4"), "films", f"{seconds}.mp4")
    return [f"s3://films/{seconds}.mp4" for seconds in SECONDS]


class Scaler:
    """Asks Prometheus as KEDA does: with the query and the target that the chart gives it."""

    def __init__(self, server: Any) -> None:
        address = {
            "autoscaling": {"engine": "keda", "prometheus": {"serverAddress": "http://prometheus:9090"}}
        }
        scaled = named(render(address), "ScaledObject", "-worker-cpu")["spec"]
        (trigger,) = [item for item in scaled["triggers"] if item["type"] == "prometheus"]
        self._query = trigger["metadata"]["query"]
        self._target = float(trigger["metadata"]["threshold"])
        self._server = server

    def backlog(self) -> float:
        (value,) = self._server.values(self._query)
        return float(value)

    def pods(self) -> int:
        """Return the pods that are wanted: none, or by the rule of Kubernetes' autoscaler."""
        return math.ceil(self.backlog() / self._target)


def total(operated: Site, expression: str) -> float:
    return sum(operated.prometheus.values(expression))


def report_of(s3: Any, destination: str) -> dict[str, Any]:
    bucket, _, prefix = destination.removeprefix("s3://").partition("/")
    body = s3.get_object(Bucket=bucket, Key=f"{prefix}/job.json")["Body"]
    report: dict[str, Any] = json.loads(body.read())
    return report


def check_numbers(operated: Site, reports: list[dict[str, Any]]) -> None:
    """Hold what Prometheus has counted against what the jobs' reports say was done."""
    tasks = [task for report in reports for task in report["tasks"]]
    tracks = [track for report in reports for part in ("ladder", "audio") for track in report.get(part, ())]
    pictures = [rung for report in reports for rung in report["ladder"] if "width" in rung["planned"]]
    stored = sum(part["size"] for track in tracks for part in (track["init"], *track["segments"]))
    true = {
        'gopfarm_jobs_ended_total{state="done"}': len(reports),
        'gopfarm_tasks_total{outcome=~"done|last"}': len(tasks),
        "gopfarm_frames_encoded_total": sum(part["length"] for rung in pictures for part in rung["segments"]),
        "gopfarm_media_seconds_total": sum(report["source"]["duration_seconds"] for report in reports),
        "gopfarm_task_cpu_seconds_total": sum(task["cpu_seconds"] for task in tasks),
        "gopfarm_stored_bytes_total": stored,
    }

    def counted() -> dict[str, float]:
        return {name: total(operated, name) for name in true}

    # Each process is asked once a second, at its own moment.
    with suppress(AssertionError):
        until(lambda: counted() == pytest.approx(true, rel=0.01), "Prometheus has asked all")
    assert counted() == pytest.approx(true, rel=0.01)


def test_a_farm_is_operated(operated: Site, sources: list[str], s3: Any, browser: Browser) -> None:
    scaler = Scaler(operated.prometheus)
    until(lambda: operated.ask("/farm")["slots"]["encode.cpu"]["total"] == 2, "both workers are known")
    assert scaler.pods() == 0, "an idle farm needs no worker"
    s3.create_bucket(Bucket="streams")

    # Three jobs by HTTP.
    jobs = []
    for number, source in enumerate(sources):
        spec = {
            "source": source,
            "destination": f"s3://streams/{number}",
            "profile": yaml.safe_load(PROFILE.read_text()) | {"preset": PRESET},
            "tenant": f"tenant-{number}",
        }
        jobs.append(operated.ask("/jobs", spec)["id"])
    until(lambda: scaler.pods() >= 1, "work asks for workers")
    until(lambda: all(operated.ask(f"/jobs/{job}")["state"] == "done" for job in jobs), "all are done")
    check_numbers(operated, [report_of(s3, f"s3://streams/{number}") for number in range(len(jobs))])
    until(lambda: scaler.backlog() == 0, "no work is left")
    assert scaler.pods() == 0
    assert not [alert for alert in operated.firing() if not alert.endswith("Slow")]

    # A fault, its alert, and what the dashboard says.
    operated.kill("scheduler")
    until(lambda: "GopfarmNoLeader" in operated.firing(), "the alert fires")
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    page = context.new_page()
    page.goto(operated.url)
    page.get_by_label("Access token").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("No scheduler", timeout=30_000)
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / "no-scheduler.png")

    # It comes back, and all is well again.
    operated.start("scheduler")
    until(lambda: "GopfarmNoLeader" not in operated.firing(), "the alert is over")
    expect(page.get_by_role("alert")).to_be_empty(timeout=30_000)
    page.screenshot(path=PICTURES / "well-again.png")
    context.close()
