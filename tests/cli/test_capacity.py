"""``gopfarm capacity``: its words, its JSON, its values for the chart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from cli.main import cli
from encoders.demo import make_demo_clip
from tests.helm.chart import named, render


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["capacity", *arguments])


def document(*arguments: str) -> dict[str, Any]:
    result = run("--source-length", "600", "--json", *arguments)
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def test_it_says_what_a_farm_must_be_and_what_it_costs() -> None:
    result = run("--hours-per-day", "200", "--source-length", "600", "--slot-hour-price", "0.03")
    assert result.exit_code == 0
    for words in ("1200.0 films of 10:00.0", "encode.cpu", "schedulers", "Redis", "S3 a day", "a month"):
        assert words in result.output
    assert max(len(line) for line in result.output.splitlines()) <= 100


def test_the_values_that_it_prints_are_those_of_its_json() -> None:
    arguments = ("--hours-per-day", "200", "--source-length", "600")
    _, _, values = run(*arguments).output.partition("with Prometheus:\n")
    assert yaml.safe_load(values) == json.loads(run(*arguments, "--json").stdout)["values"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--hours-per-day", "200"),
        ("--hours-per-day", "0.5", "--within", "0.2"),
        ("--hours-per-day", "40000", "--machine-slots", "64"),
        ("--hours-per-day", "200", "--encoder", "nvenc"),
        (
            "--hours-per-day",
            "9",
            "--height",
            "2160",
            "--fps",
            "50",
            "--profile",
            "uhd",
            "--slot-hour-price",
            "1",
        ),
    ],
    ids=" ".join,
)
def test_the_chart_takes_the_values_as_they_are(arguments: tuple[str, ...]) -> None:
    found = document(*arguments)
    keda = {"engine": "keda", "prometheus": {"serverAddress": "http://prometheus:9090"}}
    values = found["values"]
    objects = render({**values, "autoscaling": values["autoscaling"] | keda})
    for pool in found["farm"]["pools"]:
        ending = "worker-gpu" if pool["queue"] == "encode.nvenc" else "worker-cpu"
        scaled = named(objects, "ScaledObject", ending)["spec"]
        assert scaled["maxReplicaCount"] == pool["machines"]
        assert scaled["minReplicaCount"] <= scaled["maxReplicaCount"]
        slots, drain = found["demand"]["machine_slots"], values["autoscaling"]["drainSeconds"]
        assert int(scaled["triggers"][0]["metadata"]["threshold"]) == slots * drain
        (box,) = named(objects, "Deployment", ending)["spec"]["template"]["spec"]["containers"]
        memory = int(box["resources"]["requests"]["memory"].removesuffix("Mi")) * 2**20
        assert memory == pytest.approx(found["farm"]["machine_memory_bytes"], rel=0.01)


def test_what_is_not_known_of_gpus_is_said() -> None:
    assert document("--hours-per-day", "9")["notes"] == []
    assert "NVENC" in document("--hours-per-day", "9", "--encoder", "nvenc")["notes"][0]
    assert "note: NVENC" in run("--hours-per-day", "9", "--encoder", "nvenc").output


def test_a_dearer_preset_and_slower_machines_need_more_slots() -> None:
    def slots(*arguments: str) -> int:
        return int(document("--hours-per-day", "500", *arguments)["farm"]["pools"][0]["slots"])

    assert slots("--preset", "veryfast") < slots() < slots("--preset", "slow")
    assert slots("--pace", "2") == pytest.approx(2 * slots(), rel=0.02)


def test_a_clip_of_ones_own_says_what_all_films_are_like(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    make_demo_clip(clip, 1)
    found = document("--hours-per-day", "10", "--like", str(clip))
    imagined = document("--hours-per-day", "10", "--height", "720", "--fps", "30")
    assert found["film"]["seconds"] == pytest.approx(600, rel=0.01)
    assert found["farm"]["busy_slot_hours"] == pytest.approx(imagined["farm"]["busy_slot_hours"], rel=0.2)
    own = json.loads(run("--hours-per-day", "10", "--like", str(clip), "--json").stdout)
    assert own["film"]["seconds"] == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--hours-per-day", "200", "--within", "0.01"), "0.01 hours are too short"),
        (("--hours-per-day", "200", "--like", "no-such-file.mp4"), "no-such-file.mp4"),
        (("--hours-per-day", "200", "--like", "x.mp4", "--height", "720"), "--height"),
        (("--hours-per-day", "200", "--profile", "nobody"), "nobody"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(arguments: tuple[str, ...], told: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert told in line


@pytest.mark.parametrize(
    "wrong",
    [
        (),
        ("--hours-per-day", "0"),
        ("--hours-per-day", "inf"),
        ("--hours-per-day", "nan"),
        ("--hours-per-day", "1e300"),
        ("--hours-per-day", "1", "--within", "inf"),
        ("--hours-per-day", "1", "--pace", "nan"),
        ("--hours-per-day", "1", "--slot-hour-price", "inf"),
        ("--hours-per-day", "1", "--utilisation", "1"),
    ],
)
def test_wrong_arguments_are_refused(wrong: tuple[str, ...]) -> None:
    result = run(*wrong)
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr


def test_the_largest_farm_that_may_be_asked_for_is_computed_too() -> None:
    largest = ("--peak-factor", "24", "--pace", "100", "--utilisation", "0.01", "--within", "8760")
    assert document("--hours-per-day", "1000000", *largest)["farm"]["pools"][0]["slots"] > 10**9
