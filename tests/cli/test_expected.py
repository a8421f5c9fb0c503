"""What commands say is expected: of a source that is not encoded yet, and of a job under way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import redis
from click.testing import CliRunner

from cli.main import cli
from encoders.demo import make_demo_clip
from gopfarm.settings import get_settings
from tests.gopfarm.store.jobs import PLAN, SPEC, begin, store_on

pytestmark = pytest.mark.usefixtures("redis_of_commands")


def priced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOPFARM_SLOT_HOUR_PRICE", "36")
    get_settings.cache_clear()


def output(*arguments: str) -> str:
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_plan_tells_what_it_takes_on_so_many_slots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = tmp_path / "clip.mp4"
    make_demo_clip(clip, 3)

    def planned(slots: int) -> dict[str, Any]:
        arguments = ("plan", str(clip), "--preset", "slow", "--slots", str(slots), "--json")
        document: dict[str, Any] = json.loads(output(*arguments))
        return document

    alone, many = planned(1), planned(64)
    assert alone["expected"]["slots"] == 1
    assert many["tasks"] > alone["tasks"]
    assert many["expected"]["seconds"] < alone["expected"]["seconds"] * 0.8
    assert many["expected"]["cpu_seconds"] >= alone["expected"]["cpu_seconds"]
    assert "price" not in alone["expected"]
    priced(monkeypatch)
    expected = planned(1)["expected"]
    assert expected["price"] == pytest.approx(expected["seconds"] / 100, rel=0.01)
    assert ", for " in output("plan", str(clip), "--slots", "1")


def test_a_job_under_way_tells_when_it_will_be_done(
    valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_on(valkey)
    assert store.create("waits", SPEC)
    assert "eta_seconds" not in json.loads(output("status", "waits", "--json"))
    begin(store, "j")
    job = json.loads(output("status", "j", "--json"))
    assert job["eta_seconds"] == pytest.approx(len(PLAN.tasks), rel=0.1)
    assert "expected_price" not in job
    priced(monkeypatch)
    job = json.loads(output("status", "j", "--json"))
    assert job["expected_price"] == pytest.approx(len(PLAN.tasks) / 100, rel=0.1)
    text = output("status", "j")
    assert "until all tasks are done" in text
    assert "about 0.05" in text
