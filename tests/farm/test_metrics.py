"""What Prometheus sees of a farm at work: the true numbers."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path

from gopfarm import metrics
from tests.farm.ports import free_port
from tests.farm.processes import Farm, until

SMALL = Path(__file__).parent / "small.yaml"

#: The clip of these tests, see ``clip``.
SECONDS, RATE = 10, 30

TENANTS = json.dumps({"school": {"class": "education"}})


def scrape(port: int) -> dict[str, float]:
    """Return the samples by name and labels; {} while the port is closed."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    except OSError:
        return {}
    lines = (line.rpartition(" ") for line in text.splitlines() if line.startswith("gopfarm_"))
    return {name: float(value) for name, _, value in lines}


def test_the_counters_tell_what_was_done(farm: Farm, clip: Path, tmp_path: Path) -> None:
    for name in ("worker-1", "worker-2", "scheduler"):
        assert farm.stop(name) == 0
    ports = {"worker": free_port(), "scheduler": free_port()}

    def told(role: str, sample: str) -> Callable[[], float | None]:
        return lambda: scrape(ports[role]).get(sample)

    farm.environment["GOPFARM_TENANTS"] = TENANTS
    farm.start("scheduler", "scheduler", "--metrics-port", str(ports["scheduler"]))
    backlog = 'gopfarm_backlog_slot_seconds{queue="encode.cpu"}'
    until(lambda: told("scheduler", backlog)() == 0.0, "an idle farm has no backlog")
    submit = ("submit", clip, tmp_path / "out", "--profile", SMALL, "--tenant", "school")
    job = farm.run(*submit).stdout.strip()
    until(told("scheduler", backlog), "a job raises the backlog of a farm that has no worker")
    assert scrape(ports["scheduler"])['gopfarm_farm_slots{queue="encode.cpu"}'] == 0
    farm.start("worker", "worker", "--slots", "2", "--grace", "0", "--metrics-port", str(ports["worker"]))
    ended = farm.ended(job)
    assert ended["state"] == "done"
    until(
        told("scheduler", 'gopfarm_jobs_ended_total{state="done",tenant_class="education"}'),
        "the end is counted",
    )
    until(lambda: told("scheduler", backlog)() == 0.0, "the backlog has fallen")
    until(lambda: told("worker", 'gopfarm_slots_busy{queue="encode.cpu"}')() == 0.0, "slots are free again")
    scheduler, worker = scrape(ports["scheduler"]), scrape(ports["worker"])
    report = json.loads((tmp_path / "out" / "job.json").read_text())

    assert scheduler['gopfarm_jobs_submitted_total{tenant_class="education"}'] == 1
    assert scheduler["gopfarm_tasks_queued_total"] == ended["tasks"] >= 2
    assert scheduler['gopfarm_media_seconds_total{tenant_class="education"}'] == SECONDS
    assert (
        scheduler["gopfarm_job_queue_seconds_count"] == scheduler["gopfarm_job_duration_seconds_count"] == 1
    )
    for step in ("probing", "planning", "publishing"):
        assert scheduler[f'gopfarm_step_seconds_count{{step="{step}"}}'] == 1
    assert scheduler['gopfarm_children_ended_total{how="ok"}'] == 1
    assert all(
        value == 0
        for name, value in scheduler.items()
        if name.startswith(("gopfarm_jobs{", "gopfarm_tasks_", "gopfarm_repairs_total"))
        and name != "gopfarm_tasks_queued_total"
    )

    videos = ended["tasks"] - 1
    assert worker['gopfarm_tasks_total{kind="video",outcome="done"}'] == videos
    assert worker['gopfarm_tasks_total{kind="audio",outcome="done"}'] == 1
    trial_of_encoders = 1
    assert worker['gopfarm_children_ended_total{how="ok"}'] == ended["tasks"] + trial_of_encoders
    assert worker['gopfarm_task_duration_seconds_count{kind="video"}'] == videos
    assert worker['gopfarm_task_peak_memory_bytes_count{kind="video"}'] == videos
    assert worker['gopfarm_frames_decoded_total{kind="video"}'] >= SECONDS * RATE
    encoded = {name: value for name, value in worker.items() if "frames_encoded_total" in name}
    rungs = [entry["planned"] for entry in report["ladder"] if "width" in entry["planned"]]
    assert encoded == {
        f'gopfarm_frames_encoded_total{{encoder="libx264",rendition="{rung["name"]}"}}': SECONDS * RATE
        for rung in rungs
    }
    cpu = 'gopfarm_task_cpu_seconds_total{kind="video",tenant_class="education"}'
    spent = sum(value for name, value in worker.items() if "encode_seconds_total" in name)
    assert spent > 0
    assert worker[cpu] > 0
    assert worker['gopfarm_child_cpu_seconds_total{how="ok"}'] > worker[cpu]
    stored = sum(
        path.stat().st_size for path in (tmp_path / "out").glob("*p/*/*") if path.suffix in (".m4s", ".mp4")
    )
    assert worker['gopfarm_stored_bytes_total{kind="video",tenant_class="education"}'] == stored
    assert worker['gopfarm_source_read_bytes_total{kind="video",tenant_class="education"}'] == 0
    assert worker['gopfarm_storage_request_seconds_count{operation="put",store="file"}'] >= len(
        list((tmp_path / "out").glob("*p/*/*.m4s"))
    )
    assert worker['gopfarm_redis_command_seconds_count{command="start"}'] == ended["tasks"]
    assert worker['gopfarm_slots{queue="encode.cpu"}'] == 2
    assert worker["gopfarm_worker_accepting"] == 1
    assert worker["gopfarm_scratch_free_bytes"] > 0

    declared = metrics.sample_names()
    for samples in (worker, scheduler):
        assert {name.partition("{")[0] for name in samples} <= declared
        assert not [name for name in samples if job in name or "school" in name or str(tmp_path) in name]
    assert not any(name.startswith("gopfarm_farm_") for name in worker)
